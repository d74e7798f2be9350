"""Leave one donor out: whether the effect hangs on a single control.

Source: Abadie, Diamond & Hainmueller (2015), American Journal of Political Science 59(2) 495-510.
"""

from collections.abc import Callable

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

NAME = "leave_one_donor_out"
WEIGHT_MIN = 1e-3  # Donors that weigh less cannot move the effect.


def leave_one_donor_out(
    effect: float, weights: Floats, without: Callable[[int], float], *, is_claimed: bool
) -> CheckResult:
    """Estimate again without each donor that matters; the sign must not turn.

    Where so many share the weight that none matters, without the largest.

    Parameters
    ----------
    weights : shape (n_donors,)
    without : the effect estimated without the donor at a position
    """
    heaviest = int(np.argmax(weights))
    rows = np.flatnonzero(weights > WEIGHT_MIN).tolist() or [heaviest]
    try:
        found = [without(row) for row in rows]
    except NotEstimable as refusal:
        return not_applicable(NAME, str(refusal))
    turns = sum(other * effect <= 0 for other in found)
    return CheckResult(
        name=NAME,
        status="failed" if is_claimed and turns else "passed",
        p_value=None,
        detail=f"{min(found):.4g} to {max(found):.4g} without one of {len(found)} donors, "
        f"{effect:.4g} with all",
        power=f"the largest donor carries {float(weights.max()):.0%} of the weight",
    )
