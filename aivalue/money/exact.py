"""The one place where a binary float becomes a decimal number."""

import math
from decimal import Decimal

from aivalue.errors import InvalidMoney


def decimal_of(number: float) -> Decimal:
    """Write an estimate as an exact decimal; raises InvalidMoney for NaN and infinities."""
    if not math.isfinite(number):
        raise InvalidMoney(f"an estimate must be finite to be priced, got {number!r}")
    # repr() is the shortest text that round-trips, so no binary noise enters the ledger.
    return Decimal(repr(float(number)))
