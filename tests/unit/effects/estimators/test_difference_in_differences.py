"""Known answers, invariances, refusals and coverage under a phased rollout."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.effect import Scale
from aivalue.effects.estimators.difference_in_differences import (
    Rollout,
    difference_in_differences,
)
from aivalue.effects.functional import average, linear_functional, over, relative, total
from aivalue.effects.panel import Floats, months_between
from aivalue.errors import NotEstimable

NEVER = 99


def rollout_of(y: Floats, x: Floats, start: Floats) -> Rollout:
    treated = np.arange(y.shape[1]) >= np.asarray(start)[:, None]
    periods = months_between(date(2023, 1, 1), date(2030, 1, 1))[: y.shape[1]]
    return Rollout(
        periods=periods,
        units=tuple(f"u{row:02d}" for row in range(len(y))),
        y_untreated=np.where(treated, 0.0, y),
        x_untreated=np.where(treated, 0.0, x),
        y_treated=np.where(treated, y, 0.0),
        x_treated=np.where(treated, x, 0.0),
    )


def world(rng: np.random.Generator, scale: Scale = "additive") -> tuple[Floats, Floats, Floats]:
    """Twelve units over 18 months, treated from month 9 on in three waves, four never."""
    x = rng.uniform(50, 150, (12, 18))
    unit, month = rng.uniform(5, 10, 12), rng.uniform(0.8, 1.2, 18)
    level = unit[:, None] * month if scale == "proportional" else unit[:, None] + month
    start = np.array([9, 9, 9, 12, 12, 12, 15, 15, NEVER, NEVER, NEVER, NEVER])
    treated = np.arange(18) >= start[:, None]
    y = x * np.where(treated, level * 0.7 if scale == "proportional" else level - 2.0, level)
    return y, x, start


@pytest.mark.parametrize("scale", ["additive", "proportional"])
def test_an_exact_world_gives_the_exact_effect(scale: Scale) -> None:
    # Nearly no noise, so that an interval exists; levels add up or multiply as the scale says.
    rng = np.random.default_rng(1)
    y, x, start = world(rng, scale)
    y *= 1 + 1e-6 * rng.normal(size=y.shape)

    effect = difference_in_differences(rollout_of(y, x, start), scale=scale)

    if scale == "additive":
        assert effect.point == pytest.approx([-2.0] * 9, abs=1e-4)
    else:
        assert relative(effect).point == pytest.approx(-0.3, abs=1e-5)
    assert (effect.n_treated, effect.design) == (8, "few_treated")


def test_two_groups_and_two_periods_give_the_textbook_difference() -> None:
    # Equal volumes: (treated after - before) - (control after - before), month by month.
    rng = np.random.default_rng(2)
    y = rng.normal(100, 5, (10, 2))
    start = np.array([1, 1, 1] + [NEVER] * 7)

    effect = difference_in_differences(rollout_of(y, np.ones_like(y), start), scale="additive")

    change = y[:, 1] - y[:, 0]
    assert effect.point == pytest.approx((change[:3].mean() - change[3:].mean(),))


@given(
    unit=st.lists(st.integers(-50, 50), min_size=12, max_size=12),
    month=st.lists(st.integers(-50, 50), min_size=18, max_size=18),
)
@settings(max_examples=20, deadline=None)
def test_unit_levels_and_shared_shocks_change_nothing(unit: list[int], month: list[int]) -> None:
    rng = np.random.default_rng(3)
    y, x, start = world(rng)
    y += x * rng.normal(0, 0.1, y.shape)
    plain = difference_in_differences(rollout_of(y, x, start), scale="additive")

    shifted = y + x * (np.array(unit)[:, None] + np.array(month))
    moved = difference_in_differences(rollout_of(shifted, x, start), scale="additive")

    assert moved.point == pytest.approx(plain.point, abs=1e-9)
    assert average(moved).low == pytest.approx(average(plain).low, abs=1e-7)


@given(factor=st.floats(0.01, 100))
@settings(max_examples=10, deadline=None)
def test_currency_rescales_the_figures_exactly(factor: float) -> None:
    rng = np.random.default_rng(4)
    y, x, start = world(rng, "proportional")
    y *= rng.gamma(50, 1 / 50, y.shape)
    plain = difference_in_differences(rollout_of(y, x, start), scale="proportional")

    scaled = difference_in_differences(rollout_of(y * factor, x, start), scale="proportional")

    assert total(scaled).low == pytest.approx(total(plain).low * factor)
    assert relative(scaled).high == pytest.approx(relative(plain).high)


def test_the_order_of_units_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    y, x, start = world(rng)
    y += x * rng.normal(0, 0.1, y.shape)
    order = rng.permutation(len(y))

    forward = difference_in_differences(rollout_of(y, x, start), scale="additive")
    shuffled = difference_in_differences(
        rollout_of(y[order], x[order], start[order]), scale="additive"
    )

    assert shuffled.point == pytest.approx(forward.point, rel=1e-12)
    assert average(shuffled).high == pytest.approx(average(forward).high, rel=1e-9)


def test_the_same_input_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(6)
    y, x, start = world(rng)
    y += x * rng.normal(0, 0.1, y.shape)

    once, again = (
        difference_in_differences(rollout_of(y, x, start), scale="additive") for _ in range(2)
    )

    assert repr(once) == repr(again)


def test_months_share_the_pre_period_and_so_are_correlated() -> None:
    rng = np.random.default_rng(7)
    y, x, start = world(rng)
    y += x * rng.normal(0, 0.1, y.shape)

    effect = difference_in_differences(rollout_of(y, x, start), scale="additive")

    assert effect.covariance[0][1] > 0
    naive = sum(effect.covariance[m][m] * effect.volume[m] ** 2 for m in range(9)) ** 0.5
    assert total(effect).standard_error > naive


def test_a_control_that_counted_nothing_in_a_month_is_no_certainty() -> None:
    rng = np.random.default_rng(8)
    start = np.array([12] * 8 + [NEVER] * 2)
    y = rng.poisson(0.5, (10, 15)).astype(float)
    y[8:, 13] = 0.0

    effect = difference_in_differences(rollout_of(y, np.ones_like(y), start), scale="proportional")

    month = linear_functional(effect, (0, 1, 0))
    # The point says that nothing would have happened; its interval must still reach zero.
    assert month.point == pytest.approx(y[:8, 13].mean())
    assert month.low < 0


def simulated(rng: np.random.Generator, *, n_control: int) -> tuple[Rollout, float]:
    """Return a counting process with season, shared shock and drifting units, and the truth."""
    n_units, n_months = 10 + n_control, 24
    start = np.array([12] * 5 + [16] * 5 + [NEVER] * n_control)
    drift = np.zeros((n_units, n_months))
    for month in range(1, n_months):
        drift[:, month] = 0.6 * drift[:, month - 1] + 0.1 * rng.normal(size=n_units)
    season = 1 + 0.2 * np.sin(2 * np.pi * np.arange(n_months) / 12)
    expected = rng.uniform(10, 20, n_units)[:, None] * season * np.exp(drift)
    expected[:, 18:] *= 0.9
    treated = np.arange(n_months) >= start[:, None]
    y = rng.poisson(np.where(treated, 0.7, 1.0) * expected).astype(float)
    truth = -0.3 * float(expected[treated].sum())
    return rollout_of(y, np.ones_like(y), start), truth


@pytest.mark.parametrize("n_control", [2, 10])
def test_interval_covers_the_truth_as_often_as_it_claims(n_control: int) -> None:
    # 150 draws put the Monte Carlo error near 1.8 points; the nightly study uses 2,000.
    rng = np.random.default_rng(21)
    hits = np.zeros(2)
    for _ in range(150):
        rollout, truth = simulated(rng, n_control=n_control)
        effect = difference_in_differences(rollout, scale="proportional")
        level = total(effect)
        try:
            share = relative(effect)
        except NotEstimable:  # Where a level is hardly known there is no share, which claims none.
            hits += [level.low <= truth <= level.high, 0]
            continue
        hits += [level.low <= truth <= level.high, share.low <= -0.3 <= share.high]

    assert (hits / 150 >= 0.90).all()


def test_months_without_controls_are_not_in_the_effect() -> None:
    rng = np.random.default_rng(9)
    y, x, start = world(rng)
    y += x * rng.normal(0, 0.1, y.shape)
    x[8:, 16:] = 0.0  # The never-treated units close, and no other is untreated by then.
    y[8:, 16:] = 0.0

    effect = difference_in_differences(rollout_of(y, x, start), scale="additive")

    assert effect.periods[-1].start == date(2024, 4, 1)
    with pytest.raises(NotEstimable, match="no period"):
        over(effect, date(2024, 5, 1), date(2024, 7, 1))


@pytest.mark.parametrize(
    ("start", "reason", "verdict"),
    [
        ([NEVER] * 12, "no unit has been measured with the AI yet", "too_early"),
        ([9] * 11 + [NEVER], "no month with treated units has 2 untreated units", "unverifiable"),
        ([0] * 6 + [9] * 3 + [NEVER] * 3, "units without a pre-period", "unverifiable"),
    ],
)
def test_refuses_what_it_cannot_estimate(start: list[int], reason: str, verdict: str) -> None:
    y, x, _ = world(np.random.default_rng(10))

    with pytest.raises(NotEstimable, match=reason) as refusal:
        difference_in_differences(rollout_of(y, x, np.array(start)), scale="additive")

    assert refusal.value.verdict == verdict


def test_refuses_a_proportional_effect_on_negative_outcomes() -> None:
    y, x, start = world(np.random.default_rng(11))
    y[0, 0] = -1.0

    with pytest.raises(NotEstimable, match="not negative"):
        difference_in_differences(rollout_of(y, x, start), scale="proportional")
