"""Effects that remain possible if the drift before go-live goes on, bending little: SD intervals.

Parallel trends may be off by a drift that need not be small, only smooth: from one block of time to
the next its step changes by at most M. With M = 0 it goes straight on. The figure less a weighted
sum of the steps before is then off by a bounded amount if the weights carry the last step on, and
among such sums the one is taken whose interval is shortest: its error is normal about an unknown
but bounded bias, so its half length is a quantile of a folded normal. That interval has the same
length whatever the drift is, and covers at least what it claims.

Every weight trades bias for variance along one path, which does not depend on M: it is walked once.

Source: Rambachan & Roth (2023), "A More Credible Approach to Parallel Trends", REStud 90(5)
2555-2591, sections 2.4.2 and 4 (Delta^SD, FLCI); Armstrong & Kolesar (2018), "Optimal Inference in
a Class of Regression Models", Econometrica 86(2), for the shortest such interval.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.effects.parallel_trends.relative_magnitudes import Drift, as_normal, upper_tail

PENALTIES = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 200)])  # Of the largest that matters.
SWEEPS = 300
HALVINGS = 50
TABLED = np.linspace(0.0, 6.0, 601)  # Biases in errors; in between, quantiles are off by 1e-5.
BEND_MAX = 1e3  # In errors of the figure.


@dataclass(frozen=True, slots=True, kw_only=True)
class Smooth:
    """Weighted sums of steps taken off the figure, from the least variance to the least bias.

    Attributes
    ----------
    point, error : shape (n_weights,)
        The figure less that sum, and its standard error.
    reach : shape (n_weights,)
        Largest bias of it, in bends.
    confidence : float
    """

    point: Floats
    error: Floats
    reach: Floats
    confidence: float

    def interval(self, bend: float) -> tuple[float, float]:
        """Return the shortest interval if a step differs from the one before by at most `bend`."""
        half = self.error * _folded(bend * self.reach / self.error, 1 - self.confidence)
        best = int(np.argmin(half))
        return float(self.point[best] - half[best]), float(self.point[best] + half[best])

    def breakdown(self) -> float | None:
        """Return the bend up to which zero is left out; None where it never is."""
        if _holds_zero(self.interval(0.0)):
            return None
        low, high = 0.0, BEND_MAX * float(self.error.min())
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if _holds_zero(self.interval(middle)) else (middle, high)
        return low


def smooth(drift: Drift, *, confidence: float = 0.95) -> Smooth:
    """Walk the weights of the steps.

    Raises
    ------
    NotEstimable
        A figure or a step has no uncertainty.
    """
    covariance = as_normal(drift, confidence)
    n = len(drift.steps)
    # A step farther off is the last one less the bends in between: `later` weighs those bends.
    carried = np.zeros(1 + n)
    carried[:2] = 1.0, -drift.distance
    turned = np.zeros((n - 1, 1 + n))
    turned[np.arange(n - 1), np.arange(1, n)] = 1.0
    turned[np.arange(n - 1), np.arange(2, n + 1)] = -1.0
    later = _path(turned @ covariance @ turned.T, turned @ covariance @ carried)
    weights = carried + later @ turned
    variance = np.einsum("wa,ab,wb->w", weights, covariance, weights)
    return Smooth(
        point=weights @ np.concatenate([[drift.figure], drift.steps]),
        error=np.sqrt(variance),
        reach=drift.curvature + np.abs(later).sum(axis=1),
        confidence=confidence,
    )


def _path(square: Floats, slope: Floats) -> Floats:
    """Return the weights of least variance plus a penalty on their size, for every penalty.

    Minimizes w'Sw / 2 + s'w + penalty * sum |w|, one weight at a time.
    """
    found = np.zeros((len(PENALTIES), len(slope)))
    penalty = PENALTIES * float(np.abs(slope).max(initial=0.0))
    for _ in range(SWEEPS):
        before = found.copy()
        for at in range(len(slope)):
            left = slope[at] + found @ square[:, at] - found[:, at] * square[at, at]
            size = np.maximum(np.abs(left) - penalty, 0.0)
            found[:, at] = -np.sign(left) * size / square[at, at]
        if np.abs(found - before).max(initial=0.0) <= 1e-12 * np.abs(found).max(initial=1.0):
            break
    return found


def _folded(bias: Floats, alpha: float) -> Floats:
    """Return the quantile of the size of a normal of deviation one about each bias."""
    quantile: Floats = np.interp(bias, TABLED, _quantiles(alpha))
    beyond: Floats = np.maximum(bias - TABLED[-1], 0.0)  # Far off, one side is all there is.
    return quantile + beyond


@cache
def _quantiles(alpha: float) -> Floats:
    low, high = np.zeros_like(TABLED), TABLED + 10.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_short = upper_tail(middle - TABLED) + upper_tail(middle + TABLED) > alpha
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    quantiles: Floats = (low + high) / 2
    return quantiles


def _holds_zero(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0 <= interval[1]
