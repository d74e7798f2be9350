"""Charges are counted once, in the right month, and refused in another currency."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from aivalue.errors import InvalidMoney
from aivalue.money.cost import (
    CostEntry,
    amortized_by_month,
    cash_by_month,
    cost_totals,
    settled,
)
from aivalue.money.money import Money

ROW = {
    "source": "urn:billing",
    "id": "1",
    "initiative": "support",
    "billed_cost": "100.10",
    "billing_currency": "EUR",
    "charge_period_start": "2024-01-01T00:00:00Z",
    "charge_period_end": "2024-02-01T00:00:00Z",
    "charge_category": "Usage",
    "service_category": "AI and Machine Learning",
    "treatment": "opex",
    "status": "billed",
    "category": "model",
}


def entry(**fields: Any) -> CostEntry:
    return CostEntry.model_validate({**ROW, **fields})


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def test_an_invoice_replaces_the_estimate_of_the_same_charge() -> None:
    estimate = entry(id="2", status="estimated", billed_cost="283")
    other = entry(id="3", status="estimated", billed_cost="5", category="infra")

    kept = settled([estimate, other, entry()])

    assert kept == (other, entry())


def test_totals_by_category_treatment_and_status_add_up() -> None:
    totals = cost_totals(
        [
            entry(),
            entry(id="2", billed_cost="0.20"),
            entry(id="3", status="estimated", billed_cost="7", category="infra"),
            entry(id="4", billed_cost="1000", category="people", treatment="capex"),
            entry(id="5", billed_cost="-10", charge_category="Credit"),
        ],
        currency="EUR",
    )

    assert totals.total == euros("1097.30")
    assert (totals.billed, totals.estimated) == (euros("1090.30"), euros("7"))
    assert totals.by_category == {
        "infra": euros("7"),
        "model": euros("90.30"),
        "people": euros("1000"),
    }
    assert totals.by_treatment == {"capex": euros("1000"), "opex": euros("97.30")}


def test_cash_counts_where_the_charge_period_begins_amortization_spreads_it() -> None:
    licence = entry(
        billed_cost="366", effective_cost="732", charge_period_end="2025-01-01T00:00:00Z"
    )

    cash = cash_by_month([licence], currency="EUR")
    amortized = amortized_by_month([licence], currency="EUR")

    assert cash == {date(2024, 1, 1): euros("366")}
    # 2024 has 366 days, February 29 of them: 2 a day.
    assert round(amortized[date(2024, 2, 1)].amount, 20) == 58
    assert round(sum(month.amount for month in amortized.values()), 20) == 732


def test_a_charge_within_one_day_is_amortized_on_that_day() -> None:
    charge = entry(
        charge_period_start="2024-01-31T22:00:00Z", charge_period_end="2024-01-31T23:00:00Z"
    )

    assert amortized_by_month([charge], currency="EUR") == {date(2024, 1, 1): euros("100.10")}


def test_months_are_those_of_utc() -> None:
    charge = entry(charge_period_start="2024-02-01T00:00:00+02:00")

    assert charge.month == date(2024, 1, 1)


def test_another_currency_is_refused() -> None:
    with pytest.raises(InvalidMoney, match="EUR, needs USD"):
        cost_totals([entry()], currency="USD")


@pytest.mark.parametrize(
    "fields",
    [
        {"charge_period_end": "2024-01-01T00:00:00Z"},
        {"billed_cost": "NaN"},
        {"charge_period_start": "2024-01-01T00:00:00"},
        {"billing_currency": "euro"},
    ],
)
def test_a_row_that_is_no_charge_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        entry(**fields)
