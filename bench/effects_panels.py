"""How long staggered-panel estimates take, each beside the same written plainly with numpy.

    python bench/effects_panels.py [UNITS [PERIODS]]
    python bench/effects_panels.py --peers   also diff-diff and csdid, in their own environment

The plain alternatives make one pass over the units per cohort and period, as the formulas read;
they give the same numbers, which is checked before anything is timed. A peer runs in a process of
its own on the same panel, warm; its overall effect and standard error must be ours. Everybody
computes on one thread, and times are processor time, the best of several runs, so that they mean
something on a machine with other work to do.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from aivalue.effects.estimators.averages import By
from aivalue.effects.estimators.callaway_santanna import (
    average_effects,
    callaway_santanna,
    group_time_effects,
)
from aivalue.effects.estimators.imputation import average_imputed, imputation, impute
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.panel import Booleans, Floats, months_between
from bench.peers.environment import python_of_peers

RUNS = 9
KINDS: tuple[By, ...] = ("overall", "cohort", "event_time", "period")
CLOSE = 1e-8

Estimator = Callable[[StaggeredPanel], tuple[float, float]]

PEERS = """
import json, resource, sys, time, warnings
import numpy as np, pandas as pd
warnings.filterwarnings("ignore")
held = np.load(sys.argv[2])
n, t = held["outcome"].shape
start = np.where(held["start"] >= t, 0, held["start"] + 1)
data = pd.DataFrame({"unit": np.repeat(np.arange(n), t), "time": np.tile(np.arange(1, t + 1), n),
                     "start": np.repeat(start, t), "y": held["outcome"].ravel()})
def cs():
    from diff_diff import CallawaySantAnna
    r = CallawaySantAnna().fit(data, "y", "unit", "time", "start", **more)
    return r.overall_att, r.overall_se
def csdid():
    from csdid.att_gt import ATTgt
    r = ATTgt("y", "time", "unit", "start", data=data, control_group="nevertreated")
    r = r.fit(bstrap=False)
    for kind in ("group", "dynamic", "calendar", "simple"):
        r.aggte(kind, bstrap=False, cband=False)
    return r.atte["overall_att"], float(np.ravel(r.atte["overall_se"])[0])
def bjs():
    from diff_diff import ImputationDiD
    r = ImputationDiD().fit(data, "y", "unit", "time", "start", **more)
    return r.overall_att, r.overall_se
more = {"aggregate": "all"} if sys.argv[1].endswith("all aggregations") else {}
work = csdid if sys.argv[1].startswith("csdid") else bjs if "imputation" in sys.argv[1] else cs
work()
seconds = []
for _ in range(5):
    begun = time.process_time(); found = work(); seconds.append(time.process_time() - begun)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([min(seconds), peak, *map(float, found)]))
