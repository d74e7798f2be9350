"""A value with everything finance must see beside it, so that no figure travels alone."""

from dataclasses import dataclass
from typing import Self

from aivalue.errors import InvalidMoney
from aivalue.money.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRange:
    """What an effect is worth; a loss is negative and stays so.

    Attributes
    ----------
    point :
        Gross value, at the point estimate.
    low, high :
        Two-sided interval at the run's confidence.
    lower_bound :
        One-sided 90 % bound: what finance may book on grades A and B.
    risk_adjusted :
        Gains lowered by the grade's factor, losses in full.
    """

    point: Money
    low: Money
    high: Money
    lower_bound: Money
    risk_adjusted: Money

    def __post_init__(self) -> None:
        point = self.point
        for bound in (self.low, self.high, self.lower_bound, self.risk_adjusted):
            if bound.currency != point.currency:
                raise InvalidMoney(f"one range, one currency: {bound.currency}, {point.currency}")
        if not self.low.amount <= point.amount <= self.high.amount:
            raise ValueError(f"range ({self.low}, {self.high}) misses {point}")
        if max(self.lower_bound.amount, self.risk_adjusted.amount) > point.amount:
            raise ValueError(f"a cautious figure lies above the point {point}")

    @classmethod
    def exactly(cls, amount: Money) -> Self:
        """Take a value as known: all five figures are the same."""
        return cls(point=amount, low=amount, high=amount, lower_bound=amount, risk_adjusted=amount)

    def __sub__(self, cost: Money) -> Self:
        """Net of a known cost: every figure moves by the same amount."""
        return type(self)(
            point=self.point - cost,
            low=self.low - cost,
            high=self.high - cost,
            lower_bound=self.lower_bound - cost,
            risk_adjusted=self.risk_adjusted - cost,
        )
