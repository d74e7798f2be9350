"""What covering a slow walk costs: coverage of it against width around a series without memory.

One is told that errors are white noise, or white noise on a level that takes steps of a tenth of
its deviation, and that nothing else is possible; only which of the two is left open. Everything
else (season, control, lengths) is CausalImpact's setting, as in D2, or the weekly one of D1.

The first table is a bound: the least mean width that any rule can have where there is no memory,
if it covers the walk as often as the row says. It is a rule's whatever it does, as long as it reads
a shifted or rescaled series accordingly: by the lemma of Neyman and Pearson the best one keeps the
effects at which the walk is likeliest beside the series without memory. The second table averages
over the two by likelihood, at a prior weight, as intervals usually do.

Source: Pratt (1961), "Length of Confidence Intervals", JASA 56(295); Elliott, Mueller & Watson
(2015), "Nearly Optimal Tests When a Nuisance Parameter Is Present Under the Null Hypothesis",
Econometrica 83(2).

    python -m tests.validation.frontier --draws 1000 --seed 1
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from aivalue.effects.panel import Floats
from tests.validation.series import N_DAYS, WALK, with_control
from tests.validation.worlds import (
    N_WEEKS,
    oracle_width,
    walk_matrix,
    weekly_regression,
)

WEIGHTS = (0.0, 0.3, 1.0, 3.0, 10.0)
COVERED = (0.84, 0.90, 0.92, 0.93, 0.94, 0.95)
STEPS = 60  # Halvings in search of a quantile.
FAR = 12.0  # Deviations within which all quantiles lie.


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Series of one kind, read under both models.

    Attributes
    ----------
    likelihood, point, scale : shape (n_draws, 2)
        Restricted log likelihood, and the effect's Student's t, first without memory.
    deviation : shape (n_draws,)
        Of the errors, as the model without memory has it.
    oracle : shape (n_draws,)
        Widths of one who knows which of the two it is, and the deviation.
    """

    likelihood: Floats
    point: Floats
    scale: Floats
    deviation: Floats
    oracle: Floats
    free: int

    def log_density(self, effect: float) -> Floats:
        """Return log densities of the effect under both models."""
        unit = (effect - self.point) / self.scale
        return -(self.free + 1) / 2 * np.log1p(unit**2 / self.free) - np.log(self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series with what explains it, and the width of one who knows its errors."""

    outcome: Floats
    regressors: Floats
    weights: Floats
    oracle: float


Draw = Callable[[str, np.random.Generator], Series]


def daily(kind: str, rng: np.random.Generator) -> Series:
    """Draw 70 days before and 30 after, beside a control series."""
    series, oracle = with_control(kind, rng)
    control = series.controls[:, 0] - series.controls.mean()
    regressors = np.column_stack([series.with_ai, control, np.eye(7)[np.arange(N_DAYS) % 7]])
    weights = np.eye(regressors.shape[1])[0]
    return Series(outcome=series.outcome, regressors=regressors, weights=weights, oracle=oracle)


def weekly(kind: str, rng: np.random.Generator) -> Series:
    """Draw 104 weeks before and 26 after, with trend and season to be learnt."""
    regressors, weights = weekly_regression()
    root = roots(N_WEEKS)[kind == "wandering"]
    return Series(
        outcome=root @ rng.normal(size=N_WEEKS),
        regressors=regressors,
        weights=weights,
        oracle=oracle_width(regressors, root @ root.T, weights),
    )


@cache
def roots(n: int) -> tuple[Floats, ...]:
    """Return those of both models' covariances."""
    return tuple(
        np.asarray(np.linalg.cholesky(walk_matrix(step, n)), np.float64) for step in (0.0, WALK)
    )


@cache
def whiteners(n: int) -> tuple[Floats, ...]:
    """Return what takes the dependence off, for both models."""
    return tuple(np.asarray(np.linalg.inv(root), np.float64) for root in roots(n))


def drawn(draw: Draw, kind: str, draws: int, rng: np.random.Generator) -> Drawn:
    """Draw series of this kind, and read each under both models."""
    found, oracles, free = [], [], 0
    for _ in range(draws):
        series = draw(kind, rng)
        n, n_columns = series.regressors.shape
        free = n - n_columns
        models = zip(roots(n), whiteners(n), strict=True)
        found.append([_read(root, whitener, series, free) for root, whitener in models])
        oracles.append(series.oracle)
    figures = np.array(found)
    return Drawn(
        likelihood=figures[:, :, 0],
        point=figures[:, :, 1],
        scale=figures[:, :, 2],
        deviation=figures[:, 0, 3],
        oracle=np.array(oracles),
        free=free,
    )


def _read(root: Floats, whitener: Floats, series: Series, free: int) -> tuple[float, ...]:
    """Return log likelihood, effect, its scale, and the deviation of the errors."""
    white = whitener @ np.column_stack([series.regressors, series.outcome])
    x, y = white[:, :-1], white[:, -1]
    inverse = np.linalg.inv(x.T @ x)
    coefficients = inverse @ x.T @ y
    variance = float(((y - x @ coefficients) ** 2).sum()) / free
    size = 2 * np.log(np.diag(root)).sum() - np.linalg.slogdet(inverse)[1]
    likelihood = -(size + free * np.log(variance)) / 2
    weights = series.weights
    scale = (float(weights @ inverse @ weights) * variance) ** 0.5
    return float(likelihood), float(weights @ coefficients), scale, variance**0.5


def least_widths(without: Drawn, walk: Drawn) -> list[float]:
    """Return the least mean width without memory for each coverage of the walk, by the lemma."""
    # An effect is kept where walk over no memory exceeds what just so many walks do at their own.
    gain = _evidence(walk) + walk.log_density(0.0)[:, 1]
    found = []
    for covered in COVERED:
        cut = np.quantile(gain, 1 - covered)
        peak = _evidence(without) - np.log(without.scale[:, 1]) - cut
        kept = np.expm1(np.maximum(2 * peak / (without.free + 1), 0.0)) * without.free
        width = 2 * without.scale[:, 1] * np.sqrt(kept)
        found.append(float(width.mean() / without.oracle.mean()))
    return found


def _evidence(series: Drawn) -> Floats:
    """Return the log of how likely the walk is beside no memory, in deviations of its errors."""
    likelihood: Floats = series.likelihood[:, 1] - series.likelihood[:, 0]
    return likelihood + np.log(series.deviation)


def averaged(series: Drawn, weight: float) -> tuple[float, float]:
    """Return median width over the oracle's, and coverage, of the average at this prior weight."""
    share = np.exp(series.likelihood - series.likelihood.max(axis=1, keepdims=True))
    share *= [1.0, weight]
    share /= share.sum(axis=1, keepdims=True)
    low, high = (_quantiles(at, share, series) for at in (0.025, 0.975))
    width = float(np.median(high - low) / np.median(series.oracle))
    return width, float(((low <= 0) & (high >= 0)).mean())


def _quantiles(at: float, share: Floats, series: Drawn) -> Floats:
    """Return that of each mixture of Student's ts."""
    low = (series.point - FAR * series.scale).min(axis=1)
    high = (series.point + FAR * series.scale).max(axis=1)
    for _ in range(STEPS):
        middle = (low + high) / 2
        unit = (middle[:, None] - series.point) / series.scale
        is_below = (share * special.stdtr(series.free, unit)).sum(axis=1) < at
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    middle_of: Floats = (low + high) / 2
    return middle_of


def main() -> int:
    """Print the bound and the frontier."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kinds = ("0.0", "wandering")
    (without, walk), in_weeks = (
        [
            drawn(draw, kind, given.draws, np.random.default_rng([given.seed, len(kind)]))
            for kind in kinds
        ]
        for draw in (daily, weekly)
    )
    say = sys.stdout.write
    say("| walk covered, % | least mean width without memory / oracle: 100 days | 130 weeks |\n")
    say("|---|---|---|\n")
    rows = zip(COVERED, least_widths(without, walk), least_widths(*in_weeks), strict=True)
    for covered, *widths in rows:
        say(f"| {100 * covered:.0f} | {' | '.join(f'{width:.2f}' for width in widths)} |\n")
    say("\n| weight of the walk | width without memory / oracle | covered without ")
    say("memory, % | walk covered, % |\n|---|---|---|---|\n")
    for weight in WEIGHTS:
        width, plain = averaged(without, weight)
        say(f"| {weight:g} | {width:.2f} | {100 * plain:.1f} ")
        say(f"| {100 * averaged(walk, weight)[1]:.1f} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
