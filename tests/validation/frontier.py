"""What covering a slow walk costs: coverage of it against width around a series without memory.

The best that anybody could do who is told that errors are white noise, or white noise on a level
that takes steps of a tenth of its deviation, and nothing else is possible: only which of the two is
left open, and averaged over by likelihood at a prior weight. Everything else (season, control,
lengths) is CausalImpact's setting, as in D2.

    python -m tests.validation.frontier --draws 1000 --seed 1
"""

import argparse
import sys

import numpy as np
from scipy import special

from aivalue.effects.panel import Floats
from tests.validation.series import N_DAYS, WALK, with_control

WEIGHTS = (0.0, 0.3, 1.0, 3.0, 10.0)
STEPS = 60  # Halvings in search of a quantile.
FAR = 12.0  # Deviations within which all quantiles lie.


def covariances() -> tuple[Floats, Floats]:
    """Return that of white noise, and of white noise on a walk."""
    day = np.arange(N_DAYS)
    return np.eye(N_DAYS), np.eye(N_DAYS) + WALK**2 * (1 + np.minimum.outer(day, day))


def posteriors(kind: str, rng: np.random.Generator) -> tuple[Floats, Floats, Floats, int, float]:
    """Return per model log likelihood, effect and its scale; freedom, and the oracle's width."""
    series, oracle = with_control(kind, rng)
    day = np.arange(N_DAYS)
    control = series.controls[:, 0] - series.controls.mean()
    regressors = np.column_stack([series.with_ai, control, np.eye(7)[day % 7]])
    free = N_DAYS - regressors.shape[1]
    found = []
    for covariance in covariances():
        white = np.linalg.inv(np.linalg.cholesky(covariance))
        x, y = white @ regressors, white @ series.outcome
        information = x.T @ x
        inverse = np.linalg.inv(information)
        coefficients = inverse @ x.T @ y
        squares = float(((y - x @ coefficients) ** 2).sum())
        size = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
        likelihood = -(size + free * np.log(squares)) / 2
        found.append((likelihood, coefficients[0], (inverse[0, 0] * squares / free) ** 0.5))
    likelihood, point, scale = np.array(found).T
    return likelihood, point, scale, free, oracle


def quantile(share: float, weight: Floats, point: Floats, scale: Floats, free: int) -> float:
    """Return that of the mixture of Student's ts."""
    low, high = float((point - FAR * scale).min()), float((point + FAR * scale).max())
    for _ in range(STEPS):
        middle = (low + high) / 2
        is_below = float(weight @ special.stdtr(free, (middle - point) / scale)) < share
        low, high = (middle, high) if is_below else (low, middle)
    return (low + high) / 2


def row_of(weight: float, draws: int, seed: int) -> tuple[float, float, float]:
    """Return the width ratio and coverage without memory, and the coverage of the walk."""
    figures = []
    for kind in ("0.0", "wandering"):
        rng = np.random.default_rng([seed, len(kind)])
        covered, widths, oracles = [], [], []
        for _ in range(draws):
            likelihood, point, scale, free, oracle = posteriors(kind, rng)
            share = np.exp(likelihood - likelihood.max()) * [1.0, weight]
            share /= share.sum()
            low, high = (quantile(at, share, point, scale, free) for at in (0.025, 0.975))
            covered.append(low <= 0 <= high)
            widths.append(high - low)
            oracles.append(oracle)
        figures += [float(np.median(widths) / np.median(oracles)), float(np.mean(covered))]
    return figures[0], figures[1], figures[3]


def main() -> int:
    """Print the frontier."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.stdout.write("| weight of the walk | width without memory / oracle | covered without ")
    sys.stdout.write("memory, % | walk covered, % |\n|---|---|---|---|\n")
    for weight in WEIGHTS:
        width, plain, walk = row_of(weight, given.draws, given.seed)
        sys.stdout.write(f"| {weight:g} | {width:.2f} | {100 * plain:.1f} | {100 * walk:.1f} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
