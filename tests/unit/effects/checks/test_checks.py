"""Whether each check fails when there is reason to doubt, and only then."""

import numpy as np
import pytest

from aivalue.effects.checks.agreement import agreement
from aivalue.effects.checks.leave_one_donor_out import leave_one_donor_out
from aivalue.effects.checks.missing_data import missing_data
from aivalue.effects.checks.placebo_in_space import placebo_in_space
from aivalue.effects.checks.placebo_in_time import placebo_in_time
from aivalue.effects.checks.pre_trend import pre_trend
from aivalue.effects.checks.regression_to_the_mean import regression_to_the_mean
from aivalue.effects.checks.sample_ratio import sample_ratio
from aivalue.effects.checks.weight_concentration import weight_concentration
from aivalue.effects.panel import Floats, Integers
from aivalue.effects.parallel_trends.leads import leads_before
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval
from tests.unit.effects.reference import expected
from tests.unit.effects.test_functional import make_effect


def test_sample_ratio_against_a_plan_is_the_chi_square_of_tea_tasting() -> None:
    # It uses the normal with a continuity correction; 2,023 and 1,977 of 4,000.
    found = sample_ratio([1977], [2023], share_treated=0.5)

    assert found.status == "passed"
    assert found.p_value == pytest.approx(expected("tt.plain")["srm"]["pvalue"], abs=0.02)


def test_a_plan_of_80_to_20_is_not_a_mismatch() -> None:
    assert sample_ratio([8010], [1990], share_treated=0.8).status == "passed"
    assert sample_ratio([8010], [1990], share_treated=0.5).status == "failed"


def test_a_split_that_changes_from_one_day_on_fails_without_a_plan() -> None:
    steady = sample_ratio([500, 510, 495, 505], [500, 490, 505, 495])
    broken = sample_ratio([500, 510, 350, 345], [500, 490, 505, 495])

    assert (steady.status, broken.status) == ("passed", "failed")


def test_one_day_without_a_plan_cannot_be_tested() -> None:
    assert sample_ratio([500], [400]).status == "not_applicable"


def history(trend: float, dip: float, seed: int = 1) -> tuple[Floats, Floats, Integers]:
    """Twenty units over 18 months, ten of them treated after month 16 (not in the table)."""
    rng = np.random.default_rng(seed)
    month = np.arange(18)
    is_treated = np.arange(20) < 10
    y = rng.normal(size=(20, 1)) + rng.normal(size=18) + 0.3 * rng.normal(size=(20, 18))
    to_start = np.where(is_treated[:, None], 18 - month, 0)
    y = y + is_treated[:, None] * (trend * month + dip * (to_start <= 3))
    return y, np.ones_like(y), to_start


@pytest.mark.parametrize(("trend", "status"), [(0.0, "passed"), (0.1, "failed")])
def test_pre_trend_finds_units_that_drift_away(trend: float, status: str) -> None:
    y, x, to_start = history(trend, 0.0)

    found = pre_trend(leads_before(y, x, to_start, scale="additive"), scale="additive")

    assert found.status == status
    assert "would be found in 80 %" in found.in_words


def test_pre_trend_says_what_it_would_be_by_the_treated_units_own_scatter() -> None:
    y, x, to_start = history(0.0, 0.0)
    calm = y.copy()
    calm[:10] = calm[:10].mean(axis=0) + 0.3 * (calm[:10] - calm[:10].mean(axis=0))

    alike, other = (
        pre_trend(leads_before(each, x, to_start, scale="additive"), scale="additive")
        for each in (y, calm)
    )

    assert "scatter" not in alike.detail
    assert "times as much as the others, which it takes for one: by their own" in other.detail
    assert other.p_value is not None
    assert float(other.detail.rsplit("p = ", 1)[1]) < other.p_value


def test_pre_trend_rejects_as_rarely_as_it_claims() -> None:
    # 150 draws put the Monte Carlo error near 1.8 points.
    rejected = sum(
        pre_trend(leads_before(*history(0.0, 0.0, seed), scale="additive"), scale="additive").status
        == "failed"
        for seed in range(150)
    )

    assert rejected / 150 <= 0.12


@pytest.mark.parametrize(
    ("dip", "left_out", "status"),
    [(0.0, False, "passed"), (0.6, False, "failed"), (0.6, True, "passed")],
)
def test_a_bad_last_quarter_fails_unless_it_is_left_out(
    dip: float,
    left_out: bool,  # noqa: FBT001 - a parametrized case
    status: str,
) -> None:
    y, x, to_start = history(0.0, dip)

    found = regression_to_the_mean(y, x, to_start, scale="additive", left_out=left_out)

    assert found.status == status


