"""Shares in whole cents that sum to the total, by largest remainder.

Source: Hamilton's method of apportionment; Balinski & Young (1982), "Fair Representation".
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from aivalue.errors import NotEstimable

CENTS_APART_MAX = 1  # Per share: rounding explains no more.


def in_cents(
    shares: Mapping[str, float] | Mapping[str, Decimal], total_cents: int
) -> dict[str, int]:
    """Round shares to whole cents that sum to the total: the largest remainders get the rest.

    Equal remainders go by name, so the result does not depend on the order of the input. Shares
    and total may be negative.

    Parameters
    ----------
    shares
        In the currency's major unit.

    Raises
    ------
    NotEstimable
        No shares, or shares that sum to something else than the total.
    """
    if not shares:
        raise NotEstimable("nobody to share with")
    # Exact arithmetic on the numbers as they are, so that no cent depends on the order of a sum.
    exact = {name: 100 * Fraction(share) for name, share in shares.items()}
    together = sum(exact.values(), Fraction(0))
    if abs(together - total_cents) > CENTS_APART_MAX * len(shares):
        raise NotEstimable(f"shares sum to {float(together):.2f}, not to {total_cents} cents")
    cents = {name: math.floor(share) for name, share in exact.items()}
    left = total_cents - sum(cents.values())
    rest = {name: exact[name] - cents[name] for name in exact}
    order = sorted(exact, key=lambda name: (-rest[name], name))
    if left < 0:
        order.reverse()
    step = 1 if left > 0 else -1
    for position in range(abs(left)):
        cents[order[position % len(order)]] += step
    return cents
