"""Value and cost come together with intervals that belong to the sum, and with honest gaps."""

from datetime import date
from decimal import Decimal

import pytest

from aivalue.effects.effect import Effect, Grade, Period
from aivalue.errors import InvalidMoney, NotComputable
from aivalue.money.cost import CostEntry
from aivalue.money.improvement import Quantiles, improvement_of
from aivalue.money.initiative_value import InitiativeValue, initiative_value
from aivalue.money.month import month_plus, next_month
from aivalue.money.valuation import Pricing
from aivalue.money.valuation_rule import Category, ValuationRule
from aivalue.money.value_range import ValueRange

START = date(2024, 1, 1)


def rule(key: str = "minutes", *, category: Category = "hard_cost") -> ValuationRule:
    return ValuationRule(
        key=key,
        initiative="support",
        kpi="handle-time",
        name=key,
        rate=Decimal(1),
        currency="EUR",
        category=category,
    )


def pricing(
    *gains: float,
    variance: float = 0.0,
    grade: Grade = "B",
    rules: tuple[ValuationRule, ...] = (rule(),),
    last_day: date | None = None,
) -> Pricing:
    """Price one gain a month, each with the same variance and no covariance."""
    starts = [month_plus(START, index) for index in range(len(gains))]
    ends = [*starts[1:], last_day or month_plus(START, len(gains))]
    effect = Effect(
        periods=tuple(Period(start=s, end=e) for s, e in zip(starts, ends, strict=True)),
        point=gains,
        covariance=tuple(
            tuple(variance if row == column else 0.0 for column in range(len(gains)))
            for row in range(len(gains))
        ),
        volume=(1.0,) * len(gains),
        observed=(0.0,) * len(gains),
        degrees_of_freedom=30.0,
        confidence=0.95,
        n_treated=20,
        n_control=20,
        design="randomized",
        scale="additive",
        estimator="difference_in_means",
        estimator_version="1",
    )
    improvement = improvement_of(
        effect,
        kpi="handle-time",
        better_when="higher",
        grade=grade,
        quantiles=Quantiles(two_sided=2.0, lower_bound=1.0),
    )
    return Pricing(improvement=improvement, rules=rules)


def charge(month: date, amount: int, *, currency: str = "EUR") -> CostEntry:
    return CostEntry.model_validate(
        {
            "source": "urn:billing",
            "id": f"{month}/{amount}",
            "initiative": "support",
            "billed_cost": amount,
            "billing_currency": currency,
            "charge_period_start": f"{month}T00:00:00Z",
            "charge_period_end": f"{next_month(month)}T00:00:00Z",
            "charge_category": "Usage",
            "service_category": "AI and Machine Learning",
            "treatment": "opex",
            "status": "billed",
            "category": "model",
        }
    )


def value_of(
    *pricings: Pricing, costs: list[CostEntry], fiscal_year_start_month: int = 1
) -> InitiativeValue:
    return initiative_value(
        pricings=pricings,
        costs=costs,
        currency="EUR",
        hurdle_rate=Decimal("0.10"),
        fiscal_year_start_month=fiscal_year_start_month,
    )


def bounds(value: ValueRange) -> list[Decimal]:
    return [value.low.amount, value.point.amount, value.high.amount]


def test_cost_moves_the_interval_and_does_not_widen_it() -> None:
    value = value_of(pricing(100, 100, variance=9.0), costs=[charge(START, 40)])

    assert [bounds(month.net) for month in value.months] == [[54, 60, 66], [94, 100, 106]]


def test_the_interval_of_a_sum_is_narrower_than_the_sum_of_intervals() -> None:
    value = value_of(pricing(*[100] * 4, variance=9.0), costs=[charge(START, 40)])

    # Four independent months: standard error 2 x 3 = 6, not 4 x 3.
    assert bounds(value.months[-1].cumulative_net) == [348, 360, 372]
    assert bounds(value.net) == [348, 360, 372]
    assert [value.benefit.lower_bound.amount, value.benefit.risk_adjusted.amount] == [394, 360]


