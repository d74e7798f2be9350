"""Whether shares with few successes, and ratios over little, keep intervals that hold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.arms.own_intervals import (
    OwnInterval,
    RatioParts,
    difference_of,
    fieller,
    wilson,
)
from aivalue.effects.estimators.difference_in_means import difference_in_means
from aivalue.effects.estimators.experiment import experiment
from aivalue.effects.estimators.subjects import Subjects
from aivalue.effects.front_door.table import days_from
from aivalue.effects.functional import average, relative
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable
from tests.unit.effects.builders import cells_of_values

Z = t_quantile(0.975, math.inf)
DAY = days_from(1)[0]
SEED = 5


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_share_alone_is_as_published(successes: int, n: int, low: float, high: float) -> None:
    found = wilson(successes, n, Z)

    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_a_difference_of_shares_is_as_published(
    treated: tuple[int, int], control: tuple[int, int], low: float, high: float
) -> None:
    found = difference_of(wilson(*treated, Z), wilson(*control, Z))

    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(
    ratio=st.floats(-3, 3),
    denominator=st.floats(0.5, 5),
    errors=st.tuples(st.floats(0.01, 0.2), st.floats(0.01, 0.2)),
    correlation=st.floats(-0.9, 0.9),
)
def test_the_ends_of_a_ratio_are_where_the_test_begins_to_reject(
    ratio: float, denominator: float, errors: tuple[float, float], correlation: float
) -> None:
    parts = RatioParts(
        numerator=ratio * denominator,
        denominator=denominator,
        numerator_variance=errors[0] ** 2,
        denominator_variance=errors[1] ** 2,
        covariance=correlation * errors[0] * errors[1],
    )
    found = fieller(parts, Z)

    for end in (found.low, found.high):
        variance = errors[0] ** 2 + end**2 * errors[1] ** 2 - 2 * end * parts.covariance
        gap = parts.numerator - end * denominator
        assert abs(gap) == pytest.approx(Z * math.sqrt(variance), rel=1e-6)
    assert found.low <= found.level <= found.high


def shares(treated: tuple[int, int], control: tuple[int, int]) -> Subjects:
    outcome = [np.repeat([1.0, 0.0], [count, n - count]) for count, n in (treated, control)]
    n_treated = treated[1]
    values = np.concatenate(outcome)
    return Subjects(
        outcome=values,
        treated=np.arange(len(values)) < n_treated,
        before=np.empty((len(values), 0)),
    )


def test_nought_of_fifty_is_no_certainty() -> None:
    figure = average(experiment(shares((0, 50), (0, 50)), period=DAY))

    # Wilson of 0 / 50 ends at z^2 / (50 + z^2) = .0713.
    assert figure.point == 0
    assert figure.high == pytest.approx(0.0713, abs=1e-4)


def test_many_successes_and_failures_keep_the_usual_interval() -> None:
    treated, control = (40, 100), (30, 100)
    figure = average(experiment(shares(treated, control), period=DAY))

    assert figure.standard_error**2 == pytest.approx(0.4 * 0.6 / 99 + 0.3 * 0.7 / 99)


def test_events_by_unit_are_widened_as_subjects_are() -> None:
    treated, control = (2, 60), (0, 50)
    values = [np.repeat([1.0, 0.0], [count, n - count]) for count, n in (treated, control)]

    by_event = average(
        difference_in_means(*(cells_of_values([[arm]]) for arm in values), periods=(DAY,))
    )

    by_subject = average(experiment(shares(treated, control), period=DAY))
    assert (by_event.low, by_event.high) == pytest.approx((by_subject.low, by_subject.high))


def test_small_shares_are_covered_where_the_usual_interval_is_not() -> None:
    # 60 in each arm, shares of 2 and 8 %.
    source = np.random.default_rng(SEED)
    counts = source.binomial(60, [0.08, 0.02], (20_000, 2))
    held = {
        (a, b): average(experiment(shares((a, 60), (b, 60)), period=DAY))
        for a, b in {(int(a), int(b)) for a, b in counts}
    }
    covered = [held[int(a), int(b)].low <= 0.06 <= held[int(a), int(b)].high for a, b in counts]
    treated, control = counts.T / 60
    spread = (treated * (1 - treated) + control * (1 - control)) / 59
    usual = np.abs(treated - control - 0.06) <= Z * np.sqrt(spread)

    assert 0.95 <= np.mean(covered) <= 0.99
    assert 0.93 <= np.mean(usual) <= 0.945


@settings(max_examples=50)
@given(
    treated=st.tuples(st.integers(0, 12), st.integers(12, 40)),
    control=st.tuples(st.integers(0, 12), st.integers(12, 40)),
)
def test_the_interval_holds_newcombes_and_turns_with_the_arms(
    treated: tuple[int, int], control: tuple[int, int]
) -> None:
    figure = average(experiment(shares(treated, control), period=DAY))
    turned = average(experiment(shares(control, treated), period=DAY))

    own = difference_of(wilson(*treated, Z), wilson(*control, Z))
    assert turned.low == pytest.approx(-figure.high)
    if min(*treated[:1], *control[:1], treated[1] - treated[0], control[1] - control[0]) < 10:
        assert figure.low <= own.low + 1e-9
        assert figure.high >= own.high - 1e-9


def ratio_of(denominator: Floats, source: np.random.Generator) -> Subjects:
    n = len(denominator)
    return Subjects(
        outcome=2 * denominator + source.standard_normal(n),
        treated=np.arange(n) < n // 2,
        before=np.empty((n, 0)),
        denominator=denominator,
    )


def test_a_ratio_over_little_is_wider_than_the_delta_method_says() -> None:
    # One subject in twenty has anything below the line.
    source = np.random.default_rng(SEED)
    rare = (source.random(600) < 0.05) * source.exponential(1.0, 600)
    common = 1 + source.random(600)

    little, much = (experiment(ratio_of(each, source), period=DAY) for each in (rare, common))

    # Fieller's ends are reached by the interval around the little, not needed around the much.
    assert average(little).standard_error > 3 * average(much).standard_error


def test_ratios_over_little_are_covered() -> None:
    source = np.random.default_rng(SEED)
    inside = []
    for _ in range(400):
        rare = (source.random(200) < 0.3) * source.exponential(1.0, 200)
        figure = average(experiment(ratio_of(rare, source), period=DAY))
        inside.append(figure.low <= 0 <= figure.high)

    assert np.mean(inside) >= 0.935


def test_a_denominator_like_zero_is_refused_by_name() -> None:
    source = np.random.default_rng(SEED)
    rare = np.zeros(40)
    rare[[3, 30]] = 1.0

    with pytest.raises(NotEstimable, match="denominator cannot be told from zero"):
        experiment(ratio_of(rare, source), period=DAY)


def test_no_share_is_refused_by_name() -> None:
    with pytest.raises(NotEstimable, match="5 successes of 4 are no share"):
        wilson(5, 4, Z)


def test_a_relative_effect_agrees_with_the_widened_one() -> None:
    effect = experiment(shares((2, 300), (30, 300)), period=DAY)

    assert average(effect).high < 0
    assert relative(effect).high < 0


def test_sides_err_by_the_sides_that_pull_them() -> None:
    treated = OwnInterval(level=5.0, low=2.0, high=6.0)
    control = OwnInterval(level=1.0, low=0.0, high=5.0)

    found = difference_of(treated, control)

    # Down: 3 and 4 make 5. Up: 1 and 1.
    assert (found.low, found.high) == pytest.approx((-1.0, 4.0 + math.sqrt(2)))
