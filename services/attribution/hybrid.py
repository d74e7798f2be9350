"""A randomized effect as it may be read before its end: at any time, and at planned looks."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date

from aivalue.effects.effect import Effect
from aivalue.effects.sequential.monitoring import monitored
from aivalue.kpis.canonical import Json
from services.attribution.figures import interval_document


def hybrid_of(
    effect: Effect | None,
    looks: Sequence[date],
    *,
    planned_subjects: int | None,
    expected_size: float | None,
) -> dict[str, Json] | None:
    """Return the readings beside the fixed one; None where nothing was randomized.

    Looks are taken to be equally spaced, as they were registered; the one that counts is the last
    that lies within what was measured. `planned_subjects` and `expected_size` count as registered.
    """
    if effect is None or effect.design != "randomized":
        return None
    taken = bisect_left(looks, effect.periods[-1].end)
    found = monitored(
        effect,
        n_planned=planned_subjects,
        look=(taken, len(looks)) if taken else None,
        expected_size=expected_size,
    )
    planned, tested = found.planned_look, found.ratio_test
    return {
        "anytime": interval_document(found.anytime),
        "planned_look": None if planned is None else interval_document(planned),
        "ratio_test": None if tested is None else interval_document(tested),
        "look": taken or None,
        "n_looks": len(looks) or None,
        "detectable": found.detectable,
        "tuned_to": int(found.n_best),
        "tuned_by": "default" if planned_subjects is None else "registration",
    }
