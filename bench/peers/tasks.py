"""What peers are asked to do; run by the interpreter of build/peers, one task per process.

    build/peers/bin/python bench/peers/tasks.py TASK DATA.npz

Prints one line of JSON: processor milliseconds of the best of several warm rounds (what is cold is
imports, measured apart), peak memory in MB, and the answer.
"""

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

ROUNDS = 3
N_METRICS = 20  # Of one reading by tea-tasting; times are per metric.
Arrays = Any  # pandas and the peers have no types that we could name.
Task = Callable[[Arrays], Callable[[], Sequence[float]]]


def _long(outcome: Arrays, start: Arrays) -> Arrays:
    n, t = outcome.shape
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), t),
            "time": np.tile(np.arange(1, t + 1), n),
            "start": np.repeat(np.where(start >= t, 0, start + 1), t),
            "treated": np.repeat((start < t).astype(int), t),
            "y": outcome.ravel(),
        }
    )


def diff_diff_synthetic(data: Arrays) -> Callable[[], Sequence[float]]:
    """Synthetic difference with 200 sampled placebos, its default."""
    from diff_diff import SyntheticDiD

    frame, after = _long(data["outcome"], data["start"]), int(data["start"].min()) + 1
    last = data["outcome"].shape[1]

    def work() -> Sequence[float]:
        model = SyntheticDiD(variance_method="placebo", n_bootstrap=200, seed=1)
        post = list(range(after, last + 1))
        found = model.fit(frame, "y", "treated", "unit", "time", post_periods=post)
        return found.att, found.se

    return work


def synthdid_point(data: Arrays) -> Callable[[], Sequence[float]]:
    """Synthetic difference, the figure alone."""
    from synthdid import synthdid_estimate

    treated = data["start"] < data["outcome"].shape[1]
    y = np.concatenate([data["outcome"][~treated], data["outcome"][treated]])
    n_donors, n_before = int((~treated).sum()), int(data["start"].min())
    return lambda: (float(synthdid_estimate(y, n_donors, n_before)),)


def pysyncon_weights(data: Arrays) -> Callable[[], Sequence[float]]:
    """Synthetic control weights on outcomes alone; the sum of squares left before."""
    from pysyncon import Synth

    treated = data["start"] < data["outcome"].shape[1]
    before = data["outcome"][:, : int(data["start"].min())]
    x0, x1 = before[~treated].T, before[treated][0]

    def work() -> Sequence[float]:
        weights, _ = Synth.w_optimize(np.eye(len(x1)), x0, x1)
        return (float(((x0 @ weights - x1) ** 2).sum()),)

    return work


def diff_diff_cells(data: Arrays) -> Callable[[], Sequence[float]]:
    """Callaway-Sant'Anna, overall only."""
    from diff_diff import CallawaySantAnna

    frame = _long(data["outcome"], data["start"])

    def work() -> Sequence[float]:
        found = CallawaySantAnna().fit(frame, "y", "unit", "time", "start")
        return found.overall_att, found.overall_se

    return work


def csdid_cells(data: Arrays) -> Callable[[], Sequence[float]]:
    """Callaway-Sant'Anna, the simple aggregation."""
    from csdid.att_gt import ATTgt

    frame = _long(data["outcome"], data["start"])

    def work() -> Sequence[float]:
        model = ATTgt("y", "time", "unit", "start", data=frame, control_group="nevertreated")
        found = model.fit(bstrap=False)
        found.aggte("simple", bstrap=False, cband=False)
        return found.atte["overall_att"], float(np.ravel(found.atte["overall_se"])[0])

    return work


def diff_diff_imputation(data: Arrays) -> Callable[[], Sequence[float]]:
    """Imputation, overall only."""
    from diff_diff import ImputationDiD

    frame = _long(data["outcome"], data["start"])

    def work() -> Sequence[float]:
        found = ImputationDiD().fit(frame, "y", "unit", "time", "start")
        return found.overall_att, found.overall_se

    return work


def bsts_series(data: Arrays) -> Callable[[], Sequence[float]]:
    """CausalImpact by Gibbs sampling, its defaults."""
    from causal_impact import CausalImpact

    frame = pd.DataFrame({"y": data["outcome"], "x": data["control"]})
    n, n_before = len(frame), int(data["n_before"])

    def work() -> Sequence[float]:
        found = CausalImpact(frame, [0, n_before - 1], [n_before, n - 1])
        return (float(np.ravel(found.summary_stats["point_effect_mean"])[0]),)

    return work


def tea_tasting_readings(data: Arrays) -> Callable[[], Sequence[float]]:
    """Read twenty metrics of two variants from their aggregates, per metric."""
    import tea_tasting as tt

    n = N_METRICS
    frame = pd.DataFrame({f"m{metric}": data["values"][metric] for metric in range(n)})
    frame["variant"] = np.arange(len(frame)) % 2
    test = tt.Experiment({f"m{metric}": tt.Mean(f"m{metric}") for metric in range(n)})
    aggregates = tt.aggr.read_aggregates(
        frame,
        "variant",
        has_count=True,
        mean_cols=[f"m{metric}" for metric in range(n)],
        var_cols=[f"m{metric}" for metric in range(n)],
        cov_cols=(),
    )

    def work() -> Sequence[float]:
        found = test.analyze(aggregates)
        return (float(found["m0"].effect_size),)

    return work


TASKS: dict[str, Task] = {
    each.__name__: each
    for each in (
        diff_diff_synthetic,
        synthdid_point,
        pysyncon_weights,
        diff_diff_cells,
        csdid_cells,
        diff_diff_imputation,
        bsts_series,
        tea_tasting_readings,
    )
}


def main() -> None:
    """Run the task that the command names."""
    warnings.filterwarnings("ignore")
    work = TASKS[sys.argv[1]](np.load(sys.argv[2]))
    answer = work()
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pieces = N_METRICS if sys.argv[1] == "tea_tasting_readings" else 1
    figures = [float(figure) for figure in answer]
    print(json.dumps({"ms": 1000 * min(taken) / pieces, "megabytes": peak, "answer": figures}))


if __name__ == "__main__":
    main()
