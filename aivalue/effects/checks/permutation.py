"""Permutation: the exact answer with few treated units, beside the one that rests on a model.

Which units got the AI is all that was random: the effect is compared with what every other choice
of as many units would have shown, all of them counted. The interval holds the effects that this
test does not reject, so p-value and interval agree.

Source: `aivalue.effects.permutations.permutation`.
"""

from collections.abc import Callable

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.changes import Changes
from aivalue.effects.permutations.permutation import (
    Permutation,
    permutation_interval,
    permutation_of_starts,
)
from aivalue.errors import NotEstimable

NAME = "permutation"
TREATED_MAX = 10
P_MAX = 0.10


def permutation(
    treated: Floats, others: Floats, *, confidence: float, is_claimed: bool
) -> CheckResult:
    """Invert the test of one number per unit; it matters only where an effect is claimed."""
    return read_permutation(
        lambda: permutation_interval(treated, others, confidence=confidence),
        n_treated=len(treated),
        is_claimed=is_claimed,
    )


def permutation_of_changes(
    changes: Changes, *, confidence: float, is_claimed: bool, of: str = "units"
) -> CheckResult:
    """Invert the test of each unit's change over the starts there were."""
    return read_permutation(
        lambda: permutation_of_starts(
            changes.change, changes.had_it, changes.counts, confidence=confidence
        ),
        n_treated=sum(changes.counts),
        is_claimed=is_claimed,
        of=of,
    )


def read_permutation(
    invert: Callable[[], Permutation], *, n_treated: int, is_claimed: bool, of: str = "units"
) -> CheckResult:
    """Read what `invert` finds, or why it refuses."""
    if n_treated > TREATED_MAX:
        return not_applicable(NAME, f"{n_treated} treated {of} need no permutation")
    try:
        found = invert()
    except NotEstimable as refusal:
        return not_applicable(NAME, str(refusal))
    return CheckResult(
        name=NAME,
        status="failed" if is_claimed and found.p_value > P_MAX else "passed",
        p_value=found.p_value,
        detail=f"{found.point:.4g} ({found.low:.4g}, {found.high:.4g}) from all "
        f"{found.n_assignments} choices of {n_treated} {of}, p = {found.p_value:.2g}",
        power=f"p can be {found.p_smallest:.2g} at best",
    )
