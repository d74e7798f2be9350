"""Known answers, invariances, refusals and coverage of the randomized comparison."""

import csv
import gzip
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aivalue.effects.effect import Period
from aivalue.effects.estimators.difference_in_means import (
    difference_in_means,
    difference_in_means_by_unit,
)
from aivalue.effects.functional import average, relative, total, verdict_of
from aivalue.effects.panel import MOMENTS, Cells, Floats
from aivalue.errors import NotEstimable
from tests.unit.effects.builders import cells_of_values

DATA = Path(__file__).parents[4] / "examples" / "open-bandit" / "data"
WEEK = (Period(start=date(2019, 11, 24), end=date(2019, 12, 1)),)
TWO_MONTHS = (
    Period(start=date(2024, 1, 1), end=date(2024, 2, 1)),
    Period(start=date(2024, 2, 1), end=date(2024, 3, 1)),
)


def clicks(campaign: str, policy: str) -> Cells:
    with gzip.open(DATA / f"{campaign}.csv.gz", "rt") as file:
        values = [float(row["click"]) for row in csv.DictReader(file) if row["policy"] == policy]
    return cells_of_values([[np.array(values)]])


@pytest.mark.parametrize(
    ("campaign", "point", "low", "high", "verdict"),
    [
        # Published beside the data: men +0.23 pp (0.02, 0.44), the other two not significant.
        ("men", 0.0023, 0.0002, 0.0044, "confirmed"),
        ("all", 0.0004, -0.0013, 0.0021, "inconclusive"),
        ("women", 0.0, -0.0019, 0.0019, "inconclusive"),
    ],
)
def test_a_real_ai_policy_against_a_random_one(
    campaign: str, point: float, low: float, high: float, verdict: str
) -> None:
    effect = difference_in_means(clicks(campaign, "bts"), clicks(campaign, "random"), periods=WEEK)

    figure = average(effect)

    assert (figure.point, figure.low, figure.high) == pytest.approx((point, low, high), abs=5e-5)
    assert verdict_of(figure, "higher") == verdict


def test_matches_the_welch_interval() -> None:
    rng = np.random.default_rng(7)
    treated, control = rng.normal(-2, 1, 12), rng.normal(0, 3, 20)
    expected = stats.ttest_ind(treated, control, equal_var=False).confidence_interval(0.95)

    effect = difference_in_means(
        cells_of_values([[treated]]), cells_of_values([[control]]), periods=WEEK
    )

    assert average(effect).low == pytest.approx(expected.low, rel=1e-12)
    assert average(effect).high == pytest.approx(expected.high, rel=1e-12)


def test_one_event_per_unit_gives_the_same_answer_by_unit_as_by_event() -> None:
    rng = np.random.default_rng(8)
    treated, control = rng.normal(1, 1, 30), rng.normal(0, 2, 25)
    by_event = difference_in_means(
        cells_of_values([[treated]]), cells_of_values([[control]]), periods=WEEK
    )

    by_unit = difference_in_means_by_unit(
        cells_of_values([[np.array([value])] for value in treated]),
        cells_of_values([[np.array([value])] for value in control]),
        periods=WEEK,
    )

    assert average(by_unit).point == pytest.approx(average(by_event).point)
    assert average(by_unit).low == pytest.approx(average(by_event).low)


def test_units_are_averaged_by_treated_volume() -> None:
    # Unit 1: 3 - 1 = 2 on 2 treated events; unit 2: 10 - 5 = 5 on 4: (2 * 2 + 4 * 5) / 6 = 4.
    # Pooled, the different split of the units would give 23/3 - 11/5, which is no one's effect.
    treated = cells_of_values([[np.array([2.0, 4.0])], [np.array([9.0, 11.0, 9.0, 11.0])]])
    control = cells_of_values([[np.array([0.0, 2.0, 1.0])], [np.array([4.0, 6.0])]])

    effect = difference_in_means(treated, control, periods=WEEK)

    assert effect.point == pytest.approx((4.0,))
    assert effect.volume == (6.0,)


