"""How long estimates take, each beside the fastest peer measured on such a machine.

    python bench/effects.py

Prints milliseconds (the median of several runs) and the peer's figure, and writes
build/bench-effects.json.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from aivalue.effects.arm import Measure, arm_of_sums
from aivalue.effects.comparison import difference
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
    synthetic_difference_in_differences,
)
from aivalue.effects.panel import Floats, months_between
from aivalue.effects.simplex import simplex_least_squares
from tests.unit.effects.reference import table
from tests.validation.worlds import NEVER, PERIODS, panel_noise, rollout_of

RUNS = 7
N_BEFORE = 70
IMPORT = (
    "import time; start = time.perf_counter(); import aivalue.effects.estimate; "
    # Not getrusage: a child's peak there begins with its parent's.
    "lines = open('/proc/self/status').read().split('VmHWM:')[1].split(); "
    "print(time.perf_counter() - start, float(lines[0]) / 1024)"
)


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median of several runs after one that does not count."""
    work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


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


def one_series() -> Interrupted:
    """Return CausalImpact's setting: one control, 70 days before and 30 after."""
    rng = np.random.default_rng(2)
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


def _cold_import() -> list[float]:
    """Return seconds and megabytes of importing the estimator worker."""
    run = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, check=True, text=True)
    return [float(figure) for figure in run.stdout.split()]


def main() -> None:
    """Measure, print, write."""
    treated, donors = california()
    before, target = donors[:, :19].T, treated[0, :19]
    panel = staggered(10_000, 20)
    series = one_series()
    start = np.array([12] * 10 + [18] * 12 + [NEVER] * 2)
    rollout = rollout_of(panel_noise(np.random.default_rng(4), 0.3, (24, 36)), start)
    n_metrics = 10_000
    cases: tuple[tuple[str, Callable[[], object], float, str], ...] = (
        (
            "synthetic control weights with certificate, California",
            lambda: simplex_least_squares(before, target),
            5,
            "pysyncon 23",
        ),
        (
            "synthetic difference with all 38 placebos, California",
            lambda: synthetic_difference_in_differences(treated, donors, 19),
            300,
            "diff-diff 1040",
        ),
        (
            "Callaway-Sant'Anna, 200,000 rows",
            lambda: callaway_santanna(panel),
            100,
            "diff-diff 105",
        ),
        ("imputation, 200,000 rows", lambda: imputation(panel), 250, "diff-diff 376"),
        (
            "series with control, calibrated",
            lambda: interrupted_time_series(series),
            150,
            "bsts 16 (not calibrated), pyci 870",
        ),
        (
            "rollout of 24 units over 36 months",
            lambda: difference_in_differences(rollout, scale="additive"),
            300,
            "",
        ),
        (
            "10,000 A/B readings of two arms",
            readings(n_metrics),
            2 * 10 * n_metrics / 1000,
            "gbstats 176 us each",
        ),
    )
    found = []
    for name, work, bar, peer in cases:
        taken = milliseconds(work)
        found.append({"case": name, "ms": round(taken, 3), "bar_ms": bar, "peer_ms": peer})
        print(f"{taken:10.2f} ms  (bar {bar:g})  {name}  peer: {peer}", flush=True)
    cold = [_cold_import() for _ in range(3)]
    seconds, megabytes = np.median(np.array(cold), axis=0)
    found.append({"case": "cold import", "ms": 1000 * seconds, "bar_ms": 350, "peer_ms": ""})
    print(f"{1000 * seconds:10.2f} ms  (bar 350)  cold import, {megabytes:.0f} MB (bar 70)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak:.0f} MB")
    path = Path("build/bench-effects.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
