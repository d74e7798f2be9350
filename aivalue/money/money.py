"""Money: an exact amount and its currency, which travel together."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Self

from aivalue.errors import InvalidMoney

_CURRENCY = re.compile(r"[A-Z]{3}")
# ISO 4217 minor units that are not 2; the rest of the list is.
_MINOR_UNITS = {
    "BHD": 3, "BIF": 0, "CLF": 4, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3,
    "JPY": 0, "KMF": 0, "KRW": 0, "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3,
    "UGX": 0, "UYI": 0, "UYW": 4, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount; `currency` is an ISO 4217 code such as "EUR".

    Raises
    ------
    InvalidMoney
        The amount is not a finite Decimal, the code is not three capitals, or two currencies meet.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        amount: object = self.amount  # a caller without a type checker may pass a float
        if not (isinstance(amount, Decimal) and amount.is_finite()):
            raise InvalidMoney(f"amount must be a finite Decimal, got {amount!r}")
        if not _CURRENCY.fullmatch(self.currency):
            raise InvalidMoney(f"currency must be an ISO 4217 code, got {self.currency!r}")

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Nothing, in a currency: the neutral element of a sum."""
        return cls(Decimal(0), currency)

    def __add__(self, other: Self) -> Self:
        if other.currency != self.currency:
            raise InvalidMoney(f"cannot add {other.currency} to {self.currency}")
        return type(self)(self.amount + other.amount, self.currency)

    def __sub__(self, other: Self) -> Self:
        return self + (-other)

    def __neg__(self) -> Self:
        return type(self)(-self.amount, self.currency)

    def times(self, factor: Decimal) -> Self:
        """Scale exactly; rounding belongs to whoever prints or books the number."""
        return type(self)(self.amount * factor, self.currency)

    def rounded(self) -> Self:
        """Round half to even at the currency's minor unit, as a report or a posting shows it."""
        quantum = Decimal(1).scaleb(-minor_digits(self.currency))
        return type(self)(self.amount.quantize(quantum, ROUND_HALF_EVEN), self.currency)


def minor_digits(currency: str) -> int:
    """Return the decimal places of a currency's minor unit."""
    return _MINOR_UNITS.get(currency, 2)