@given(shift=st.integers(-1000, 1000), scale=st.integers(1, 1000))
def test_shift_cancels_and_scale_scales(shift: int, scale: int) -> None:
    rng = np.random.default_rng(9)
    treated, control = rng.normal(1, 1, 30), rng.normal(0, 2, 25)
    plain = difference_in_means(
        cells_of_values([[treated]]), cells_of_values([[control]]), periods=WEEK
    )

    moved = difference_in_means(
        cells_of_values([[treated * scale + shift]]),
        cells_of_values([[control * scale + shift]]),
        periods=WEEK,
    )

    assert average(moved).low == pytest.approx(average(plain).low * scale)
    assert average(moved).high == pytest.approx(average(plain).high * scale)


def test_a_large_level_does_not_swallow_the_spread() -> None:
    # Sums of squares near 1e20 hold no digit of a spread near 1; centred moments do.
    rng = np.random.default_rng(10)
    treated, control = rng.normal(0, 1, 50), rng.normal(0, 1, 50)
    small = difference_in_means(
        cells_of_values([[treated]]), cells_of_values([[control]]), periods=WEEK
    )

    large = difference_in_means(
        cells_of_values([[treated + 1e9]]), cells_of_values([[control + 1e9]]), periods=WEEK
    )

    assert average(large).standard_error == pytest.approx(average(small).standard_error, rel=1e-6)


def unit_months(rng: np.random.Generator, n_units: int, effect: float) -> Cells:
    # A unit's level persists over both months, so events of one unit are far from independent.
    level = rng.normal(10, 2, n_units)
    n = rng.integers(5, 15, (n_units, 2)).astype(float)
    y = n * (level[:, None] + effect) + rng.normal(0, 1, (n_units, 2)) * np.sqrt(n)
    nothing = np.zeros_like(n)
    return Cells(n=n, y=y, x=n, yy=nothing, xx=nothing, xy=nothing)


def test_months_of_the_same_units_are_correlated() -> None:
    rng = np.random.default_rng(12)

    effect = difference_in_means_by_unit(
        unit_months(rng, 40, 1.0), unit_months(rng, 40, 0.0), periods=TWO_MONTHS
    )

    first, second = effect.covariance[0][0], effect.covariance[1][1]
    assert effect.covariance[0][1] / (first * second) ** 0.5 > 0.8


def test_interval_by_unit_covers_the_truth_as_often_as_it_claims() -> None:
    # 1,000 draws put the Monte Carlo error near 0.7 points.
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(1_000):
        effect = difference_in_means_by_unit(
            unit_months(rng, 20, 1.0), unit_months(rng, 30, 0.0), periods=TWO_MONTHS
        )
        figure = average(effect)
        hits += figure.low <= 1.0 <= figure.high

    assert 0.93 <= hits / 1_000 <= 0.97


def ratio_arm(rng: np.random.Generator, n_users: int) -> Cells:
    # Users are drawn, sessions vary: 2 orders per 10 sessions whatever the number of sessions.
    x: Floats = 1.0 + rng.poisson(5, n_users).astype(np.float64)
    y = rng.poisson(0.2 * x * rng.gamma(4, 0.25, n_users)).astype(float)

    def gaps(left: Floats, right: Floats) -> Floats:
        return np.array([[float(((left - left.mean()) * (right - right.mean())).sum())]])

    return Cells(
        n=np.array([[float(n_users)]]),
        y=y.sum(keepdims=True)[None],
        x=x.sum(keepdims=True)[None],
        yy=gaps(y, y),
        xx=gaps(x, x),
        xy=gaps(x, y),
    )


def test_a_ratio_of_users_is_not_rejected_more_often_than_claimed() -> None:
    # An interval that took sessions for independent would reject 13 % of the time.
    rng = np.random.default_rng(13)
    hits = 0
    for _ in range(1_000):
        effect = difference_in_means(ratio_arm(rng, 400), ratio_arm(rng, 400), periods=WEEK)
        figure = average(effect)
        hits += figure.low <= 0 <= figure.high

    assert 0.93 <= hits / 1_000 <= 0.97


