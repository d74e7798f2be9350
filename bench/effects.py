"""How long estimates take, each beside the fastest peer in the same run.

    python bench/effects.py              also sets up the peers' own environment, once
    python bench/effects.py --no-peers   ours alone

Everybody computes on one thread, warm. Times are processor time, the best of several runs, so that
they mean something on a machine with other work to do. Writes build/bench-effects.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aivalue.effects.arms.arm import Measure, arm_of_sums
from aivalue.effects.arms.comparison import difference
from aivalue.effects.donor_weights.simplex import simplex_least_squares
from aivalue.effects.estimators.callaway_santanna import callaway_santanna
from aivalue.effects.estimators.cuped import plain_levels
from aivalue.effects.estimators.difference_in_differences import difference_in_differences
from aivalue.effects.estimators.imputation import imputation
from aivalue.effects.estimators.interrupted_time_series import (
    Interrupted,
    interrupted_time_series,
)
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    average_without,
    synthetic_difference_in_differences,
)
from aivalue.effects.panel import Floats, months_between
from bench.peers.environment import python_of_peers, run_peer
from tests.unit.effects.reference import table
from tests.validation.worlds import NEVER, PERIODS, panel_noise, rollout_of

RUNS = 7
SLOW_MS = 10_000
N_BEFORE = 70
N_YEARS_BEFORE = 19
COLD = (
    "import time; {statement}; "
    # Not getrusage: a child's peak there begins with its parent's.
    "lines = open('/proc/self/status').read().split('VmHWM:')[1].split(); "
    "print(time.process_time(), float(lines[0]) / 1024)"
)
CELLS = (
    "from bench.effects import staggered, callaway_santanna; "
    "callaway_santanna(staggered(10_000, 20))"
)
PEER_STARTS = ("import numpy", "import causal_impact", "import diff_diff")
COLD_STARTS = (
    ("cold start of the estimator worker", "import aivalue.effects.estimate", 350, 70),
    ("Callaway-Sant'Anna on 200,000 rows, data and start included", CELLS, 1_000, 150),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is measured, the bar it must stay below, and who does the same.

    Attributes
    ----------
    per : int
        Pieces of work in one run; the bar is for one piece.
    peers : names of `bench/peers/tasks.py`, with the data they read
    """

    name: str
    work: Callable[[], object]
    bar_ms: float
    per: int = 1
    peers: tuple[str, ...] = ()
    data: str = ""


def milliseconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """Return the processor time of the best of several runs after one that does not count."""
    work()
    taken = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return 1000 * min(taken)


def california() -> tuple[Floats, Floats]:
    """Return the treated state and its 38 donors."""
    rows = table("prop99.csv")
    states, years = sorted({row["State"] for row in rows}), sorted({row["Year"] for row in rows})
    values = np.empty((len(states), len(years)))
    for row in rows:
        cell = states.index(row["State"]), years.index(row["Year"])
        values[cell] = float(row["PacksPerCapita"])
    row_of = states.index("California")
    return values[row_of : row_of + 1], np.delete(values, row_of, axis=0)


def staggered(n_units: int, n_periods: int) -> StaggeredPanel:
    """Return units that go live in four waves; a fifth never do."""
    rng = np.random.default_rng(1)
    outcome = panel_noise(rng, 0.3, (n_units, n_periods))
    first = rng.choice([5, 8, 11, 14, n_periods], n_units).astype(np.int64)
    return StaggeredPanel(
        outcome=outcome,
        first_treated=first,
        units=tuple(str(unit) for unit in range(n_units)),
        periods=PERIODS[:n_periods],
    )


def one_series(seed: int = 2) -> Interrupted:
    """Return CausalImpact's setting: one control, 70 days before and 30 after."""
    rng = np.random.default_rng(seed)
    control = 100 + rng.normal(size=100).cumsum()
    is_after = (np.arange(100) >= N_BEFORE).astype(float)
    return Interrupted(
        periods=months_between(PERIODS[0].start, PERIODS[0].end),
        outcome=1.2 * control + rng.normal(size=100),
        position=np.arange(100.0),
        with_ai=is_after[:, None],
        controls=control[:, None],
        volume=np.ones(1),
    )


def readings(n_metrics: int) -> Callable[[], object]:
    """Return the work of reading that many metrics of two arms at once."""
    rng = np.random.default_rng(3)
    n, total = (
        rng.integers(1000, 9000, (2, n_metrics)).astype(float),
        rng.normal(size=(2, n_metrics)),
    )
    squares = total**2 / n + rng.uniform(50, 100, (2, n_metrics))

    def read() -> object:
        arms = [arm_of_sums(n[row], total[row], squares[row]) for row in (0, 1)]
        return difference(*plain_levels(arms[0], arms[1], Measure(numerator=0)))

    return read


def refresh(n_initiatives: int) -> Callable[[], object]:
    """Return the work of one refresh: a third each of experiments, rollouts and series."""
    rng = np.random.default_rng(5)
    third = n_initiatives // 3
    start = np.array([12, 12, 14, 16, 18, 20, *[NEVER] * 6])
    rollouts = [rollout_of(panel_noise(rng, 0.3, (12, 24)), start) for _ in range(third)]
    series = [one_series(seed) for seed in range(third)]
    read = readings(n_initiatives - 2 * third)

    def work() -> None:
        read()
        for rollout in rollouts:
            difference_in_differences(rollout, scale="additive")
        for each in series:
            interrupted_time_series(each)

    return work