def test_return_on_cost_has_the_interval_of_the_value() -> None:
    roi = value_of(pricing(*[100] * 4, variance=9.0), costs=[charge(START, 200)]).returns.roi

    assert (roi.formula, roi.value, roi.low, roi.high) == (
        "roi.undiscounted", Decimal(1), Decimal("0.94"), Decimal("1.06"),
    )  # fmt: skip


def test_payback_runs_from_the_high_to_the_low_path() -> None:
    before = charge(date(2023, 12, 1), 300)

    payback = value_of(pricing(*[100] * 4, variance=100.0), costs=[before]).returns.payback_months

    assert payback.value == 3
    assert payback.low is not None
    assert payback.high is not None
    assert 2 < payback.low < 3 < payback.high < 4


def test_a_low_path_that_has_not_paid_back_leaves_the_latest_payback_open() -> None:
    before = charge(date(2023, 12, 1), 390)

    payback = value_of(pricing(*[100] * 4, variance=100.0), costs=[before]).returns.payback_months

    assert payback.value == Decimal("3.9")
    assert payback.high is None


def test_a_programme_that_loses_money_says_so_and_has_no_payback() -> None:
    value = value_of(pricing(-10, -20), costs=[charge(START, 5)])

    assert bounds(value.net) == [-35, -35, -35]
    assert value.returns.roi.value == -7
    assert value.returns.payback_months.reason == "not_paid_back"
    assert value.returns.internal_rate.reason == "no_sign_change"
    assert value.returns.peak_funding.value == -35


def test_value_without_cost_has_no_ratio() -> None:
    returns = value_of(pricing(10, 10), costs=[]).returns

    assert (returns.roi.value, returns.roi.reason) == (None, "no_costs")
    assert returns.payback_months.value == 0


def test_several_possible_rates_give_none_and_a_modified_one() -> None:
    # Net -1,600, +10,000, -10,000: 25 % and 400 % a month both solve it.
    costs = [charge(START, 1600), charge(date(2024, 3, 1), 10000)]

    returns = value_of(pricing(0, 10000, 0), costs=costs).returns

    assert returns.internal_rate.reason == "multiple_irr_possible"
    assert returns.modified_internal_rate.value is not None


def test_capacity_is_shown_and_not_counted() -> None:
    freed = (rule(), rule("hours", category="capacity"))

    value = value_of(pricing(10, 10, rules=freed), costs=[charge(START, 5)])

    assert bounds(value.by_category["capacity"]) == [20, 20, 20]
    assert value.by_rule["hours"] == value.by_category["capacity"]
    assert value.benefit.point.amount == value.pnl.point.amount == 20


def test_months_without_gaps_from_the_first_cost_to_the_last_value() -> None:
    value = value_of(pricing(10, 10), costs=[charge(date(2023, 11, 1), 5)])

    assert [month.month for month in value.months] == [
        month_plus(date(2023, 11, 1), index) for index in range(4)
    ]
    assert bounds(value.months[1].net) == [0, 0, 0]


def test_fiscal_years_start_when_the_portfolio_says_so() -> None:
    value = value_of(pricing(*[10] * 12), costs=[charge(START, 5)], fiscal_year_start_month=4)

    assert {year.year: int(year.net.point.amount) for year in value.in_year} == {2024: 25, 2025: 90}


def test_a_month_measured_in_part_is_not_annualized() -> None:
    full = value_of(pricing(10, 20, 30, 40), costs=[])
    cut = value_of(pricing(10, 20, 30, 40, last_day=date(2024, 4, 20)), costs=[])
    short = value_of(pricing(10, 20), costs=[])

    assert full.returns.run_rate.value == 4 * (20 + 30 + 40)
    assert cut.returns.run_rate.value == 4 * (10 + 20 + 30)
    assert short.returns.run_rate.reason == "too_few_full_months"


def test_an_unknown_value_is_not_zero() -> None:
    with pytest.raises(NotComputable) as refusal:
        value_of(pricing(10, rules=()), costs=[charge(START, 5)])

    assert refusal.value.reason == "nothing_priced"


def test_cost_in_another_currency_is_refused() -> None:
    with pytest.raises(InvalidMoney, match="USD, needs EUR"):
        value_of(pricing(10), costs=[charge(START, 5, currency="USD")])
