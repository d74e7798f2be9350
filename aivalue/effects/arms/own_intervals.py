"""Two levels compared by an interval of each one's own, where no single standard error will do.

The usual interval is as wide as a standard error says, on both sides alike. A share with few
successes has hardly any (nought of fifty has none at all), and a ratio whose denominator is near
zero has one that means nothing. Each has an interval of its own that holds there: Wilson's, that
inverts the score test, and Fieller's, that inverts the test of numerator - ratio x denominator.
The difference of two levels then errs, on each side, by the squares of the two sides that pull it
there.

Source: Wilson (1927), JASA 22; Fieller (1954), JRSS B 16(2); Newcombe (1998), Statistics in
Medicine 17(8) 873-890, method 10, of which Zou & Donner (2008), Statistics in Medicine 27(10), is
the general form.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile
from aivalue.effects.vector import Vector
from aivalue.errors import NotEstimable

COUNT_MIN = 10  # Successes and failures in each arm; from here on the usual interval holds.
FIELLER_MIN = 0.05  # Of g, the squared margin of the denominator over itself: Finney's rule.


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnInterval:
    """A level with the two ends of its interval."""

    level: float
    low: float
    high: float

    @property
    def reach(self) -> float:
        """The longer side."""
        return max(self.high - self.level, self.level - self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioParts:
    """Means of a ratio's two parts with the covariance of the means."""

    numerator: float
    denominator: float
    numerator_variance: float
    denominator_variance: float
    covariance: float


def wilson(successes: float, n: float, quantile: float) -> OwnInterval:
    """Return the share with the shares that the score test does not reject."""
    if not 0 <= successes <= n or not n > 0:
        raise NotEstimable(f"{successes:g} successes of {n:g} are no share")
    share, square = successes / n, quantile**2
    middle = (successes + square / 2) / (n + square)
    root = quantile * math.sqrt(n * share * (1 - share) + square / 4) / (n + square)
    return OwnInterval(
        level=share,
        low=middle - root if successes > 0 else 0.0,
        high=middle + root if successes < n else 1.0,
    )


def fieller(parts: RatioParts, quantile: float) -> OwnInterval:
    """Return the ratio with the ratios that the data do not reject.

    Raises
    ------
    NotEstimable
        The denominator cannot be told from zero: no ratio is ruled out.
    """
    square = parts.denominator**2 - quantile**2 * parts.denominator_variance
    if not square > 0:
        raise NotEstimable("the ratio's denominator cannot be told from zero")
    middle = parts.numerator * parts.denominator - quantile**2 * parts.covariance
    constant = parts.numerator**2 - quantile**2 * parts.numerator_variance
    root = math.sqrt(max(middle**2 - square * constant, 0.0))
    return OwnInterval(
        level=parts.numerator / parts.denominator,
        low=(middle - root) / square,
        high=(middle + root) / square,
    )


def needs_fieller(parts: RatioParts, quantile: float) -> bool:
    """Tell whether the denominator is so near zero that its own error counts."""
    return quantile**2 * parts.denominator_variance > FIELLER_MIN * parts.denominator**2


def own_shares(
    treated: tuple[float, float], control: tuple[float, float], *, confidence: float
) -> tuple[OwnInterval, OwnInterval] | None:
    """Return both shares' own intervals where successes or failures are few, else None.

    Parameters
    ----------
    treated, control
        Successes, and of how many.
    """
    if min(min(count, n - count) for count, n in (treated, control)) >= COUNT_MIN:
        return None
    quantile = t_quantile((1 + confidence) / 2, math.inf)
    return wilson(*treated, quantile), wilson(*control, quantile)


def difference_of(treated: OwnInterval, control: OwnInterval) -> OwnInterval:
    """Return treated minus control."""
    point = treated.level - control.level
    down = math.hypot(treated.level - treated.low, control.high - control.level)
    up = math.hypot(treated.high - treated.level, control.level - control.low)
    return OwnInterval(level=point, low=point - down, high=point + up)


def widened(
    vector: Vector, treated: OwnInterval, control: OwnInterval, *, confidence: float
) -> Vector:
    """Let the interval of the average reach as far as the levels' own intervals do, at least.

    An effect's interval is as wide on both sides, so the longer side decides. What is added is an
    error that all periods share.
    """
    quantile = t_quantile((1 + confidence) / 2, vector.degrees_of_freedom)
    weights = vector.volume / vector.volume.sum()
    covariance, _ = _reaching(vector.covariance, weights, difference_of(treated, control), quantile)
    if vector.observed_covariance is None or vector.cross_covariance is None:
        return replace(vector, covariance=covariance)
    observed, added = _reaching(vector.observed_covariance, weights, treated, quantile)
    return replace(
        vector,
        covariance=covariance,
        observed_covariance=observed,
        cross_covariance=vector.cross_covariance + added,
    )


def _reaching(
    covariance: Floats, weights: Floats, own: OwnInterval, quantile: float
) -> tuple[Floats, float]:
    added = (own.reach / quantile) ** 2 - float(weights @ covariance @ weights)
    added = float(np.maximum(added, 0.0))
    return covariance + added, added
