"""Permutation: the exact answer with few treated units, beside the one that rests on a model.

Which units got the AI is all that was random: the effect is compared with what every other choice
of as many units would have shown, all of them counted. The interval holds the effects that this
test does not reject, so p-value and interval agree.

Source: `aivalue.effects.permutation`.
"""

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.panel import Floats
from aivalue.effects.permutation import permutation_interval
from aivalue.errors import NotEstimable

NAME = "permutation"
TREATED_MAX = 10
P_MAX = 0.10


def permutation(
    treated: Floats, others: Floats, *, confidence: float, is_claimed: bool
) -> CheckResult:
    """Invert the test of one number per unit; it matters only where an effect is claimed."""
    if len(treated) > TREATED_MAX:
        return not_applicable(NAME, f"{len(treated)} treated units need no permutation")
    try:
        found = permutation_interval(treated, others, confidence=confidence)
    except NotEstimable as refusal:
        return not_applicable(NAME, str(refusal))
    return CheckResult(
        name=NAME,
        status="failed" if is_claimed and found.p_value > P_MAX else "passed",
        p_value=found.p_value,
        detail=f"{found.point:.4g} ({found.low:.4g}, {found.high:.4g}) from all "
        f"{found.n_assignments} choices of {len(treated)} units, p = {found.p_value:.2g}",
        power=f"p can be {1 / found.n_assignments:.2g} at best",
    )
