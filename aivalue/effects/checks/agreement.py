"""Agreement: whether another permitted estimator says the same, as far as errors go."""

import math

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Effect
from aivalue.effects.functional import average
from aivalue.effects.student_t import t_quantile

NAME = "agreement"


def agreement(effect: Effect, rival: Effect) -> CheckResult:
    """Compare average effects; their errors are taken as independent, which forgives too much.

    Both read the same data, so a failure here is serious.
    """
    ours, theirs = average(effect), average(rival)
    freedom = min(effect.degrees_of_freedom, rival.degrees_of_freedom)
    margin = t_quantile((1 + effect.confidence) / 2, freedom) * math.hypot(
        ours.standard_error, theirs.standard_error
    )
    return CheckResult(
        name=NAME,
        status="passed" if abs(ours.point - theirs.point) <= margin else "failed",
        p_value=None,
        detail=f"{rival.estimator} says {theirs.point:.4g} ({theirs.low:.4g}, {theirs.high:.4g}), "
        f"{effect.estimator} {ours.point:.4g}",
    )