def test_placebo_in_space_matters_where_an_effect_is_claimed() -> None:
    placebos = np.array([1.0, -2.0, 0.5, 3.0])

    claimed = placebo_in_space(1.5, placebos, is_claimed=True)
    unclaimed = placebo_in_space(1.5, placebos, is_claimed=False)

    assert claimed.p_value == pytest.approx(3 / 5)
    assert (claimed.status, unclaimed.status) == ("failed", "passed")


def test_an_effect_that_hangs_on_one_donor_fails() -> None:
    weights = np.array([0.6, 0.4, 0.0])

    stable = leave_one_donor_out(2.0, weights, lambda row: 2.0 + row, is_claimed=True)
    hanging = leave_one_donor_out(2.0, weights, lambda row: 1.0 - 2 * row, is_claimed=True)

    assert (stable.status, hanging.status) == ("passed", "failed")
    assert "2 donors" in stable.detail


def test_a_synthetic_unit_that_misses_the_past_fails() -> None:
    weights = np.full(5, 0.2)

    close = weight_concentration(weights, np.array([0.1, -0.1]), 1.0)
    far = weight_concentration(weights, np.array([3.0, 3.0]), 1.0)
    single = weight_concentration(np.array([0.95, 0.05]), np.array([0.1, -0.1]), 1.0)

    assert (close.status, far.status, single.status) == ("passed", "failed", "failed")


def test_an_effect_before_there_was_any_ai_fails() -> None:
    def interval(low: float, high: float) -> Interval:
        return Interval(
            point=(low + high) / 2, low=low, high=high, standard_error=1, confidence=0.95
        )

    assert placebo_in_time(interval(-1, 2), n_periods=6).status == "passed"
    assert placebo_in_time(interval(1, 2), n_periods=6).status == "failed"


@pytest.mark.parametrize(
    ("after", "control_after", "status"),
    [(0.9, 0.9, "passed"), (0.6, 0.9, "failed"), (0.6, 0.6, "passed"), (1.0, 0.7, "failed")],
)
def test_days_lost_on_treated_units_alone_fail(
    after: float, control_after: float, status: str
) -> None:
    found = missing_data(
        treated_before=0.9, treated_after=after, control_before=0.9, control_after=control_after
    )

    assert found.status == status


def test_estimators_that_contradict_each_other_fail() -> None:
    ours = make_effect((-1.0, -1.0, -1.0))

    close, far = make_effect((-1.5, -1.5, -1.5)), make_effect((3.0, 3.0, 3.0))

    assert agreement(ours, [close]).status == "passed"
    assert agreement(ours, [far]).status == "failed"


def test_a_mix_of_thousands_is_read_without_its_largest_donor() -> None:
    weights = np.full(2000, 1 / 2000)
    weights[7] *= 1.5

    found = leave_one_donor_out(2.0, weights, lambda row: -float(row), is_claimed=True)

    assert found.status == "failed"
    assert found.detail == "-7 to -7 without one of 1 donors, 2 with all"


def test_what_needs_all_its_donors_is_not_refused_by_its_check() -> None:
    def without(row: int) -> float:
        raise NotEstimable("1 donors, needs 2")

    found = leave_one_donor_out(2.0, np.array([0.4, 0.6]), without, is_claimed=True)

    assert (found.status, found.detail) == ("not_applicable", "1 donors, needs 2")


@pytest.mark.parametrize("seed", range(8))
def test_leads_that_all_units_share_are_no_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = 30 * np.outer(rng.uniform(0.9, 1.1, 4), rng.uniform(0.5, 3, 19))
    to_start = np.tile(19 - np.arange(19), (4, 1))

    found = leads_before(x * rng.normal(10, 1, x.shape), x, to_start, scale="additive")

    assert (found.rank, found.p_value) == (0, 1.0)


def test_a_past_that_tells_no_levels_apart_refuses_its_checks_and_nothing_else() -> None:
    to_start = np.array([[5, 4, 3, 2, 1, 0], [0] * 6])
    # The treated unit counts nothing before, and the other nothing in these months.
    y = np.array([[0.0] * 6, [0, 0, 0, 0, 4, 5]])
    x = np.array([[1.0, 1, 0, 0, 0, 0], [1.0] * 6])

    found = regression_to_the_mean(y, x, to_start, scale="proportional", left_out=False)

    assert found.status == "not_applicable"
    assert found.detail.startswith("1 of 2 units and 4 of 6 periods counted nothing without AI")
