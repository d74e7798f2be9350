"""From which odds on the wider interval of a series is published: what every threshold trades.

The published rule takes even odds. Every draw is read once; the thresholds differ only in which of
its two readings they publish.

    python -m tests.validation.thresholds --draws 1000 --seed 2
"""

import argparse
import sys
from collections.abc import Callable

import numpy as np

from aivalue.effects.error_models.wandering import EVEN, Levels
from aivalue.effects.estimators import before_after as weeks
from aivalue.effects.estimators.interrupted_time_series import levels
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats
from tests.validation.cell import WIDTH_MAX
from tests.validation.series import WALK, with_control
from tests.validation.worlds import (
    N_WEEKS,
    walk_matrix,
    weekly,
    weekly_of,
    weekly_oracle_width,
    weekly_width_under,
)

THRESHOLDS = (float("inf"), 10.0, 3.0, 2.0, 1.5, EVEN, 0.5)
Draw = Callable[[np.random.Generator], tuple[Levels, float]]


def _daily(kind: str) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[Levels, float]:
        series, oracle = with_control(kind, rng)
        return levels(series), oracle

    return draw


def _weekly(rng: np.random.Generator) -> tuple[Levels, float]:
    return weeks.levels(weekly(rng, 0.0, shape="plain")), weekly_oracle_width(0.0)


def _weekly_walk(rng: np.random.Generator) -> tuple[Levels, float]:
    covariance = walk_matrix(2 * WALK, N_WEEKS)
    noise = np.linalg.cholesky(covariance) @ rng.normal(size=N_WEEKS)
    return weeks.levels(weekly_of(10 + noise)), weekly_width_under(covariance)


# Name, draw, what is shown of it.
SETTINGS: tuple[tuple[str, Draw, str], ...] = (
    ("walk", _daily("wandering"), "covered"),
    ("walk twice as fast", _daily("wandering fast"), "covered"),
    ("the same, weekly", _weekly_walk, "covered"),
    (".9 under noise", _daily("under noise"), "covered"),
    ("no memory", _daily("0.0"), "width"),
    ("no memory, weekly", _weekly, "width"),
    ("correlation .8", _daily("0.8"), "width"),
)


def read(draw: Draw, draws: int, seed: int) -> Floats:
    """Return middle, half width and the oracle's width by threshold, shape (3, n, thresholds)."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        series, oracle = draw(rng)
        narrower, wider = average(series.stands), average(series.allowing(series.stretch))
        published = [wider if series.odds > least else narrower for least in THRESHOLDS]
        found.append([(each.point, (each.high - each.low) / 2, oracle) for each in published])
    return np.array(found).transpose(2, 0, 1)


def shown(what: str, readings: Floats) -> list[str]:
    """Return a cell of the table for each threshold."""
    middle, half, oracle = readings
    if what == "covered":
        return [f"{100 * share:.1f}" for share in (np.abs(middle) <= half).mean(axis=0)]
    ratio = 2 * half / oracle
    figures = np.median(ratio, axis=0), ratio.mean(axis=0), (ratio <= WIDTH_MAX).mean(axis=0)
    return [
        f"{median:.2f}, {mean:.2f} ({100 * narrow:.0f})"
        for median, mean, narrow in zip(*figures, strict=True)
    ]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=2)
    given = parser.parse_args()
    heads = [
        f"{name}: covered, %" if what == "covered" else f"{name}: width / oracle"
        for name, _, what in SETTINGS
    ]
    columns = []
    for name, draw, what in SETTINGS:
        sys.stderr.write(f"{name}\n")
        columns.append(shown(what, read(draw, given.draws, given.seed)))
    say = sys.stdout.write
    say(f"| wider from these odds on | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}\n")
    for threshold, cells in zip(THRESHOLDS, zip(*columns, strict=True), strict=True):
        name = "never" if threshold == float("inf") else f"{threshold:g}"
        name += ", as published" if threshold == EVEN else ""
        say(f"| {name} | {' | '.join(cells)} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
