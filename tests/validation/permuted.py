"""Few treated units: the interval that permutes who went live, beside the calibrated one.

python -m tests.validation.permuted --draws 1000 prints the table of docs/methods/permutation.md.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aivalue.effects.effect import Effect
from aivalue.effects.estimators.imputation import imputation
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.estimators.synthetic_effect import synthetic_difference_effect
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.changes import changes_of
from aivalue.effects.permutations.permutation import (
    Permutation,
    permutation_interval,
    permutation_of_starts,
)
from tests.validation.worlds import PERIODS, panel_noise

N_PERIODS = 20
Both = tuple[Permutation, Effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Units without an effect, and when some of them go live.

    Attributes
    ----------
    noisier : float
        By how much treated units vary more than the others.
    """

    starts: tuple[int, ...]
    n_units: int
    correlation: float
    noisier: float = 1.0
    read: Callable[[Floats, tuple[int, ...]], Both]

    @property
    def name(self) -> str:
        """What stands in the table."""
        waves = "" if len(set(self.starts)) == 1 else " in waves"
        noise = "" if self.noisier == 1 else f", treated vary {self.noisier:g} times as much"
        return (
            f"{len(self.starts)} of {self.n_units} units{waves}, correlation "
            f"{self.correlation}{noise}: {self.read.__name__.replace('_', ' ')}"
        )


def imputed(y: Floats, starts: tuple[int, ...]) -> Both:
    """Read the rollout by imputation, and permute units' changes over their starts."""
    first = np.array([*starts, *[N_PERIODS] * (len(y) - len(starts))])
    with_ai = np.arange(N_PERIODS) >= first[:, None]
    changes = changes_of(y, np.ones_like(y), with_ai, first)
    panel = StaggeredPanel(
        outcome=y,
        first_treated=first,
        units=tuple(f"u{row:03d}" for row in range(len(y))),
        periods=PERIODS[:N_PERIODS],
    )
    exact = permutation_of_starts(changes.change, changes.had_it, changes.counts)
    return exact, imputation(panel)


def synthetic_difference(y: Floats, starts: tuple[int, ...]) -> Both:
    """Read units that started together by synthetic difference, and permute their readings."""
    n, start = len(starts), starts[0]
    found = synthetic_difference_in_differences(y[:n], y[n:], start)
    effect = synthetic_difference_effect(
        found,
        y[:n, start:].mean(axis=0),
        np.full(N_PERIODS - start, float(n)),
        periods=PERIODS[start:N_PERIODS],
    )
    each = [synthetic_difference_in_differences(row[None], y[n:], start).average for row in y[:n]]
    return permutation_interval(np.array(each), found.placebos.mean(axis=1)), effect


SITUATIONS = (
    *(
        Situation(starts=(10,) * n, n_units=40, correlation=correlation, read=imputed)
        for n in (1, 2, 3)
        for correlation in (0.0, 0.6)
    ),
    Situation(starts=(8, 12), n_units=40, correlation=0.4, read=imputed),
    Situation(starts=(8, 11, 14), n_units=40, correlation=0.4, read=imputed),
    Situation(starts=(10,) * 2, n_units=10, correlation=0.6, read=imputed),
    Situation(starts=(10,) * 3, n_units=10, correlation=0.6, read=imputed),
    Situation(starts=(10,) * 3, n_units=40, correlation=0.6, noisier=2.0, read=imputed),
    *(
        Situation(starts=(15,), n_units=n_units, correlation=0.6, read=synthetic_difference)
        for n_units in (20, 39, 40)
    ),
    Situation(starts=(15,) * 2, n_units=40, correlation=0.6, read=synthetic_difference),
)


def row_of(situation: Situation, draws: int) -> str:
    """Simulate one situation and return its row of the table."""
    rng = np.random.default_rng(1)
    covered, width, n_assignments = np.empty((draws, 2)), np.empty((draws, 2)), 0
    for draw in range(draws):
        y = panel_noise(rng, situation.correlation, (situation.n_units, N_PERIODS))
        y[: len(situation.starts)] *= situation.noisier
        exact, effect = situation.read(y, situation.starts)
        figure = average(effect)
        covered[draw] = exact.low <= 0 <= exact.high, figure.low <= 0 <= figure.high
        width[draw] = exact.high - exact.low, figure.high - figure.low
        n_assignments = exact.n_assignments
    share, wide = 100 * covered.mean(axis=0), np.median(width, axis=0)
    return (
        f"| {situation.name} | {n_assignments:,} | {share[0]:.1f} | {share[1]:.1f} "
        f"| {wide[0] / wide[1]:.2f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    draws = parser.parse_args().draws
    head = "situation | assignments | permuted covers, % | calibrated covers, % | permuted width"
    sys.stdout.write(f"| {head} / calibrated |\n|---|---|---|---|---|\n")
    for situation in SITUATIONS:
        sys.stdout.write(row_of(situation, draws) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