def cases(panel: StaggeredPanel, million: StaggeredPanel) -> tuple[Case, ...]:
    """Return everything that is measured in this process."""
    treated, donors = california()
    before, target = donors[:, :N_YEARS_BEFORE].T, treated[0, :N_YEARS_BEFORE]
    like = synthetic_difference_in_differences(treated, donors, N_YEARS_BEFORE)
    series = one_series()
    n_metrics = 10_000
    return (
        Case(
            name="synthetic control weights with certificate, California",
            work=lambda: simplex_least_squares(before, target),
            bar_ms=5,
            peers=("pysyncon_weights",),
            data="california",
        ),
        Case(
            name="synthetic difference, the figure alone (one donor out), California",
            work=lambda: average_without(treated, donors, N_YEARS_BEFORE, 0, like=like),
            bar_ms=10,
            peers=("synthdid_point",),
            data="california",
        ),
        Case(
            name="synthetic difference with all 38 placebos, California",
            work=lambda: synthetic_difference_in_differences(treated, donors, N_YEARS_BEFORE),
            bar_ms=300,
            peers=("diff_diff_synthetic",),
            data="california",
        ),
        Case(
            name="Callaway-Sant'Anna, 200,000 rows",
            work=lambda: callaway_santanna(panel),
            bar_ms=100,
            peers=("diff_diff_cells", "csdid_cells"),
            data="panel",
        ),
        Case(
            name="imputation, 200,000 rows",
            work=lambda: imputation(panel),
            bar_ms=250,
            peers=("diff_diff_imputation",),
            data="panel",
        ),
        Case(
            name="Callaway-Sant'Anna, 1,000,000 rows",
            work=lambda: callaway_santanna(million),
            bar_ms=500,
        ),
        Case(name="imputation, 1,000,000 rows", work=lambda: imputation(million), bar_ms=1_250),
        Case(
            name="series with control, averaged over error models",
            work=lambda: interrupted_time_series(series),
            bar_ms=150,
            peers=("bsts_series",),
            data="series",
        ),
        Case(
            name="series with control, calibrated by bootstrap",
            work=lambda: interrupted_time_series(series, errors="bootstrap"),
            bar_ms=150,
            peers=("bsts_series",),
            data="series",
        ),
        Case(
            name="A/B readings, per metric of two variants",
            work=readings(n_metrics),
            bar_ms=0.02,
            per=n_metrics,
            peers=("tea_tasting_readings",),
            data="readings",
        ),
        Case(name="one refresh of 1,000 initiatives", work=refresh(1_000), bar_ms=60_000),
    )


def data_for_peers(folder: Path, panel: StaggeredPanel) -> None:
    """Write the same data that ours reads."""
    treated, donors = california()
    start = np.append(np.full(len(donors), donors.shape[1]), N_YEARS_BEFORE)
    series = one_series()
    np.savez(folder / "california.npz", outcome=np.concatenate([donors, treated]), start=start)
    np.savez(folder / "panel.npz", outcome=panel.outcome, start=panel.first_treated)
    control = series.controls[:, 0]
    np.savez(folder / "series.npz", outcome=series.outcome, control=control, n_before=N_BEFORE)
    values = np.random.default_rng(3).normal(size=(20, 4_000))
    np.savez(folder / "readings.npz", values=values)


def _cold(statement: str, python: str = sys.executable) -> tuple[float, float]:
    """Return seconds of processor time and peak megabytes of a fresh interpreter."""
    program = COLD.format(statement=statement)
    runs = []
    for _ in range(5):
        command = [python, "-c", program]
        run = subprocess.run(command, capture_output=True, check=True, text=True)
        runs.append([float(figure) for figure in run.stdout.split()])
    seconds, megabytes = np.array(runs).min(axis=0)
    return float(seconds), float(megabytes)


def main() -> None:
    """Measure, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--no-peers", action="store_true")
    asked = arguments.parse_args()
    panel, million = staggered(10_000, 20), staggered(50_000, 20)
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data_for_peers(folder, panel)
        for case in cases(panel, million):
            ours = milliseconds(case.work, RUNS if case.bar_ms < SLOW_MS else 1) / case.per
            print(f"{ours:12.4f} ms  (bar {case.bar_ms:g})  {case.name}", flush=True)
            beside = {}
            for peer in () if asked.no_peers else case.peers:
                run = run_peer(peer, folder / f"{case.data}.npz")
                ratio = run.ms / ours
                beside[peer] = {"ms": run.ms, "mb": run.megabytes, "ratio": ratio}
                print(f"{run.ms:12.4f} ms  {ratio:.1f} times ours, {run.megabytes:.0f} MB  {peer}")
            row = {"case": case.name, "ms": ours, "bar_ms": case.bar_ms, "peers": beside}
            found.append(row)
    for label, statement, bar_ms, bar_mb in COLD_STARTS:
        seconds, megabytes = _cold(statement)
        print(
            f"{1000 * seconds:12.2f} ms  (bar {bar_ms})  {label}, {megabytes:.0f} MB (bar {bar_mb})"
        )
        found.append({"case": label, "ms": 1000 * seconds, "bar_ms": bar_ms, "mb": megabytes})
    for statement in () if asked.no_peers else PEER_STARTS:
        seconds, megabytes = _cold(statement, str(python_of_peers()))
        print(f"{1000 * seconds:12.2f} ms  cold {statement}, {megabytes:.0f} MB")
        found.append({"case": f"cold {statement}", "ms": 1000 * seconds, "mb": megabytes})
    path = Path("build/bench-effects.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        # Read once, when numpy is imported: so start again.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this very script
    main()
