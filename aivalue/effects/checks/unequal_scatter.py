"""Unequal scatter: whether treated units vary more, or less, than those they are compared with.

What other units show by chance says how far a figure errs only if treated units vary as they do.
The interval of most estimators allows for treated units that do not; permuting who went live, and
cohorts' spread borrowed from others, take all units to vary alike. Where the past before the AI
says they do not, a figure that rests on it is demoted.

Source: `aivalue.effects.error_models.scatter`.
"""

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.error_models.scatter import Scatter

NAME = "unequal_scatter"
P_MIN = 0.05


def is_unequal(found: Scatter) -> bool:
    """Return whether the past speaks against a ratio of one."""
    return found.p_value < P_MIN


def unequal_scatter(found: Scatter, *, is_allowed_for: bool) -> CheckResult:
    """Read the ratio; it matters only where the published interval does not allow for it.

    Parameters
    ----------
    is_allowed_for : bool
        The published interval holds whatever the ratio.
    """
    rest = "the interval allows for it" if is_allowed_for else "the interval takes it for one"
    return CheckResult(
        name=NAME,
        status="failed" if is_unequal(found) and not is_allowed_for else "passed",
        p_value=found.p_value,
        detail=f"treated units vary {found.ratio:.2g} ({found.low:.2g}, {found.high:.2g}) times as "
        f"much as the others before the AI, p = {found.p_value:.2g}; {rest}",
        power=f"{found.detectable:.2g} times would be found in 80 % of cases",
    )
