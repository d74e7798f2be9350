"""The JSON of a value is exact, rounded once, and reads back as it was written."""

import json
from datetime import date
from decimal import Decimal

from aivalue.money.figure import Figure
from aivalue.money.money import Money
from aivalue.money.value_range import ValueRange
from aivalue.reports.value_report import FigureReport, RangeReport, ValueReport
from tests.unit.reports.builders import costs, value


def test_money_is_a_string_rounded_half_to_even_at_the_cent() -> None:
    content = json.loads(value().model_dump_json())

    assert content["benefit"] == {
        "point": "1000.12",
        "low": "800.12",
        "high": "1200.12",
        "lower_bound": "850.12",
        "risk_adjusted": "900.11",
    }
    assert content["cost"]["total"] == "500.00"
    assert content["net"]["point"] == "500.12"
    assert content["by_kpi"]["handle-time"] == content["benefit"]
    assert content["months"][0]["month"] == "2024-01-01"


def test_ratios_name_their_formula_and_missing_ones_their_reason() -> None:
    content = json.loads(value().model_dump_json())

    # 1000.125 / 500.005 - 1
    assert content["roi"] == {
        "formula": "roi.undiscounted",
        "value": "1.000230",
        "low": "0.600234",
        "high": "1.400226",
        "reason": None,
    }
    assert content["internal_rate"] == {
        "formula": "xirr",
        "value": None,
        "low": None,
        "high": None,
        "reason": "no_sign_change",
    }


def test_what_is_written_reads_back() -> None:
    report = value()

    assert ValueReport.model_validate_json(report.model_dump_json()) == report


def test_no_number_is_written_with_an_exponent_or_a_negative_zero() -> None:
    tiny = Money(Decimal("-0.001"), "EUR")
    huge = Figure(formula="roi.pv", value=Decimal("1E+9"))

    assert RangeReport.of(ValueRange.exactly(tiny)).model_dump_json().count('"0.00"') == 5
    assert '"1000000000.000000"' in FigureReport.of(huge).model_dump_json()


def test_yen_have_no_cents() -> None:
    report = value(currency="JPY")

    assert report.benefit.point == 1000
    assert report.model_dump(mode="json")["benefit"]["point"] == "1000"


def test_cost_is_reported_also_without_a_value() -> None:
    assert costs("12.345").model_dump(mode="json") == {
        "currency": "EUR",
        "total": "12.34",
        "billed": "12.34",
        "estimated": "0.00",
        "by_category": {"model": "12.34"},
        "by_treatment": {"opex": "12.34"},
    }


def test_fiscal_years_carry_benefit_cost_and_net() -> None:
    (year,) = value().in_year

    assert (year.year, year.cost, year.net.point) == (2024, Decimal("500.00"), Decimal("500.12"))
    assert value().months[0].month == date(2024, 1, 1)
