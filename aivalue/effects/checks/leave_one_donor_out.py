"""Leave one donor out: whether the effect hangs on a single control.

Source: Abadie, Diamond & Hainmueller (2015), American Journal of Political Science 59(2) 495-510.
"""

from collections.abc import Callable

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.panel import Floats

NAME = "leave_one_donor_out"
WEIGHT_MIN = 1e-3  # Donors that weigh less cannot move the effect.


def leave_one_donor_out(
    effect: float, weights: Floats, without: Callable[[int], float], *, is_claimed: bool
) -> CheckResult:
    """Estimate again without each donor that matters; the sign must not turn."""
    rows = np.flatnonzero(weights > WEIGHT_MIN)
    found = [without(int(row)) for row in rows]
    turns = sum(other * effect <= 0 for other in found)
    return CheckResult(
        name=NAME,
        status="failed" if is_claimed and turns else "passed",
        p_value=None,
        detail=f"{min(found):.4g} to {max(found):.4g} without one of {len(found)} donors, "
        f"{effect:.4g} with all",
        power=f"the largest donor carries {float(weights.max()):.0%} of the weight",
    )
