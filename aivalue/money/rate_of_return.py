"""The rate at which flows are worth nothing, or the reason why there is no such single rate.

With one change of sign there is exactly one root. With more there may be several, and libraries
then return different ones. One case is still safe: where the *cumulative* flows change sign once,
from negative to positive, exactly one root is positive.

Source: Norstrøm, 1972, "A sufficient condition for a unique nonnegative internal rate of return",
Journal of Financial and Quantitative Analysis 7(3). Present value is the Laplace transform of the
cumulative flows times the rate, so the condition holds for uneven dates too.
"""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import accumulate, pairwise

from aivalue.errors import NotComputable
from aivalue.money.exact import decimal_of

# Rates are searched as log(1 + rate). Beyond e^50 a year no rate means anything, and beyond
# e^600 over the whole horizon a float overflows.
_LOG_GROWTH_MAX = 50.0
_LOG_TOTAL_GROWTH_MAX = 600.0


def rate_of_return(amounts: Sequence[Decimal], *, years: Sequence[Decimal]) -> Decimal:
    """Return the rate at which the amounts, discounted over their years, sum to zero.

    Parameters
    ----------
    years : same length as amounts, ascending from 0
        When each amount flows.

    Raises
    ------
    NotComputable
        no_sign_change, multiple_irr_possible or no_root.
    """
    n_changes = _sign_changes(amounts)
    if n_changes == 0:
        raise NotComputable("flows need both signs", reason="no_sign_change")
    cumulative = list(accumulate(amounts))
    if n_changes > 1 and not (_sign_changes(cumulative) == 1 and cumulative[-1] > 0):
        raise NotComputable(
            f"flows change sign {n_changes} times, so several rates may solve them; use MIRR",
            reason="multiple_irr_possible",
        )
    # Only the search is in floats, on amounts scaled to 1.
    scale = max(abs(amount) for amount in amounts)
    flows = [
        (float(amount / scale), float(year))
        for amount, year in zip(amounts, years, strict=True)
        if amount
    ]
    return decimal_of(math.expm1(_log_growth(flows)))


def _sign_changes(amounts: Sequence[Decimal]) -> int:
    signs = [amount > 0 for amount in amounts if amount]
    return sum(before != after for before, after in pairwise(signs))


def _log_growth(flows: Sequence[tuple[float, float]]) -> float:
    def present_value(log_growth: float) -> float:
        return math.fsum(amount * math.exp(-log_growth * year) for amount, year in flows)

    undiscounted = present_value(0.0)
    if undiscounted == 0:
        return 0.0
    # A high enough rate leaves the first flow alone, a low enough one the last; so the root is
    # above zero where the first flow disagrees with the undiscounted sum.
    direction = 1.0 if (flows[0][0] > 0) != (undiscounted > 0) else -1.0
    near, far = 0.0, direction / 64
    limit = min(_LOG_GROWTH_MAX, _LOG_TOTAL_GROWTH_MAX / max(flows[-1][1], 1.0))
    while (present_value(far) > 0) == (undiscounted > 0):
        if abs(far) >= limit:
            raise NotComputable("no rate makes the flows worth nothing", reason="no_root")
        near, far = far, direction * min(2 * abs(far), limit)
    return _bisect(present_value, near, far)


def _bisect(function: Callable[[float], float], near: float, far: float) -> float:
    """Halve the bracket until no float lies between its ends."""
    near_is_positive = function(near) > 0
    while (middle := (near + far) / 2) not in (near, far):
        if (function(middle) > 0) == near_is_positive:
            near = middle
        else:
            far = middle
    return middle
