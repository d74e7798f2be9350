"""An effect as clients read it: months, level, total and share, each with its interval."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from aivalue.effects.document import effect_from_document
from aivalue.effects.effect import Effect
from aivalue.effects.functional import (
    average,
    linear_functional,
    over,
    relative,
    total,
    verdict_of,
)
from aivalue.errors import NotEstimable
from aivalue.kpis.canonical import Json
from aivalue.kpis.interval import Interval
from aivalue.kpis.plan import BetterWhen


def figures_of(effect: Effect) -> dict[str, Json]:
    """Compute every figure that depends on which months are counted."""
    volume = sum(effect.volume)
    observed = sum(level * size for level, size in zip(effect.observed, effect.volume, strict=True))
    level = average(effect)
    return {
        "average": interval_document(level),
        "total": interval_document(total(effect)),
        "relative": _relative(effect),
        "observed": observed / volume,
        "without_ai": observed / volume - level.point,
        "months": months_of(effect),
    }


def restricted(
    stored: Mapping[str, Any], *, better_when: BetterWhen, start: date | None, end: date | None
) -> dict[str, Any]:
    """Return a stored effect with its figures computed over the months inside [start, end).

    A window without a month of the effect is refused: it says nothing, which is not zero.
    """
    shown = {name: value for name, value in stored.items() if name != "effect"}
    if stored["effect"] is None or (start is None and end is None):
        return shown
    # Looking early, sharing and the mix are about all that was measured, not some months of it.
    shown |= {"hybrid": None, "joint": None, "decomposition": None}
    try:
        effect = over(effect_from_document(stored["effect"]), start or date.min, end or date.max)
    except NotEstimable as refusal:
        nothing = dict.fromkeys(("average", "total", "relative", "observed", "without_ai"))
        return {
            **shown,
            **nothing,
            "months": [],
            "verdict": "unverifiable",
            "refusal": str(refusal),
        }
    return {**shown, **figures_of(effect), "verdict": verdict_of(average(effect), better_when)}


def months_of(effect: Effect) -> list[Json]:
    """Write each month with its own interval."""
    months: list[Json] = []
    n_periods = len(effect.periods)
    for index, period in enumerate(effect.periods):
        weights = [float(index == other) for other in range(n_periods)]
        months.append(
            {
                "start": period.start.isoformat(),
                "end": period.end.isoformat(),
                **interval_document(linear_functional(effect, weights)),
                "volume": effect.volume[index],
                "observed": effect.observed[index],
            }
        )
    return months


def interval_document(interval: Interval) -> dict[str, Json]:
    """Write an interval as JSON carries it."""
    return {
        "point": interval.point,
        "low": interval.low,
        "high": interval.high,
        "standard_error": interval.standard_error,
        "confidence": interval.confidence,
    }


def _relative(effect: Effect) -> dict[str, Json] | None:
    try:
        return interval_document(relative(effect))
    except NotEstimable:  # the level without AI may be zero
        return None