def test_a_relative_effect_between_arms_covers_the_truth() -> None:
    # -36 % on a skewed outcome: the observed level's own error matters as much as the control's.
    rng = np.random.default_rng(14)
    hits = 0
    for _ in range(1_000):
        treated, control = rng.gamma(2, 0.64, 60), rng.gamma(2, 1.0, 60)
        effect = difference_in_means(
            cells_of_values([[treated]]), cells_of_values([[control]]), periods=WEEK
        )
        figure = relative(effect)
        hits += figure.low <= -0.36 <= figure.high

    assert 0.93 <= hits / 1_000 <= 0.97


def test_a_month_without_controls_is_left_out_with_its_volume() -> None:
    rng = np.random.default_rng(15)
    treated = cells_of_values([[rng.normal(1, 1, 95), rng.normal(1, 1, 5)]])
    control = cells_of_values([[rng.normal(0, 1, 95), np.array([])]])

    effect = difference_in_means(treated, control, periods=TWO_MONTHS)

    assert effect.periods == TWO_MONTHS[:1]
    assert total(effect).point == pytest.approx(95 * effect.point[0])


@pytest.mark.parametrize(
    ("treated", "control", "reason"),
    [
        ([1.0, 2.0], [], "no unit has both arms"),
        ([1.0], [1.0, 2.0], "no unit has both arms"),
        ([1.0, 1.0], [2.0, 2.0], "nothing varies"),
    ],
)
def test_refuses_what_it_cannot_estimate(
    treated: list[float], control: list[float], reason: str
) -> None:
    with pytest.raises(NotEstimable, match=reason):
        difference_in_means(
            cells_of_values([[np.array(treated)]]),
            cells_of_values([[np.array(control)]]),
            periods=WEEK,
        )


def test_refuses_when_much_of_the_treated_volume_has_no_control() -> None:
    rng = np.random.default_rng(16)
    treated = cells_of_values([[rng.normal(1, 1, 80), rng.normal(1, 1, 20)]])
    control = cells_of_values([[rng.normal(0, 1, 80), np.array([])]])

    with pytest.raises(NotEstimable, match="20% of the treated volume has no control"):
        difference_in_means(treated, control, periods=TWO_MONTHS)


def test_refuses_one_unit_per_arm() -> None:
    one = cells_of_values([[np.array([1.0, 2.0])]])

    with pytest.raises(
        NotEstimable, match="treatment arm has 1 units in periods with both arms, needs 2"
    ):
        difference_in_means_by_unit(one, one, periods=WEEK)


def test_a_unit_that_was_never_measured_says_nothing_of_how_units_vary() -> None:
    rng = np.random.default_rng(17)
    measured = [
        cells_of_values([[rng.normal(level, 1, 5)] for level in rng.normal(size=3)])
        for _ in range(2)
    ]
    # Twenty more were drawn into each arm, and nobody measured them.
    drawn = [
        Cells(**{name: np.pad(getattr(arm, name), ((0, 20), (0, 0))) for name in MOMENTS})
        for arm in measured
    ]

    alone, beside = (difference_in_means_by_unit(*arms, periods=WEEK) for arms in (measured, drawn))

    assert beside == alone
    assert (beside.n_treated, beside.n_control) == (3, 3)
    assert beside.degrees_of_freedom <= 4


def test_refuses_arms_that_were_never_measured_at_the_same_time() -> None:
    nothing = np.array([])
    early = cells_of_values([[np.array([1.0, 2.0]), nothing], [np.array([3.0]), nothing]])
    late = cells_of_values([[nothing, np.array([1.0, 2.0])], [nothing, np.array([3.0])]])

    with pytest.raises(NotEstimable, match="0 units in periods with both arms, needs 2"):
        difference_in_means_by_unit(early, late, periods=TWO_MONTHS)
