"""Pricing keeps signs, intervals and exactness, whatever is added up."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from aivalue.effects.effect import Effect, Grade, Period
from aivalue.errors import InvalidDefinition, InvalidMoney
from aivalue.kpis.plan import BetterWhen
from aivalue.money.improvement import Improvement, Quantiles, improvement_of
from aivalue.money.valuation import PNL_CATEGORIES, Pricing, total_value, value_lines
from aivalue.money.valuation_rule import ValuationRule
from aivalue.money.value_range import ValueRange
from tests.unit.money.known import known_improvement

JANUARY = Period(start=date(2024, 1, 1), end=date(2024, 2, 1))
FEBRUARY = Period(start=date(2024, 2, 1), end=date(2024, 3, 1))
# Student t with many degrees of freedom is never this round; round numbers keep sums readable.
ROUND = Quantiles(two_sided=2.0, lower_bound=1.25)


def rule(key: str, rate: str, **fields: Any) -> ValuationRule:
    return ValuationRule(
        **{
            "key": key,
            "initiative": "support",
            "kpi": "handle-time",
            "name": key,
            "rate": Decimal(rate),
            "currency": "EUR",
            "category": "hard_cost",
            **fields,
        }
    )


def improvement(
    point: tuple[float, ...] = (-0.5, -0.25),
    variance: tuple[float, ...] = (0.01, 0.04),
    *,
    covariance: float = 0.0,
    better_when: BetterWhen = "lower",
    grade: Grade = "A",
    kpi: str = "handle-time",
    periods: tuple[Period, ...] = (JANUARY, FEBRUARY),
) -> Improvement:
    n_periods = len(point)
    effect = Effect(
        periods=periods[:n_periods],
        point=point,
        covariance=tuple(
            tuple(variance[row] if row == column else covariance for column in range(n_periods))
            for row in range(n_periods)
        ),
        volume=(100.0,) * n_periods,
        observed=(7.0,) * n_periods,
        degrees_of_freedom=30.0,
        confidence=0.95,
        n_treated=20,
        n_control=20,
        design="randomized",
        scale="additive",
        estimator="difference_in_means",
        estimator_version="1",
    )
    return improvement_of(effect, kpi=kpi, better_when=better_when, grade=grade, quantiles=ROUND)


def amounts(value: ValueRange) -> list[Decimal]:
    figures = (value.low, value.lower_bound, value.point, value.high, value.risk_adjusted)
    return [money.amount for money in figures]


def test_a_shorter_handle_time_is_a_gain_with_its_interval() -> None:
    pricing = Pricing(improvement=improvement(), rules=(rule("minutes", "2"),))

    january, february = value_lines([pricing])

    # 0.5 min x 100 calls x 2 EUR; standard error 0.1 x 100 x 2 = 20.
    assert amounts(january.value) == [60, 75, 100, 140, 100]
    assert amounts(february.value) == [-30, 0, 50, 130, 50]
    assert [january.quantity, february.quantity] == [50, 25]


def test_a_longer_handle_time_is_a_loss_that_is_neither_clipped_nor_lowered() -> None:
    pricing = Pricing(
        improvement=improvement((0.5,), (0.01,), grade="C"), rules=(rule("minutes", "2"),)
    )

    value = total_value([pricing], currency="EUR")

    assert amounts(value) == [-140, -125, -100, -60, -100]


def test_months_add_up_with_their_covariance() -> None:
    pricing = Pricing(improvement=improvement(covariance=0.02), rules=(rule("minutes", "2"),))

    value = total_value([pricing], currency="EUR")

    # w = (200, 200): variance 40,000 x (0.01 + 0.04 + 2 x 0.02) = 3,600, standard error 60.
    assert amounts(value) == [30, 75, 150, 270, 150]


def test_two_rules_on_one_kpi_are_one_weight_vector_not_two_independent_gains() -> None:
    one = Pricing(improvement=improvement(), rules=(rule("whole", "2"),))
    two = Pricing(improvement=improvement(), rules=(rule("part", "0.5"), rule("rest", "1.5")))

    assert total_value([two], currency="EUR") == total_value([one], currency="EUR")


def test_standard_errors_of_different_kpis_add() -> None:
    calls = Pricing(improvement=improvement((-0.5,), (0.01,)), rules=(rule("minutes", "2"),))
    tickets = Pricing(
        improvement=improvement((-0.5,), (0.01,), kpi="reopened"),
        rules=(rule("reopened", "2", kpi="reopened"),),
    )

    value = total_value([calls, tickets], currency="EUR")

    assert amounts(value) == [120, 150, 200, 280, 200]


def test_an_uncertain_rate_widens_the_interval_also_without_any_effect_variance() -> None:
    pricing = Pricing(
        improvement=improvement((-0.5, -0.5), (0.0, 0.0)),
        rules=(rule("minutes", "2", rate_standard_error=Decimal("0.1")),),
    )

    value = total_value([pricing], currency="EUR")

    # One rate for both months: 0.1 x (50 + 50) = 10, not 0.1 x sqrt(50^2 + 50^2).
    assert amounts(value) == [180, Decimal("187.5"), 200, 220, 200]


def test_a_grade_lowers_gains_and_leaves_the_gross_value_beside_it() -> None:
    by_grade = {
        grade: amounts(
            total_value(
                [Pricing(improvement=improvement(grade=grade), rules=(rule("minutes", "2"),))],
                currency="EUR",
            )
        )[-1]
        for grade in ("A", "B", "C", "D")
    }

    assert by_grade == {"A": 150, "B": 135, "C": 105, "D": 0}


def test_freed_capacity_is_priced_and_enters_no_total() -> None:
    pricing = Pricing(
        improvement=improvement(),
        rules=(
            rule("overtime", "1"),
            rule("avoided", "2", category="cost_avoidance"),
            rule("hours", "3", category="capacity"),
            rule("speed", "4", category="strategic"),
            rule("rework", "-1", category="disbenefit"),
        ),
    )

    def total(**choice: Any) -> Decimal:
        return total_value([pricing], currency="EUR", **choice).point.amount

    assert total() == 75 * (1 + 2 - 1)
    assert total(categories=PNL_CATEGORIES) == 0
    assert total(categories={"capacity"}) == 225


def test_a_rule_prices_only_the_days_it_is_valid() -> None:
    pricing = Pricing(
        improvement=improvement(),
        rules=(
            rule("old", "2", valid_to=date(2024, 2, 11)),
            rule("new", "4", valid_from=date(2024, 2, 11)),
        ),
    )

    lines = value_lines([pricing])

    # February 2024 has 29 days, ten of them at the old rate.
    assert [(line.rule, line.month.month) for line in lines] == [("old", 1), ("new", 2), ("old", 2)]
    assert [line.value.point.amount.quantize(Decimal("0.01")) for line in lines] == [
        Decimal("100.00"),
        Decimal("65.52"),
        Decimal("17.24"),
    ]


def test_a_period_across_months_is_divided_by_days() -> None:
    quarter = Period(start=date(2024, 1, 1), end=date(2024, 4, 1))
    known = known_improvement(kpi="handle-time", periods=[quarter], quantity=[Decimal(91)])
    pricing = Pricing(improvement=known, rules=(rule("minutes", "1"),))

    months = [round(line.value.point.amount) for line in value_lines([pricing])]

    assert months == [31, 29, 31]


def test_weights_choose_and_discount_months() -> None:
    pricing = Pricing(improvement=improvement(), rules=(rule("minutes", "2"),))

    value = total_value([pricing], currency="EUR", weights={FEBRUARY.start: Decimal("0.5")})

    assert amounts(value) == [-15, 0, 25, 65, 25]


def test_tenths_stay_exact() -> None:
    pricing = Pricing(
        improvement=improvement((-0.1,), (0.0,)), rules=(rule("minutes", "0.03", per=Decimal(1)),)
    )

    assert total_value([pricing], currency="EUR").point.amount == Decimal("0.3")


def test_two_currencies_are_refused() -> None:
    pricing = Pricing(improvement=improvement(), rules=(rule("minutes", "2"),))

    with pytest.raises(InvalidMoney, match="EUR, needs USD"):
        total_value([pricing], currency="USD")


def test_a_rule_of_another_kpi_is_refused() -> None:
    with pytest.raises(InvalidDefinition, match="prices churn"):
        Pricing(improvement=improvement(), rules=(rule("minutes", "2", kpi="churn"),))


def test_an_estimate_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(InvalidMoney, match="finite"):
        improvement((float("nan"),), (0.0,))


effects = st.floats(-10, 10).map(lambda value: round(value, 4))
rates = st.decimals("0.01", "9999", places=2)


@settings(deadline=None)
@given(effects, effects, rates, rates, st.sampled_from(["A", "B", "C", "D"]))
def test_lines_add_up_to_the_total_and_bounds_stay_in_order(
    january: float, february: float, rate: Decimal, other: Decimal, grade: Grade
) -> None:
    pricing = Pricing(
        improvement=improvement((january, february), grade=grade),
        rules=(rule("one", str(rate)), rule("two", str(-other), category="disbenefit")),
    )

    lines = value_lines([pricing])
    total = total_value([pricing], currency="EUR")

    assert sum(line.value.point.amount for line in lines) == total.point.amount
    assert sum(line.value.risk_adjusted.amount for line in lines) == pytest.approx(
        total.risk_adjusted.amount
    )
    assert total.low.amount <= total.lower_bound.amount <= total.point.amount <= total.high.amount
    assert total.risk_adjusted.amount <= total.point.amount


def test_a_rule_that_holds_on_no_day_is_refused_and_does_not_price_at_nothing() -> None:
    with pytest.raises(ValidationError, match="valid_from must be before valid_to, got 2024-02-01"):
        rule("new", "4", valid_from=date(2024, 2, 1), valid_to=date(2024, 2, 1))


def test_a_day_of_a_rule_is_never_read_as_seconds_since_1970() -> None:
    with pytest.raises(ValidationError, match="a day is written YYYY-MM-DD"):
        rule("new", "4", valid_from=1704067200)
