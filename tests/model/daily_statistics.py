"""Sufficient statistics of one series on one day, as ingest's statements must compute them.

Sums of exact decimals, so merging is associative and commutative to the last digit; a sum of
floats would depend on which event came first.
"""

import decimal
from dataclasses import dataclass
from decimal import Decimal

from tests.model.measured import Measurement

# As many digits as it takes; a result that would have to be rounded is an error.
EXACT = decimal.Context(
    prec=decimal.MAX_PREC,
    Emax=decimal.MAX_EMAX,
    Emin=decimal.MIN_EMIN,
    traps=[decimal.Inexact, decimal.InvalidOperation],
)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyStatistics:
    """What is kept of the measurements of one unit-day.

    Attributes
    ----------
    n :
        Measurements.
    sum, sum_squares, minimum, maximum :
        Of measurements by value; minimum and maximum are None where there is none.
    numerator, denominator, numerator_squares, denominator_squares, cross_product :
        Sums over measurements by numerator and denominator.
    """

    n: int = 0
    sum: Decimal = _ZERO
    sum_squares: Decimal = _ZERO
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    numerator: Decimal = _ZERO
    denominator: Decimal = _ZERO
    numerator_squares: Decimal = _ZERO
    denominator_squares: Decimal = _ZERO
    cross_product: Decimal = _ZERO

    def merge(self, other: "DailyStatistics") -> "DailyStatistics":
        """Return the statistics of both sets of measurements together."""
        add = EXACT.add
        return DailyStatistics(
            n=self.n + other.n,
            sum=add(self.sum, other.sum),
            sum_squares=add(self.sum_squares, other.sum_squares),
            minimum=min(_present(self.minimum, other.minimum), default=None),
            maximum=max(_present(self.maximum, other.maximum), default=None),
            numerator=add(self.numerator, other.numerator),
            denominator=add(self.denominator, other.denominator),
            numerator_squares=add(self.numerator_squares, other.numerator_squares),
            denominator_squares=add(self.denominator_squares, other.denominator_squares),
            cross_product=add(self.cross_product, other.cross_product),
        )


def statistics_of(measurement: Measurement) -> DailyStatistics:
    """Return the statistics of one measurement."""
    multiply = EXACT.multiply
    value = measurement.value
    if value is not None:
        return DailyStatistics(
            n=1, sum=value, sum_squares=multiply(value, value), minimum=value, maximum=value
        )
    numerator, denominator = measurement.numerator, measurement.denominator
    if numerator is None or denominator is None:
        raise ValueError("a measurement has a value, or a numerator and a denominator")
    return DailyStatistics(
        n=1,
        numerator=numerator,
        denominator=denominator,
        numerator_squares=multiply(numerator, numerator),
        denominator_squares=multiply(denominator, denominator),
        cross_product=multiply(numerator, denominator),
    )


def _present(*numbers: Decimal | None) -> list[Decimal]:
    return [number for number in numbers if number is not None]
