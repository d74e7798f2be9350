"""Whether initiatives that share an effect are worth, to the cent, what all are worth together."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aivalue.money.allotment import allotment_of, allotted_to, totals_of
from aivalue.money.valuation import BENEFIT_CATEGORIES, Pricing, total_value, value_lines
from tests.unit.money.known import known_improvement
from tests.unit.money.test_valuation import FEBRUARY, JANUARY, rule

PERIODS = (JANUARY, FEBRUARY)
quantities = st.decimals(-10_000, 10_000, places=4)
rates = st.decimals("0.0001", 5_000, places=4)
shares = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.tuples(quantities, quantities),
    min_size=1,
)


@given(shares=shares, first=rates, second=rates)
def test_values_sum_to_the_cent_to_what_all_are_worth(
    shares: dict[str, tuple[Decimal, Decimal]], first: Decimal, second: Decimal
) -> None:
    improvements = {
        name: known_improvement(kpi="handle-time", periods=PERIODS, quantity=both)
        for name, both in shares.items()
    }
    rules = (rule("hours", str(first)), rule("calls", str(second), per=Decimal(50)))

    parts = allotment_of(improvements, rules)

    values = []
    for name, improvement in improvements.items():
        pricing = Pricing(improvement=improvement, rules=rules, allotted=allotted_to(name, parts))
        value = total_value([pricing], currency="EUR", categories=BENEFIT_CATEGORIES)
        values.append(value.point.amount)
        lines = value_lines([pricing])
        assert sum(line.value.point.amount for line in lines) == value.point.amount
        assert all(line.value.point.amount % Decimal("0.01") == 0 for line in lines)
    # What all are worth together: every rule and month priced once, and rounded once.
    together = Decimal(0)
    for each in rules:
        for month in range(len(PERIODS)):
            quantity = sum((both[month] for both in shares.values()), Decimal(0))
            together += round(each.rate * quantity / each.per, 2)
    assert sum(values, Decimal(0)) == together
    assert sum(sum(totals_of(parts[each.key]).values()) for each in rules) == together


def test_a_known_split() -> None:
    # 1.00 EUR in three: the cent that is left goes to the first name.
    improvements = {
        name: known_improvement(
            kpi="handle-time", periods=[JANUARY], quantity=[Decimal(1) / Decimal(3)]
        )
        for name in ("c", "a", "b")
    }

    parts = allotment_of(improvements, [rule("hours", "1")])

    assert parts["hours"][JANUARY.start] == {
        "a": Decimal("0.34"),
        "b": Decimal("0.33"),
        "c": Decimal("0.33"),
    }
    assert totals_of(parts["hours"]) == {
        "a": Decimal("0.34"),
        "b": Decimal("0.33"),
        "c": Decimal("0.33"),
    }


def test_a_currency_without_cents_is_parted_in_whole_units() -> None:
    improvements = {
        name: known_improvement(kpi="handle-time", periods=[JANUARY], quantity=[Decimal(quantity)])
        for name, quantity in (("a", "10.4"), ("b", "20.4"))
    }

    parts = allotment_of(improvements, [rule("hours", "1", currency="JPY")])

    assert parts["hours"][JANUARY.start] == {"a": Decimal(11), "b": Decimal(20)}
