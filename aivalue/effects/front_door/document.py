"""A table's estimate as JSON carries it."""

from aivalue.effects.effect import Effect
from aivalue.effects.front_door.estimate_panel import PanelEstimate
from aivalue.effects.functional import average
from aivalue.effects.segments.parts import document_of_parts
from aivalue.kpis.interval import Interval


def document_of_panel(found: PanelEstimate) -> dict[str, object]:
    """Write what was found, how, what doubts it, and what was passed over."""
    return {
        "design": found.choice.design,
        "estimator": found.effect.estimator,
        "estimator_version": found.effect.estimator_version,
        "reason": found.choice.reason,
        "overrides": found.choice.overrides,
        "approver": found.choice.approver,
        "effect": {**_interval(found.figure), "confidence": found.figure.confidence},
        "p_value": found.p_value,
        "inference": found.inference,
        "minimum_detectable": found.detectable,
        "anytime": None if found.monitored is None else _bounds(found.monitored.anytime),
        "ratio_test": _ratio_test(found),
        "over_time": _over_time(found),
        "if_level_stands": None if found.levels is None else _figure(found.levels.stands),
        "if_level_wanders": None if found.levels is None else _figure(found.levels.wanders),
        "steady_by": None if found.levels is None else found.levels.steady_by,
        "by_permutation": _by_permutation(found),
        "permutation_why_not": found.permutation_why_not,
        "decomposition": None if found.parts is None else document_of_parts(found.parts),
        "unused": list(found.unused),
        "n_treated": found.effect.n_treated,
        "n_control": found.effect.n_control,
        "grade": found.graded.grade,
        "grade_reasons": list(found.graded.reasons),
        "verdict": found.verdict,
        "checks": [
            {
                "name": check.name,
                "status": check.status,
                "p_value": check.p_value,
                "detail": check.detail,
                "power": check.power,
            }
            for check in found.checks
        ],
        "alternatives": [
            {"estimator": each.estimator, "why_not": each.why_not}
            for each in found.choice.alternatives
        ],
        "rivals": [_rival(rival) for rival in found.rivals],
    }


def _ratio_test(found: PanelEstimate) -> dict[str, object] | None:
    if found.monitored is None or found.monitored.ratio_test is None:
        return None
    return _bounds(found.monitored.ratio_test)


def _by_permutation(found: PanelEstimate) -> dict[str, object] | None:
    exact = found.by_permutation
    if exact is None:
        return None
    return {
        "point": exact.point,
        "low": exact.low,
        "high": exact.high,
        "confidence": exact.confidence,
        "p_value": exact.p_value,
        "smallest_p_value": exact.p_smallest,
        "n_assignments": exact.n_assignments,
    }


def _over_time(found: PanelEstimate) -> list[dict[str, object]] | None:
    """Write the reading of each time with the AI, where the estimator has one of its own."""
    if found.own is None or not found.own.by_time:
        return None
    return [
        {"time": time, "point": own.point, **_bounds(own), "p_value": p_value}
        for time, own, p_value in found.own.by_time
    ]


def _rival(effect: Effect) -> dict[str, object]:
    return {"estimator": effect.estimator, **_figure(effect)}


def _figure(effect: Effect) -> dict[str, object]:
    return _interval(average(effect))


def _interval(figure: Interval) -> dict[str, object]:
    return {
        "point": figure.point,
        "standard_error": figure.standard_error,
        **_bounds(figure),
    }


def _bounds(figure: Interval) -> dict[str, object]:
    return {"low": figure.low, "high": figure.high}
