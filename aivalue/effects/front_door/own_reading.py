"""Intervals that are not as wide on both sides, as what is published, in units and as a share."""

import math

from aivalue.effects.effect import Effect
from aivalue.effects.front_door.ran import OwnReading, Ran
from aivalue.effects.functional import average, relative
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval


def permuted_reading(used: Ran) -> OwnReading:
    """Return the exact reading in place of the one that the effect's covariance gives.

    Raises
    ------
    NotEstimable
        Nothing can be permuted, or as `Permuted.required`.
    """
    if used.permuted is None:
        name = used.effect.estimator
        raise NotEstimable(f"{name} has no choice of units that could be permuted")
    found = used.permuted.required()
    return OwnReading(
        average=Interval(
            point=found.point,
            low=found.low,
            high=found.high,
            standard_error=average(used.effect).standard_error,
            confidence=found.confidence,
        ),
        p_value=found.p_value,
        by_time=(),
    )


def share_of(effect: Effect, own: OwnReading | None) -> Interval:
    """Return the effect as a share of the level without AI; with zero exactly where it has zero.

    Raises
    ------
    NotEstimable
        The level without AI cannot be told from zero.
    """
    if own is None:
        return relative(effect)
    volume = math.fsum(effect.volume)
    total = math.fsum(n * level for n, level in zip(effect.volume, effect.observed, strict=True))
    observed = total / volume
    found = own.average
    without = [observed - value for value in (found.point, found.low, found.high)]
    if min(without) <= 0 <= max(without):
        raise NotEstimable("the level without AI cannot be told from zero")
    point, *ends = (
        value / abs(level)
        for value, level in zip((found.point, found.low, found.high), without, strict=True)
    )
    return Interval(
        point=point,
        low=min(ends),
        high=max(ends),
        standard_error=found.standard_error * abs(observed) / without[0] ** 2,
        confidence=found.confidence,
    )
