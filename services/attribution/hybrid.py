"""A randomized effect as it may be read before its end: at any time, and at planned looks."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date

from aivalue.effects.effect import Effect
from aivalue.effects.monitoring import monitored
from aivalue.kpis.canonical import Json
from services.attribution.figures import interval_document


def hybrid_of(effect: Effect | None, looks: Sequence[date]) -> dict[str, Json] | None:
    """Return the readings beside the fixed one; None where nothing was randomized.

    Looks are taken to be equally spaced, as they were registered; the one that counts is the last
    that lies within what was measured.
    """
    if effect is None or effect.design != "randomized":
        return None
    taken = bisect_left(looks, effect.periods[-1].end)
    n = effect.n_treated + effect.n_control
    found = monitored(
        effect,
        n_planned=n * len(looks) / taken if taken else None,
        look=(taken, len(looks)) if taken else None,
    )
    planned = found.planned_look
    return {
        "anytime": interval_document(found.anytime),
        "planned_look": None if planned is None else interval_document(planned),
        "look": taken or None,
        "n_looks": len(looks) or None,
        "detectable": found.detectable,
    }
