"""Joint pre-trend: whether treated units drifted away from the others before the AI came.

The quarters from the fourth to the twelfth month before go-live are compared with the time before
them, all at once. The three months next to go-live belong to `regression_to_the_mean`.
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Scale
from aivalue.effects.leads import leads_differ
from aivalue.effects.panel import Floats, Integers

NAME = "pre_trend"
P_MIN = 0.05
QUARTERS = ((4, 6), (7, 9), (10, 12))  # Months before go-live, both ends included.


def pre_trend(
    y: Floats,
    x: Floats,
    months_to_start: Integers,
    *,
    scale: Scale,
    blocks: tuple[tuple[int, int], ...] = QUARTERS,
) -> CheckResult:
    """Test untreated cells; `months_to_start` is 0 in the month of go-live, negative after.

    `blocks` are ranges of periods before go-live, where those are not months.
    """
    leads = np.stack(
        [(months_to_start >= first) & (months_to_start <= last) for first, last in blocks]
    ).astype(float)
    # Periods nearer than the blocks are neither tested nor a reference.
    x = np.where((months_to_start >= 1) & (months_to_start < blocks[0][0]), 0.0, x)
    y = np.where(x > 0, y, 0.0)
    units, periods = x.sum(axis=1) > 0, x.sum(axis=0) > 0
    inside = np.ix_(units, periods)
    test = leads_differ(y[inside], x[inside], leads[:, units][:, :, periods], scale=scale)
    if test.rank == 0:
        return CheckResult(
            name=NAME, status="not_applicable", p_value=None, detail="too short a history before"
        )
    size = f"{test.detectable:.1%}" if scale == "proportional" else f"{test.detectable:.4g}"
    length = blocks[0][1] - blocks[0][0] + 1
    return CheckResult(
        name=NAME,
        status="failed" if test.p_value < P_MIN else "passed",
        p_value=test.p_value,
        detail=f"p = {test.p_value:.2g} over {test.rank} blocks of {length} before go-live",
        power=f"a change of {size} in one would be found in 80 % of cases",
    )
