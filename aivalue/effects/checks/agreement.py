"""Agreement: whether the other permitted estimators say the same, as far as errors go."""

import math
from collections.abc import Sequence

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.effect import Effect
from aivalue.effects.functional import average
from aivalue.effects.student_t import t_quantile

NAME = "agreement"
ROUNDING = 1e-9


def agreement(effect: Effect, rivals: Sequence[Effect]) -> CheckResult:
    """Compare average effects; their errors are taken as independent, which forgives too much.

    All read the same data, so a failure here is serious.
    """
    if not rivals:
        return not_applicable(NAME, "no other estimator is permitted")
    ours = average(effect)
    others = [
        f"{rival.estimator} {theirs.point:.4g} ({theirs.low:.4g}, {theirs.high:.4g})"
        for rival in rivals
        for theirs in (average(rival),)
    ]
    against = [rival.estimator for rival in rivals if disagrees(effect, rival)]
    verdict = f"; {', '.join(against)} differ by more than errors explain" if against else ""
    return CheckResult(
        name=NAME,
        status="failed" if against else "passed",
        p_value=None,
        detail=f"{effect.estimator} says {ours.point:.4g}; {'; '.join(others)}{verdict}",
        power=f"a gap of {min(margin_between(effect, rival) for rival in rivals):.4g} fails",
    )


def disagrees(effect: Effect, rival: Effect) -> bool:
    """Return whether two averages lie further apart than their errors explain."""
    gap = abs(average(effect).point - average(rival).point)
    return gap > margin_between(effect, rival)


def margin_between(effect: Effect, rival: Effect) -> float:
    """Return the gap that errors, or rounding, explain."""
    freedom = min(effect.degrees_of_freedom, rival.degrees_of_freedom)
    error = math.hypot(average(effect).standard_error, average(rival).standard_error)
    # Where nothing varies, rounding of the levels is all that can differ.
    rounding = ROUNDING * max(map(abs, effect.observed))
    return max(t_quantile((1 + effect.confidence) / 2, freedom) * error, rounding)


def least_favourable(effect: Effect, rivals: Sequence[Effect], *, sign: int) -> Effect:
    """Return the effect to use: the lowest of those that contradict the chosen one, if lower.

    `sign` is 1 where more is better.
    """
    contradicting = [effect, *(rival for rival in rivals if disagrees(effect, rival))]
    return min(contradicting, key=lambda each: sign * average(each).point)
