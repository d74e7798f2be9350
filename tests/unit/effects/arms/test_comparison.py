"""Known answers and invariances of readings from sufficient statistics."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.arms.arm import ArmStatistics, Measure, arm_of, arm_of_sums, merged
from aivalue.effects.arms.comparison import Level, difference, relative_difference
from aivalue.effects.estimators.cuped import cuped_levels, plain_levels
from aivalue.effects.estimators.regression_adjustment import regression_adjusted_levels
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable
from tests.unit.effects.reference import columns, expected

# Columns: sessions, orders, revenue, and the same three before the experiment.
MEASURES = {
    "s": (Measure(numerator=0), Measure(numerator=3)),
    "os": (Measure(numerator=1, denominator=0), Measure(numerator=4, denominator=3)),
    "o": (Measure(numerator=1), Measure(numerator=4)),
    "r": (Measure(numerator=2), Measure(numerator=5)),
}


def users(*, with_past: bool) -> tuple[ArmStatistics, ArmStatistics]:
    names = ["variant", "sessions", "orders", "revenue"]
    if with_past:
        names += ["sessions_covariate", "orders_covariate", "revenue_covariate"]
    values = columns("ab_users_cuped.csv" if with_past else "ab_users.csv", *names)
    return arm_of(values[values[:, 0] == 1, 1:]), arm_of(values[values[:, 0] == 0, 1:])


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("entry", ["tt.plain", "tt.cuped"])
def test_matches_tea_tasting_on_its_own_users(name: str, entry: str) -> None:
    outcome, before = MEASURES[name]
    arms = users(with_past=entry == "tt.cuped")
    if entry == "tt.cuped":
        levels = cuped_levels(*arms, outcome, before)
    else:
        levels = plain_levels(*arms, outcome)

    absolute = difference(*levels)
    share = relative_difference(*levels, method="log")

    wanted = expected(entry)[name]
    found = {
        "control": levels[1].estimate,
        "treatment": levels[0].estimate,
        "effect_size": absolute.point,
        "effect_size_ci_lower": absolute.low,
        "effect_size_ci_upper": absolute.high,
        "rel_effect_size": share.point,
        "rel_effect_size_ci_lower": share.low,
        "rel_effect_size_ci_upper": share.high,
        "pvalue": absolute.p_value,
        "statistic": absolute.point / absolute.standard_error,
    }
    assert {key: float(value) for key, value in found.items()} == pytest.approx(wanted, rel=1e-6)


def level_of_sums(n: float, total: float, squares: float) -> Level:
    arm = arm_of_sums(np.array(n), np.array(total), np.array(squares))
    return plain_levels(arm, arm, Measure(numerator=0))[0]


CONTROL = level_of_sums(3407, 1396.87, 52377.9767)
TREATED = level_of_sums(3461, 2422.7, 134698.29)


def test_matches_growthbook_absolute() -> None:
    found = difference(TREATED, CONTROL)

    wanted = expected("gb.welch.abs")
    assert float(found.point) == pytest.approx(wanted["est"], abs=1e-5)
    assert [float(found.low), float(found.high)] == pytest.approx(wanted["ci"], abs=1e-5)
    assert float(found.standard_error) == pytest.approx(wanted["se"], abs=1e-5)
    assert float(found.p_value) == pytest.approx(wanted["p"], abs=1e-5)


def test_matches_growthbook_relative() -> None:
    found = relative_difference(TREATED, CONTROL, method="delta")

    wanted = expected("gb.welch.rel")
    assert float(found.point) == pytest.approx(wanted["est"], abs=1e-5)
    assert [float(found.low), float(found.high)] == pytest.approx(wanted["ci"], abs=1e-5)
    assert float(found.p_value) == pytest.approx(wanted["p"], abs=1e-5)


def test_matches_growthbook_proportions() -> None:
    # A share's variance is p (1 - p) / n there, without the n - 1.
    def share(hits: float, n: float) -> Level:
        rate = hits / n
        return Level(
            estimate=np.array(rate), variance=np.array(rate * (1 - rate) / n), n=np.array(n)
        )

    found = relative_difference(share(16, 30), share(14, 28), method="delta")

    wanted = expected("gb.prop.rel")
    assert [float(found.low), float(found.high)] == pytest.approx(wanted["ci"], abs=1e-5)
    assert float(found.p_value) == pytest.approx(wanted["p"], abs=1e-5)


@pytest.mark.parametrize("method", ["fieller", "delta"])
@pytest.mark.parametrize(
    ("control", "treated", "share"), [(-10, -5, 0.5), (-10, -15, -0.5), (-2, 3, 2.5)]
)
def test_a_negative_control_level_keeps_the_sign_of_the_change(
    method: Literal["fieller", "delta"], control: float, treated: float, share: float
) -> None:
    levels = [
        Level(estimate=np.array(float(level)), variance=np.array(0.01), n=np.array(100.0))
        for level in (treated, control)
    ]

    found = relative_difference(*levels, method=method)

    assert float(found.point) == pytest.approx(share, abs=1e-12)
    assert found.low < found.point < found.high


def test_thousands_of_metrics_are_one_call() -> None:
    rng = np.random.default_rng(1)
    n, total = rng.integers(100, 1000, (2, 5000)).astype(float), rng.normal(0, 10, (2, 5000))
    squares = total**2 / n + rng.uniform(50, 100, (2, 5000))
    arms = [arm_of_sums(n[row], total[row], squares[row]) for row in (0, 1)]

    found = difference(*plain_levels(arms[0], arms[1], Measure(numerator=0)))

    one = difference(
        level_of_sums(n[0, 7], total[0, 7], squares[0, 7]),
        level_of_sums(n[1, 7], total[1, 7], squares[1, 7]),
    )
    assert found.point.shape == (5000,)
    assert found.low[7] == pytest.approx(float(one.low))


def experiment(
    rng: np.random.Generator, n: int, correlation: float, effect: float
) -> tuple[ArmStatistics, ArmStatistics]:
    def arm(shift: float) -> ArmStatistics:
        past = rng.normal(size=n)
        now = correlation * past + (1 - correlation**2) ** 0.5 * rng.normal(size=n) + shift
        return arm_of(np.column_stack([now, past]))

    return arm(effect), arm(0.0)


def test_cuped_is_narrower_by_the_correlation_and_still_covers() -> None:
    # D9: correlation .7 leaves sqrt(1 - .49) = .714 of the standard error. 1,000 draws put the
    # Monte Carlo error near 0.7 points.
    rng = np.random.default_rng(2)
    hits, ratios = 0, []
    for _ in range(1_000):
        arms = experiment(rng, 200, 0.7, 0.2)
        adjusted = difference(*cuped_levels(*arms, Measure(numerator=0), Measure(numerator=1)))
        plain = difference(*plain_levels(*arms, Measure(numerator=0)))
        hits += bool(adjusted.low <= 0.2 <= adjusted.high)
        ratios.append(float(adjusted.standard_error / plain.standard_error))

    assert 0.93 <= hits / 1_000 <= 0.97
    assert np.mean(ratios) == pytest.approx(0.714, abs=0.01)


@given(correlation=st.floats(-0.95, 0.95), seed=st.integers(0, 99))
def test_cuped_is_never_much_wider(correlation: float, seed: int) -> None:
    arms = experiment(np.random.default_rng(seed), 500, correlation, 0.0)

    adjusted = difference(*cuped_levels(*arms, Measure(numerator=0), Measure(numerator=1)))

    plain = difference(*plain_levels(*arms, Measure(numerator=0)))
    # Its coefficient minimizes the pooled variance; arms may differ from the pool by chance.
    assert float(adjusted.standard_error) <= float(plain.standard_error) * 1.01


def test_a_past_that_does_not_vary_adjusts_nothing() -> None:
    rng = np.random.default_rng(3)
    treated, control = (
        arm_of(np.column_stack([rng.normal(size=50), np.ones(50)])) for _ in range(2)
    )

    adjusted = difference(
        *cuped_levels(treated, control, Measure(numerator=0), Measure(numerator=1))
    )

    plain = difference(*plain_levels(treated, control, Measure(numerator=0)))
    assert float(adjusted.low) == pytest.approx(float(plain.low))


def lin_by_regression(values: Floats) -> float:
    treated, covariates = values[:, 0], values[:, 2:] - values[:, 2:].mean(axis=0)
    design = np.column_stack(
        [np.ones(len(values)), treated, covariates, covariates * treated[:, None]]
    )
    return float(np.linalg.lstsq(design, values[:, 1], rcond=None)[0][1])


def test_regression_adjustment_is_the_interacted_regression() -> None:
    values = columns("avlm_readme.csv", "trt", "y", "X1", "X2", "X3")
    arms = [arm_of(values[values[:, 0] == arm, 1:]) for arm in (1, 0)]

    found = difference(
        *regression_adjusted_levels(arms[0], arms[1], outcome=0, covariates=(1, 2, 3))
    )

    assert float(found.point) == pytest.approx(lin_by_regression(values), rel=1e-12)


def test_regression_adjustment_covers_where_slopes_differ() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(1_000):
        past = rng.normal(size=200)
        is_treated = np.arange(200) < 60
        now = np.where(is_treated, 1.5, 0.2) * past + rng.normal(size=200)
        values = np.column_stack([now, past])
        truth = float(1.3 * past.mean())  # On the subjects at hand.
        found = difference(
            *regression_adjusted_levels(
                arm_of(values[is_treated]), arm_of(values[~is_treated]), outcome=0, covariates=(1,)
            )
        )
        hits += bool(found.low <= truth <= found.high)

    assert 0.93 <= hits / 1_000 <= 0.97


def test_merging_arms_is_measuring_them_together() -> None:
    values = np.random.default_rng(5).normal(size=(30, 3))

    found = merged(arm_of(values[:12]), arm_of(values[12:]))

    together = arm_of(values)
    assert found.mean == pytest.approx(together.mean)
    assert found.covariance == pytest.approx(together.covariance)


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        (((1.0, 0.1), (0.0, 0.1)), "control level is zero"),
        (((1.0, 0.1), (0.1, 0.1)), "cannot be told from zero"),
    ],
)
def test_refuses_a_share_of_nothing(
    levels: tuple[tuple[float, float], tuple[float, float]], reason: str
) -> None:
    arms = [
        Level(estimate=np.array(level), variance=np.array(variance), n=np.array(50.0))
        for level, variance in levels
    ]

    with pytest.raises(NotEstimable, match=reason):
        relative_difference(*arms)


def test_refuses_covariates_that_repeat_each_other() -> None:
    past = np.random.default_rng(6).normal(size=40)
    arm = arm_of(np.column_stack([past + 1, past, 2 * past]))

    with pytest.raises(NotEstimable, match="repeat each other"):
        regression_adjusted_levels(arm, arm, outcome=0, covariates=(1, 2))
