"""Turns baseline, series and rollout into effects, and effects into money.

Reads series, interventions and costs from ingest, definitions and frozen baselines from baseline;
writes runs that can be re-derived; publishes what a run changed on `aivalue.value.v1`.
"""

import os

# One thread: the order of additions, and with it the last digit of an effect and its digest, must
# not depend on how many processors a machine has. It is read when numpy is first imported.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_variable, "1")
