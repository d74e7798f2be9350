"""Drifting apart: whether a unit that leaves its donors steadily, AI or not, explains the claim.

Few donors seldom surround a unit, and what they miss then drifts. A drift puts the last stretch of
time farthest from the mean, which is where the AI is. An interval that left every drift free would
be half as wide again where there is none; so what is claimed must hold once more with it free.

Source: Ferman & Pinto (2021), Quantitative Economics 12(4), for what imperfect fits leave;
`aivalue.effects.permutations.conformal`.
"""

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.conformal import ranked
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.conformal import conformal
from aivalue.errors import NotEstimable

NAME = "drifting_apart"
WORDS = "if unit and donors drift apart"


def drifting_apart(
    treated: Floats, donors: Floats, with_ai: Floats, *, confidence: float, is_claimed: bool
) -> CheckResult:
    """Read the unit by shifts of time once more, a steady drift from its donors left free.

    Parameters
    ----------
    treated : shape (n_periods,), donors : shape (n_donors, n_periods)
    with_ai : shape (n_periods,)
        1 in the last periods, 0 before.
    """
    try:
        found = conformal(treated, donors, with_ai, free="trend")
        return ranked(NAME, found, WORDS, confidence=confidence, is_claimed=is_claimed)
    except NotEstimable as refusal:
        return not_applicable(NAME, str(refusal))