"""


def panel_of(n_units: int, n_periods: int) -> StaggeredPanel:
    """Ten waves and a fifth of the units never treated; effects grow by wave and time."""
    rng = np.random.default_rng(1)
    starts = np.linspace(2, n_periods - 2, 8).astype(np.int64)
    first = rng.choice(np.append(starts, [n_periods, n_periods]), n_units)
    since = np.arange(n_periods) - first[:, None]
    outcome = rng.normal(size=(n_units, n_periods)) + rng.normal(0, 2, (n_units, 1))
    outcome += rng.normal(0, 1, n_periods) + np.where(since >= 0, 1 + 0.1 * since, 0.0)
    return StaggeredPanel(
        outcome=outcome,
        first_treated=first,
        units=tuple(str(unit) for unit in range(n_units)),
        periods=months_between(date(2000, 1, 1), date(2099, 1, 1))[:n_periods],
    )


def all_cells(panel: StaggeredPanel) -> tuple[float, float]:
    """Return the overall effect and standard error, after every aggregation."""
    found = group_time_effects(panel, inference="asymptotic")
    averages = {by: average_effects(found, by=by) for by in KINDS}
    return averages["overall"].overall.point, averages["overall"].overall.standard_error


def all_imputed(panel: StaggeredPanel) -> tuple[float, float]:
    """Return the same from imputation."""
    found = impute(panel)
    averages = {by: average_imputed(found, by=by, inference="asymptotic") for by in KINDS}
    return averages["overall"].overall.point, averages["overall"].overall.standard_error


def plain_cells(panel: StaggeredPanel) -> tuple[float, float]:
    """Estimate cohort by cohort and period by period, with one influence function per cell."""
    outcome, first = panel.outcome, panel.first_treated
    n_units, n_periods = outcome.shape
    never = first >= n_periods
    effects, influences, cohorts = [], [], []
    for start in np.unique(first[~never]):
        inside = first == start
        for period in range(1, n_periods):
            base = period - 1 if period < start else start - 1
            change = outcome[:, period] - outcome[:, base]
            with_ai, without = change[inside].mean(), change[never].mean()
            influence = np.zeros(n_units)
            influence[inside] = (change[inside] - with_ai) * n_units / inside.sum()
            influence[never] = -(change[never] - without) * n_units / never.sum()
            effects.append(with_ai - without)
            influences.append(influence)
            cohorts.append((start, period))
    after = [at for at, (start, period) in enumerate(cohorts) if period >= start]
    share = np.array([(first == cohorts[at][0]).mean() for at in after])
    effect = np.array(effects)[after]
    weight = share / share.sum()
    overall = float(weight @ effect)
    influence = np.stack([influences[at] for at in after], axis=1) @ weight
    member = np.stack([first == cohorts[at][0] for at in after], axis=1) - share
    influence += (member @ effect - member.sum(axis=1) * overall) / share.sum()
    return overall, float(np.sqrt((influence**2).sum()) / n_units)


def plain_imputed(panel: StaggeredPanel) -> tuple[float, float]:
    """Fit unit and period levels by alternating means; weights of the figure likewise."""
    outcome, treated = panel.outcome, panel.treated
    fitted, untreated = _levels(outcome, ~treated), ~treated
    effect = np.where(treated, outcome - fitted, 0.0)
    n_treated = treated.sum()
    own = effect.copy()
    for start in np.unique(panel.first_treated[treated.any(axis=1)]):
        inside = panel.first_treated == start
        own[inside] -= effect[inside].mean(axis=0)
    # The figure's weights on untreated cells are the residuals of a regression of the treated
    # cells' indicator, with the sign turned: the same alternating means, on a dual problem.
    target = np.where(treated, 1 / n_treated, 0.0)
    dual = _dual(target, untreated)
    residual = np.where(untreated, outcome - fitted, 0.0)
    contribution = np.where(treated, own / n_treated, -dual * residual).sum(axis=1)
    return float(effect.sum() / n_treated), float(np.sqrt((contribution**2).sum()))


def _levels(outcome: Floats, seen: Booleans) -> Floats:
    unit, period = np.zeros(len(outcome)), np.zeros(outcome.shape[1])
    for _ in range(10_000):
        unit = np.where(seen, outcome - period, 0.0).sum(axis=1) / seen.sum(axis=1)
        following = np.where(seen, outcome - unit[:, None], 0.0).sum(axis=0) / seen.sum(axis=0)
        moved = np.abs(following - period).max()
        period = following
        if moved < CLOSE / 100:
            break
    return unit[:, None] + period


def _dual(target: Floats, seen: Booleans) -> Floats:
    unit, period = np.zeros(len(target)), np.zeros(target.shape[1])
    by_unit, by_period = target.sum(axis=1), target.sum(axis=0)
    for _ in range(10_000):
        unit = (by_unit - (seen * period).sum(axis=1)) / seen.sum(axis=1)
        following = (by_period - (seen * unit[:, None]).sum(axis=0)) / seen.sum(axis=0)
        moved = np.abs(following - period).max()
        period = following
        if moved < CLOSE / 1e7:
            break
    return unit[:, None] + period


def seconds(work: Callable[[], object], runs: int) -> float:
    """Return the processor time of the best of several runs: other work only adds."""
    work()
    taken = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def require_close(name: str, ours: tuple[float, float], other: tuple[float, float]) -> None:
    """Stop if two ways to the same figure disagree."""
    if not np.allclose(ours, other, rtol=1e-5, atol=1e-7):
        sys.exit(f"{name}: {other} is not {ours}")


def peer(python: str, name: str, path: Path) -> tuple[float, float, tuple[float, float]]:
    """Run a peer in its own process; return its seconds, peak MB, effect and standard error."""
    command = [python, "-c", PEERS, name, str(path)]
    answer = subprocess.run(command, capture_output=True, check=True, text=True, timeout=600)
    taken, peak, point, error = json.loads(answer.stdout.splitlines()[-1])
    return taken, peak, (point, error)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("units", nargs="?", type=int, default=10_000)
    arguments.add_argument("periods", nargs="?", type=int, default=20)
    arguments.add_argument("--peers", action="store_true")
    asked = arguments.parse_args()
    panel = panel_of(asked.units, asked.periods)
    print(f"{asked.units} units x {asked.periods} periods = {panel.outcome.size} rows")
    _beside_plain("Callaway-Sant'Anna", panel, all_cells, plain_cells)
    _beside_plain("imputation", panel, all_imputed, plain_imputed)
    for name, effect in (("Callaway-Sant'Anna", callaway_santanna), ("imputation", imputation)):
        taken = seconds(partial(effect, panel), RUNS)
        print(f"{name}, one Effect with covariance: {1000 * taken:.1f} ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak {peak:.0f} MB, plain alternatives included")
    if asked.peers:
        _beside_peers(panel, str(python_of_peers()))


def _beside_plain(name: str, panel: StaggeredPanel, ours: Estimator, plain: Estimator) -> None:
    require_close(f"plain {name}", ours(panel), plain(panel))
    own = seconds(partial(ours, panel), RUNS)
    other = seconds(partial(plain, panel), RUNS)
    print(
        f"{name}, all aggregations: {1000 * own:.1f} ms; plain numpy, overall only: "
        f"{1000 * other:.1f} ms, ratio {other / own:.1f}"
    )


def _beside_peers(panel: StaggeredPanel, python: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.npz"
        np.savez(path, outcome=panel.outcome, start=panel.first_treated)
        for name, ours in (
            ("diff-diff Callaway-Sant'Anna, overall only", all_cells),
            ("diff-diff Callaway-Sant'Anna, all aggregations", all_cells),
            ("csdid, all aggregations", all_cells),
            ("diff-diff imputation, overall only", all_imputed),
            ("diff-diff imputation, all aggregations", all_imputed),
        ):
            taken, peak, answer = peer(python, name, path)
            own = seconds(partial(ours, panel), RUNS)
            require_close(name, ours(panel), answer)
            print(
                f"{name}: {1000 * taken:.1f} ms, {peak:.0f} MB; "
                f"ours, all aggregations: {1000 * own:.1f} ms, ratio {taken / own:.1f}"
            )


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        # Read once, when numpy is imported: so start again.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this very script
    main()
