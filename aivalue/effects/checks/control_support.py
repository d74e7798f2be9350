"""Control support: someone to compare with in every month the AI was at work."""

from collections.abc import Sequence

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Period

NAME = "control_support"


def control_support(treated: Sequence[Period], estimated: Sequence[Period]) -> CheckResult:
    """Compare the months with treated volume to those the estimator could answer for."""
    missing = [period.start.isoformat()[:7] for period in treated if period not in set(estimated)]
    if missing:
        detail = f"no estimate for {', '.join(missing)}: no untreated units beside the treated"
        return CheckResult(name=NAME, status="failed", p_value=None, detail=detail)
    return CheckResult(
        name=NAME,
        status="passed",
        p_value=None,
        detail=f"untreated units in each of {len(treated)} months",
        power="a single month without them fails",
    )
