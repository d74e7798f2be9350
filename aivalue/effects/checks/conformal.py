"""Conformal: whether the treated unit's own past shows stretches as surprising as the one with AI.

Placebos in space need twenty units to say anything at 95 %; this needs twenty periods. The effect
is taken off, the donors are fitted to all periods alike, and the stretch with the AI is ranked
among all shifts of time. The interval holds the effects that this does not reject, so p-value and
interval agree.

Source: `aivalue.effects.permutations.conformal`.
"""

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.conformal import Conformal, Free, conformal, require_history
from aivalue.errors import NotEstimable

NAME = "conformal"
P_MAX = 0.10


def conformal_over_time(
    treated: Floats,
    donors: Floats,
    with_ai: Floats,
    *,
    confidence: float,
    is_claimed: bool,
    free: Free,
    penalty: float = 0.0,
) -> CheckResult:
    """Rank the time with the AI; it matters only where an effect is claimed.

    Parameters
    ----------
    treated : shape (n_periods,), donors : shape (n_donors, n_periods)
    with_ai : shape (n_periods,)
        1 in the last periods, 0 before.
    """
    try:
        require_history(int((with_ai == 0).sum()), int(with_ai.sum()), confidence)
        found = conformal(treated, donors, with_ai, free=free, penalty=penalty)
    except NotEstimable as refusal:
        return not_applicable(NAME, str(refusal))
    return conformal_check(found, confidence=confidence, is_claimed=is_claimed)


def conformal_check(found: Conformal, *, confidence: float, is_claimed: bool) -> CheckResult:
    """Say what was found; it matters only where an effect is claimed."""
    by = f"by all {found.n_shifts} shifts of time"
    return ranked(NAME, found, by, confidence=confidence, is_claimed=is_claimed)


def ranked(
    name: str, found: Conformal, words: str, *, confidence: float, is_claimed: bool
) -> CheckResult:
    """Say where the time with the AI ranks; `words` say how it was read.

    Raises
    ------
    NotEstimable
        Too few shifts of time for an interval of this confidence.
    """
    low, high = found.interval(confidence)
    p_value = found.p_value()
    return CheckResult(
        name=name,
        status="failed" if is_claimed and p_value > P_MAX else "passed",
        p_value=p_value,
        detail=f"{found.point:.4g} ({low:.4g}, {high:.4g}) {words}, p = {p_value:.2g}",
        power=f"p can be {1 / found.n_shifts:.2g} at best",
    )
