"""Whether statistics merge exactly: any order, any grouping, to the last digit."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from aivalue.events.business import OutcomeRecorded
from aivalue.events.model import DecisionMade
from tests.model.daily_statistics import DailyStatistics, statistics_of
from tests.model.measured import Measurement, measurement_of_outcome

DAY = date(2026, 3, 1)
SERIES = ("downtime", "line-1", "", "")
_NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)


def _by_value(value: Decimal) -> Measurement:
    return Measurement(series=SERIES, day=DAY, value=value)


def _by_parts(numerator: Decimal, denominator: Decimal) -> Measurement:
    return Measurement(
        series=SERIES, day=DAY, value=None, numerator=numerator, denominator=denominator
    )


_MEASUREMENTS = st.lists(
    st.one_of(_NUMBERS.map(_by_value), st.tuples(_NUMBERS, _NUMBERS).map(lambda p: _by_parts(*p))),
    max_size=12,
)


def _merged(measurements: list[Measurement]) -> DailyStatistics:
    return reduce(DailyStatistics.merge, map(statistics_of, measurements), DailyStatistics())


@given(measurements=_MEASUREMENTS, cut=st.integers(0, 12), seed=st.randoms())
def test_order_and_grouping_change_nothing(
    measurements: list[Measurement], cut: int, seed: st.DataObject
) -> None:
    shuffled = list(measurements)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands out a random.Random

    together = _merged(shuffled[:cut]).merge(_merged(shuffled[cut:]))

    assert together == _merged(measurements)


@given(measurements=_MEASUREMENTS)
def test_sums_are_exact(measurements: list[Measurement]) -> None:
    statistics = _merged(measurements)
    values = [Fraction(each.value) for each in measurements if each.value is not None]
    parts = [
        (Fraction(each.numerator), Fraction(each.denominator))
        for each in measurements
        if each.numerator is not None and each.denominator is not None
    ]

    assert statistics.n == len(measurements)
    assert Fraction(statistics.sum) == sum(values)
    assert Fraction(statistics.sum_squares) == sum(value * value for value in values)
    assert Fraction(statistics.cross_product) == sum(a * b for a, b in parts)
    assert Fraction(statistics.denominator_squares) == sum(b * b for _, b in parts)


def test_a_day_without_values_has_no_extremes() -> None:
    statistics = statistics_of(_by_parts(Decimal(1), Decimal(2)))

    assert (statistics.minimum, statistics.maximum) == (None, None)
    assert statistics.numerator == 1
    assert statistics.denominator == 2


def test_an_outcome_counts_where_and_when_was_decided() -> None:
    decision = DecisionMade(
        decision="d", model="m", version="1", unit="men", arm="treatment", action="show"
    )
    clicked = OutcomeRecorded(decision="d", kpi="click", label=True)
    paid = OutcomeRecorded(decision="d", kpi="revenue", label=True, value=Decimal("9.90"))

    measured = measurement_of_outcome(decision, DAY, clicked)

    assert (measured.series, measured.day) == (("click", "men", "", "treatment"), DAY)
    assert measured.value == 1
    assert measurement_of_outcome(decision, DAY, paid).value == Decimal("9.90")
