"""Figures read from an effect: any weighted sum of its periods, with its interval.

A month, a year, a total or money is w'b with variance w'Vw, so figures that are added up keep
intervals that are right. The relative effect divides two correlated figures; its interval is
Fieller's, which excludes zero exactly when the interval of the total does.

Source: Fieller (1954), "Some Problems in Interval Estimation", JRSS B 16(2) 175-185.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from aivalue.effects.effect import Effect, Matrix, Verdict
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval
from aivalue.kpis.plan import BetterWhen


def linear_functional(
    effect: Effect, weights: Sequence[float], confidence: float | None = None
) -> Interval:
    """Return w'b with its interval; one weight per period of the effect."""
    level = effect.confidence if confidence is None else confidence
    return Interval.around(
        _dot(weights, effect.point),
        _standard_error(effect, weights),
        quantile=t_quantile((1 + level) / 2, effect.degrees_of_freedom),
        confidence=level,
    )


def total(effect: Effect, confidence: float | None = None) -> Interval:
    """Return effect times volume, summed over the periods."""
    return linear_functional(effect, effect.volume, confidence)


def average(effect: Effect, confidence: float | None = None) -> Interval:
    """Return the effect per unit of volume over all periods."""
    volume = math.fsum(effect.volume)
    if not volume > 0:
        raise NotEstimable("the effect applies to no volume", verdict="below_sample_floor")
    return linear_functional(effect, [share / volume for share in effect.volume], confidence)


def relative(effect: Effect, confidence: float | None = None) -> Interval:
    """Return the total effect as a share of the total level without AI.

    Signed like the total: over a level below zero, an increase stays positive.

    Raises
    ------
    NotEstimable
        The level without AI cannot be told from zero.
    """
    level = effect.confidence if confidence is None else confidence
    quantile = t_quantile((1 + level) / 2, effect.degrees_of_freedom)
    change = _dot(effect.volume, effect.point)
    without = _dot(effect.volume, effect.observed) - change
    change_variance = _quadratic(effect.volume, effect.covariance)
    observed_variance, cross = 0.0, 0.0
    if effect.observed_covariance is not None and effect.cross_covariance is not None:
        observed_variance = _quadratic(effect.volume, effect.observed_covariance)
        cross = _quadratic(effect.volume, effect.cross_covariance)
    without_variance = max(observed_variance + change_variance - 2 * cross, 0.0)
    covariance = cross - change_variance

    # Fieller: the shares r for which change - r * without is within its own margin of zero.
    square = without**2 - quantile**2 * without_variance
    if not square > 0:
        raise NotEstimable("the level without AI cannot be told from zero: no relative effect")
    middle = change * without - quantile**2 * covariance
    constant = change**2 - quantile**2 * change_variance
    root = math.sqrt(max(middle**2 - square * constant, 0.0))
    sign = math.copysign(1.0, without)
    low, high = sorted((sign * (middle - root) / square, sign * (middle + root) / square))
    point = change / abs(without)
    share = change / without
    variance = change_variance - 2 * share * covariance + share**2 * without_variance
    return Interval(
        point=point,
        low=min(low, point),
        high=max(high, point),
        standard_error=math.sqrt(max(variance, 0.0)) / abs(without),
        confidence=level,
    )


def lower_bound(effect: Effect, weights: Sequence[float], one_sided: float = 0.90) -> float:
    """Return what w'b exceeds with this confidence; weigh so that more is better."""
    quantile = t_quantile(one_sided, effect.degrees_of_freedom)
    return _dot(weights, effect.point) - quantile * _standard_error(effect, weights)


def over(effect: Effect, start: date, end: date) -> Effect:
    """Return the effect on the periods inside [start, end)."""
    kept = [
        index
        for index, period in enumerate(effect.periods)
        if start <= period.start and period.end <= end
    ]
    if not kept:
        raise NotEstimable(f"no period of the effect lies inside {start} to {end}")
    return replace(
        effect,
        periods=tuple(effect.periods[index] for index in kept),
        point=tuple(effect.point[index] for index in kept),
        volume=tuple(effect.volume[index] for index in kept),
        observed=tuple(effect.observed[index] for index in kept),
        covariance=_part(effect.covariance, kept),
        observed_covariance=(
            None if effect.observed_covariance is None else _part(effect.observed_covariance, kept)
        ),
        cross_covariance=(
            None if effect.cross_covariance is None else _part(effect.cross_covariance, kept)
        ),
    )


def verdict_of(interval: Interval, better_when: BetterWhen) -> Verdict:
    """Read an interval: does it exclude zero, and on which side."""
    if not interval.excludes_zero:
        return "inconclusive"
    is_higher = interval.low > 0
    return "confirmed" if is_higher == (better_when == "higher") else "negative"


def _standard_error(effect: Effect, weights: Sequence[float]) -> float:
    # Rounding may leave a variance of zero a hair below it.
    return math.sqrt(max(_quadratic(weights, effect.covariance), 0.0))


def _quadratic(weights: Sequence[float], matrix: Matrix) -> float:
    return _dot(weights, [_dot(weights, row) for row in matrix])


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def _part(matrix: Matrix, kept: Sequence[int]) -> Matrix:
    return tuple(tuple(matrix[row][column] for column in kept) for row in kept)
