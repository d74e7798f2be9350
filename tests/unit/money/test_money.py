"""Money is exact, refuses to mix currencies, and rounds only when asked."""

from decimal import Decimal
from typing import Any

import pytest

from aivalue.errors import InvalidMoney
from aivalue.money.exact import decimal_of
from aivalue.money.money import Money
from aivalue.money.value_range import ValueRange


def test_sums_and_products_are_exact() -> None:
    tenth = Money(Decimal("0.1"), "EUR")

    assert tenth + tenth + tenth == Money(Decimal("0.3"), "EUR")
    assert tenth - tenth == Money.zero("EUR")
    assert (-tenth).times(Decimal(3)) == Money(Decimal("-0.3"), "EUR")


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [("0.125", "EUR", "0.12"), ("0.5", "JPY", "0"), ("1.0005", "KWD", "1.000")],
)
def test_rounding_is_half_to_even_at_the_minor_unit(
    amount: str, currency: str, rounded: str
) -> None:
    assert Money(Decimal(amount), currency).rounded().amount == Decimal(rounded)


@pytest.mark.parametrize("amount", [0.1, Decimal("NaN"), Decimal("Infinity"), 1])
def test_what_is_not_a_finite_decimal_is_refused(amount: Any) -> None:
    with pytest.raises(InvalidMoney, match="finite Decimal"):
        Money(amount, "EUR")


def test_a_currency_is_three_capitals() -> None:
    with pytest.raises(InvalidMoney, match="ISO 4217"):
        Money(Decimal(1), "eur")


def test_two_currencies_do_not_meet() -> None:
    with pytest.raises(InvalidMoney, match="cannot add USD to EUR"):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "USD")


def test_a_float_becomes_the_shortest_decimal_that_reads_back() -> None:
    assert decimal_of(0.1) == Decimal("0.1")
    assert decimal_of(-2.5e-9) == Decimal("-2.5E-9")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_float_that_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(InvalidMoney, match="finite"):
        decimal_of(number)


def test_a_range_holds_its_point_between_its_bounds() -> None:
    one, two = Money(Decimal(1), "EUR"), Money(Decimal(2), "EUR")

    with pytest.raises(ValueError, match="misses"):
        ValueRange(point=two, low=one, high=one, lower_bound=one, risk_adjusted=one)
    with pytest.raises(ValueError, match="above the point"):
        ValueRange(point=one, low=one, high=two, lower_bound=two, risk_adjusted=one)
    with pytest.raises(InvalidMoney, match="one currency"):
        ValueRange(point=one, low=one, high=one, lower_bound=one, risk_adjusted=Money.zero("USD"))
