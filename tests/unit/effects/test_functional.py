"""Whether figures read from an effect add up, and their intervals agree with each other."""

from datetime import date

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from aivalue.effects.document import document_of, effect_from_document
from aivalue.effects.effect import Effect, Matrix
from aivalue.effects.functional import (
    average,
    linear_functional,
    lower_bound,
    over,
    relative,
    total,
    verdict_of,
)
from aivalue.effects.panel import Floats, months_between
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

PERIODS = months_between(date(2024, 1, 1), date(2024, 4, 1))
levels = st.integers(-200, 200).map(lambda tenths: tenths / 10)


def as_rows(matrix: Floats) -> Matrix:
    return tuple(tuple(float(cell) for cell in row) for row in matrix)


def make_effect(
    point: tuple[float, float, float] = (-1.0, -2.0, -3.0),
    observed: tuple[float, float, float] = (9.0, 8.0, 7.0),
    *,
    degrees_of_freedom: float = 20.0,
) -> Effect:
    # Treated and control arms with variances .2 and .3, independent, and a shared pre-period .1.
    control = np.diag([0.3] * 3) + 0.1
    treated = np.diag([0.2] * 3)
    return Effect(
        periods=PERIODS,
        point=point,
        covariance=as_rows(control + treated),
        volume=(100.0, 200.0, 300.0),
        observed=observed,
        degrees_of_freedom=degrees_of_freedom,
        confidence=0.95,
        n_treated=10,
        n_control=10,
        design="staggered",
        scale="additive",
        estimator="test",
        estimator_version="1",
        observed_covariance=as_rows(treated),
        cross_covariance=as_rows(treated),
    )


def test_total_is_effect_times_volume() -> None:
    # 100 * -1 + 200 * -2 + 300 * -3 = -1,400; w'Vw = .5 * 140,000 + .1 * 600^2 = 106,000,
    # and t(.975, 20) = 2.085963.
    effect = make_effect()

    figure = total(effect)

    assert figure.point == pytest.approx(-1400)
    assert figure.standard_error == pytest.approx(106_000**0.5)
    assert figure.low == pytest.approx(-1400 - 2.0859634 * 106_000**0.5)


def test_months_that_are_added_up_give_the_total() -> None:
    effect = make_effect()

    months = [over(effect, period.start, period.end) for period in PERIODS]

    assert sum(total(month).point for month in months) == pytest.approx(total(effect).point)


def test_average_is_total_over_volume() -> None:
    effect = make_effect()

    figure = average(effect)

    assert figure.point == pytest.approx(-1400 / 600)
    assert figure.high == pytest.approx(total(effect).high / 600)


@given(point=st.tuples(levels, levels, levels), observed=st.tuples(levels, levels, levels))
def test_relative_excludes_zero_exactly_when_the_total_does(
    point: tuple[float, float, float], observed: tuple[float, float, float]
) -> None:
    effect = make_effect(point, observed)
    try:
        share = relative(effect)
    except NotEstimable:
        reject()

    level = total(effect)

    # A bound of the total within rounding of zero may fall on either side.
    assume(min(abs(level.low), abs(level.high)) > 1e-6)
    assert verdict_of(share, "higher") == verdict_of(level, "higher")


@given(scale=st.floats(0.01, 100))
def test_relative_does_not_depend_on_the_unit_of_measure(scale: float) -> None:
    effect = make_effect()
    scaled_point = tuple(value * scale for value in effect.point)
    matrices = {
        name: tuple(tuple(cell * scale**2 for cell in row) for row in getattr(effect, name))
        for name in ("covariance", "observed_covariance", "cross_covariance")
    }
    scaled = effect_from_document(
        document_of(effect)
        | {"point": scaled_point, "observed": [level * scale for level in effect.observed]}
        | matrices
    )

    share = relative(scaled)

    assert share.low == pytest.approx(relative(effect).low)
    assert share.high == pytest.approx(relative(effect).high)


@pytest.mark.parametrize(
    ("without", "observed", "expected"),
    [(-10.0, -5.0, 0.5), (-10.0, -15.0, -0.5), (-2.0, 3.0, 2.5)],
)
def test_relative_over_a_negative_level_keeps_the_sign_of_the_change(
    without: float, observed: float, expected: float
) -> None:
    # gb.negative_baseline of the reference data: the change over the size of the baseline.
    point = (observed - without,) * 3
    effect = make_effect(point, (observed,) * 3)

    assert relative(effect).point == pytest.approx(expected)


def test_relative_to_nothing_is_refused() -> None:
    effect = make_effect((1.0, 1.0, 1.0), (1.1, 1.1, 1.1))

    with pytest.raises(NotEstimable, match="cannot be told from zero"):
        relative(effect)


def test_lower_bound_is_one_sided() -> None:
    # t(.90, 20) = 1.325341; weights of -1 turn minutes lost into minutes saved.
    effect = make_effect()

    bound = lower_bound(effect, [-weight for weight in effect.volume])

    assert bound == pytest.approx(1400 - 1.3253407 * 106_000**0.5)


def test_infinite_degrees_of_freedom_are_the_normal() -> None:
    effect = make_effect(degrees_of_freedom=float("inf"))

    figure = linear_functional(effect, (1, 0, 0))

    assert figure.high - figure.point == pytest.approx(1.959964 * 0.6**0.5)


@pytest.mark.parametrize(
    ("low", "high", "better_when", "expected"),
    [
        (0.1, 0.2, "higher", "confirmed"),
        (0.1, 0.2, "lower", "negative"),
        (-0.2, -0.1, "lower", "confirmed"),
        (-0.2, -0.1, "higher", "negative"),
        (-0.1, 0.2, "higher", "inconclusive"),
        (0.0, 0.2, "higher", "inconclusive"),
    ],
)
def test_verdict_reads_the_interval(
    low: float, high: float, better_when: str, expected: str
) -> None:
    interval = Interval(point=low, low=low, high=high, standard_error=1, confidence=0.95)

    assert verdict_of(interval, better_when) == expected  # type: ignore[arg-type]  # literal cases


def test_no_period_inside_the_window_is_refused() -> None:
    with pytest.raises(NotEstimable, match="no period"):
        over(make_effect(), date(2024, 1, 2), date(2024, 1, 31))


@given(freedom=st.one_of(st.just(float("inf")), st.floats(1, 1e6)))
def test_a_document_reads_back_as_the_same_effect(freedom: float) -> None:
    effect = make_effect(degrees_of_freedom=freedom)

    assert effect_from_document(document_of(effect)) == effect
