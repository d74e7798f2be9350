"""Known answers, invariances, refusals and coverage of effects by cohort and period."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.estimators.averages import By
from aivalue.effects.estimators.callaway_santanna import (
    average_effects,
    callaway_santanna,
    cell_effects,
    group_time_effects,
    pre_trend,
)
from aivalue.effects.estimators.callaway_santanna.group_time import Comparison, Inference
from aivalue.effects.estimators.staggered import Adjustment
from aivalue.effects.functional import average, relative
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval
from tests.unit.effects.staggered_builders import (
    NEVER,
    drifting,
    expected,
    panel_of,
    reference_panel,
    rows_of,
)

EXACT = 1e-9  # Closed forms: only rounding may differ from the reference.
MPDTA = {"unit": "countyreal", "time": "year", "start": "first.treat", "outcome": "lemp"}
SIMULATED = {"unit": "id", "time": "period", "start": "G", "outcome": "Y"}
KINDS: dict[str, By] = {
    "simple": "overall",
    "group": "cohort",
    "dynamic": "event_time",
    "calendar": "period",
}


def close(interval: Interval, answer: Any, tolerance: float = EXACT) -> bool:
    point, standard_error = (float(part) for part in answer)
    near_point = abs(interval.point - point) <= tolerance
    return near_point and abs(interval.standard_error - standard_error) <= tolerance


@pytest.mark.parametrize(
    ("entry", "comparison"),
    [("mpdta.cs.nevertreated", "never_treated"), ("mpdta.cs.notyet", "not_yet_treated")],
)
def test_minimum_wages_give_the_published_effects(entry: str, comparison: Comparison) -> None:
    panel, first = reference_panel("mpdta.csv", MPDTA)
    answer = expected(entry)

    found = group_time_effects(panel, comparison=comparison, inference="asymptotic")
    averages = {name: average_effects(found, by=by) for name, by in KINDS.items()}

    cells = zip(found.cohort[found.group] + first, found.time + first, strict=True)
    names = [f"{start},{time}" for start, time in cells]
    assert len(names) == len(answer["att_gt"]) == 12
    for name, interval in zip(names, cell_effects(found), strict=True):
        assert close(interval, answer["att_gt"][name])
    assert close(averages["simple"].overall, answer["simple"])
    for name, shift in (("group", first), ("dynamic", 0)):
        for at, interval in zip(averages[name].at, averages[name].intervals, strict=True):
            assert close(interval, answer[name][str(at + shift)])
        assert len(averages[name].at) == len(answer[name])
    for name in ("group", "dynamic", "calendar"):
        assert close(averages[name].overall, answer[f"{name}_overall"])
    statistic, p_value = pre_trend(found)
    assert statistic == pytest.approx(answer["pretest_W"], abs=EXACT)
    assert p_value == pytest.approx(answer.get("pretest_p", 0.16814), abs=1e-5)


@pytest.mark.parametrize(
    ("scenario", "comparison", "adjustment", "covariate"),
    [
        ("mpdta_nev_dr", "never_treated", "doubly_robust", None),
        ("mpdta_nev_ipw", "never_treated", "doubly_robust", None),
        ("mpdta_nyt_dr", "not_yet_treated", "doubly_robust", None),
        ("mpdta_nev_reg_cov", "never_treated", "regression", "lpop"),
    ],
)
def test_every_aggregation_matches_the_reference_table(
    scenario: str, comparison: Comparison, adjustment: Adjustment, covariate: str | None
) -> None:
    # Without covariates weighting, regression and their combination are one estimator.
    panel, first = reference_panel("mpdta.csv", MPDTA, covariate=covariate)

    found = group_time_effects(
        panel, comparison=comparison, adjustment=adjustment, inference="asymptotic"
    )

    effects = dict(
        zip(
            zip(found.cohort[found.group] + first, found.time + first, strict=True),
            cell_effects(found),
            strict=True,
        )
    )
    cells = [row for row in rows_of("cs_ref_attgt.csv") if row["scenario"] == scenario]
    assert len(cells) == len(effects)
    for row in cells:
        assert close(effects[int(row["group"]), int(row["t"])], (row["att"], row["se"]))
    for kind, by in KINDS.items():
        averaged = average_effects(found, by=by)
        labels = [at if kind == "dynamic" else at + first for at in averaged.at]
        one = dict(zip(labels, averaged.intervals, strict=True))
        rows = [row for row in rows_of("cs_ref_aggte.csv") if row["scenario"] == scenario]
        for row in (row for row in rows if row["type"] == kind):
            assert close(averaged.overall, (row["overall_att"], row["overall_se"]))
            if kind != "simple":
                assert close(one[int(row["egt"])], (row["att_egt"], row["se_egt"]))


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("adjustment", ["doubly_robust", "regression"])
def test_covariates_match_the_reference_simulation(
    comparison: Comparison, adjustment: Adjustment
) -> None:
    panel, first = reference_panel("cs_sim_tp4_const.csv", SIMULATED, covariate="X")
    control = comparison.replace("_", "")
    short = {"doubly_robust": "dr", "regression": "reg"}[adjustment]
    rows = {
        (int(row["group"]), int(row["t"])): (row["att"], row["se"])
        for row in rows_of("cs_ref_sim.csv")
        if (row["dataset"], row["control"], row["est"]) == ("tp4_const", control, short)
    }

    found = group_time_effects(
        panel, comparison=comparison, adjustment=adjustment, inference="asymptotic"
    )

    cells = zip(found.cohort[found.group] + first, found.time + first, strict=True)
    assert len(rows) == len(found.effect) == 9
    for cell, interval in zip(cells, cell_effects(found), strict=True):
        assert close(interval, rows[cell], 1e-8)


def rollout(rng: np.random.Generator) -> tuple[Any, list[int]]:
    """Forty units over ten months: three waves of six, and 22 that never have the AI."""
    return drifting(rng, (40, 10)), [4] * 6 + [6] * 6 + [8] * 6 + [NEVER] * 22


def test_the_effect_per_period_is_the_calendar_average() -> None:
    outcome, start = rollout(np.random.default_rng(1))
    panel = panel_of(outcome, start)

    effect = callaway_santanna(panel)

    found = group_time_effects(panel)
    averaged = average_effects(found, by="period")
    assert effect.point == pytest.approx([one.point for one in averaged.intervals])
    assert np.array(effect.covariance) == pytest.approx(averaged.covariance)
    assert average(effect).point == pytest.approx(
        average_effects(found, by="overall").overall.point
    )
    assert effect.volume == (6, 6, 12, 12, 18, 18)
    assert effect.observed[0] == pytest.approx(outcome[:6, 4].mean())
    assert (effect.n_treated, effect.n_control, effect.design) == (18, 22, "staggered")


def test_units_of_very_different_size_still_have_a_relative_effect() -> None:
    # Levels from 10 to 10,000 are known, not uncertain; the effect is -2 on a level near 1,000.
    rng = np.random.default_rng(2)
    outcome, start = rollout(rng)
    outcome += 10 ** rng.uniform(1, 4, (40, 1))
    treated = np.arange(10) >= np.array(start)[:, None]

    found = relative(callaway_santanna(panel_of(outcome - 2 * treated, start)))

    truth = -2 / outcome[treated].mean()
    assert found.low < truth < found.high
    assert found.high - found.low < abs(2 * truth)


@given(
    unit=st.lists(st.integers(-50, 50), min_size=40, max_size=40),
    month=st.lists(st.integers(-50, 50), min_size=10, max_size=10),
    factor=st.floats(0.01, 100),
    comparison=st.sampled_from(["never_treated", "not_yet_treated"]),
)
@settings(max_examples=20, deadline=None)
def test_levels_and_shocks_change_nothing_and_units_rescale(
    unit: list[int], month: list[int], factor: float, comparison: Comparison
) -> None:
    outcome, start = rollout(np.random.default_rng(3))
    plain = average(callaway_santanna(panel_of(outcome, start), comparison=comparison))

    moved = factor * (outcome + np.array(unit)[:, None] + np.array(month))
    other = average(callaway_santanna(panel_of(moved, start), comparison=comparison))

    scale = factor * 50
    assert other.point == pytest.approx(factor * plain.point, abs=1e-12 * scale)
    assert other.low == pytest.approx(factor * plain.low, rel=1e-9, abs=1e-10 * scale)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_order_of_units_changes_nothing(seed: int) -> None:
    outcome, start = rollout(np.random.default_rng(4))
    order = np.random.default_rng(seed).permutation(40)

    plain = callaway_santanna(panel_of(outcome, start))
    shuffled = callaway_santanna(panel_of(outcome[order], np.array(start)[order]))

    assert shuffled.point == pytest.approx(plain.point, abs=1e-12)
    assert average(shuffled).high == pytest.approx(average(plain).high, abs=1e-10)


@given(month=st.integers(4, 9), size=st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_an_added_effect_is_found_in_its_month_and_nowhere_else(month: int, size: float) -> None:
    outcome, start = rollout(np.random.default_rng(5))
    plain = callaway_santanna(panel_of(outcome, start))
    outcome[np.array(start) <= month, month] += size

    effect = callaway_santanna(panel_of(outcome, start))

    change = np.array(effect.point) - np.array(plain.point)
    assert change == pytest.approx(size * (np.arange(4, 10) == month), abs=1e-9)


def test_the_same_input_gives_the_same_bytes() -> None:
    outcome, start = rollout(np.random.default_rng(6))

    once, again = (repr(callaway_santanna(panel_of(outcome, start))) for _ in range(2))

    assert once == again


def test_one_unit_per_cluster_is_no_cluster() -> None:
    outcome, start = rollout(np.random.default_rng(7))
    alone = panel_of(outcome, start)
    named = panel_of(outcome, start, cluster=np.arange(40))

    plain, clustered = (
        average_effects(group_time_effects(panel, inference="asymptotic"), by="event_time")
        for panel in (alone, named)
    )

    assert clustered.covariance == pytest.approx(plain.covariance)


def test_units_that_share_their_shocks_widen_the_interval() -> None:
    # Four units per region that always move together are worth one.
    rng = np.random.default_rng(8)
    outcome = np.repeat(drifting(rng, (20, 10)), 4, axis=0)
    start = np.repeat([4] * 5 + [6] * 5 + [NEVER] * 10, 4)
    region = np.repeat(np.arange(20), 4)

    alone = average(callaway_santanna(panel_of(outcome[::4], start[::4]), confidence=0.9))
    clustered = average(callaway_santanna(panel_of(outcome, start, cluster=region), confidence=0.9))

    assert clustered.standard_error == pytest.approx(alone.standard_error)
    assert clustered.low == pytest.approx(alone.low)


def test_adjusting_removes_a_bias_that_covariates_explain() -> None:
    # Large units grow, and large units went first; the AI itself does nothing. 100 draws put the
    # Monte Carlo error near 2 points (300 draws cover in 96.7 %).
    rng = np.random.default_rng(9)
    hits = 0
    for _ in range(100):
        size = rng.normal(size=200)
        start = np.where(rng.random(200) < 1 / (1 + np.exp(-size)), 3, NEVER)
        outcome = size[:, None] * np.arange(6) + rng.normal(0, 0.5, (200, 6))
        plain = average(callaway_santanna(panel_of(outcome, start)))
        found = average(callaway_santanna(panel_of(outcome, start, covariates=size[:, None])))
        hits += found.low <= 0 <= found.high
        assert plain.low > 0.5

    assert hits >= 90


def staggered_few(rng: np.random.Generator, *, n_treated: int) -> tuple[Any, Any, float]:
    """Forty units, few treated at different times, an effect that grows and differs by unit."""
    outcome = drifting(rng, (40, 12), correlation=0.6)
    start = np.full(40, NEVER)
    start[:n_treated] = rng.choice([5, 6, 7, 8], n_treated)
    since = np.arange(12) - start[:, None]
    added = np.where(since >= 0, 0.5 + 0.1 * since, 0.0)
    return outcome + added, start, float(added[since >= 0].mean())


COVERAGE_DRAWS = 200  # Puts the Monte Carlo error near 1.5 points; docs/methods has 4,000 draws.


@pytest.mark.parametrize(
    ("n_treated", "comparison"),
    [(2, "never_treated"), (5, "never_treated"), (10, "not_yet_treated")],
)
def test_interval_covers_the_truth_with_few_treated_units(
    n_treated: int, comparison: Comparison
) -> None:
    # Published standard errors cover 67, 75, 86 and 90 % with 2, 3, 5 and 10 treated of 40.
    rng = np.random.default_rng(40 + n_treated)
    hits = 0
    for _ in range(COVERAGE_DRAWS):
        outcome, start, truth = staggered_few(rng, n_treated=n_treated)
        found = average(callaway_santanna(panel_of(outcome, start), comparison=comparison))
        hits += found.low <= truth <= found.high

    assert hits / COVERAGE_DRAWS >= 0.91


def test_a_pre_trend_is_found_and_noise_is_not() -> None:
    # 100 draws of nothing: at 5 % about 5 false alarms, with an error of 2.
    rng = np.random.default_rng(30)
    alarms = 0
    for _ in range(100):
        outcome, start = rollout(rng)
        alarms += pre_trend(group_time_effects(panel_of(outcome, start)))[1] < 0.05
    outcome, start = rollout(rng)
    outcome[:18] += 0.8 * np.arange(10)

    assert alarms <= 10
    assert pre_trend(group_time_effects(panel_of(outcome, start)))[1] < 0.001


def test_periods_that_nobody_answers_for_are_left_out_and_named() -> None:
    # Once the last wave has the AI, nobody is left to compare with.
    outcome = drifting(np.random.default_rng(10), (20, 8))
    start = [3] * 8 + [6] * 12

    found = group_time_effects(panel_of(outcome, start), comparison="not_yet_treated")
    effect = callaway_santanna(panel_of(outcome, start), comparison="not_yet_treated")

    assert found.unanswered == ((3, 6), (3, 7), (6, 6), (6, 7))
    assert [period.start.month for period in effect.periods] == [4, 5, 6]


@pytest.mark.parametrize(
    ("start", "reason", "verdict"),
    [
        ([NEVER] * 12, "no unit has been measured with the AI yet", "too_early"),
        ([3] * 11 + [NEVER], "1 units never had the AI, needs 2", "unverifiable"),
        (
            [0] * 5 + [3] * 3 + [NEVER] * 4,
            "without a period before the AI .u00, u01",
            "unverifiable",
        ),
    ],
)
def test_refuses_what_it_cannot_estimate(start: list[int], reason: str, verdict: str) -> None:
    outcome = drifting(np.random.default_rng(11), (12, 6))

    with pytest.raises(NotEstimable, match=reason) as refusal:
        callaway_santanna(panel_of(outcome, start))

    assert refusal.value.verdict == verdict


def test_refuses_an_unbalanced_panel_by_name() -> None:
    outcome, start = rollout(np.random.default_rng(12))
    outcome[7, 2] = np.nan

    with pytest.raises(NotEstimable, match=r"1 cells have no outcome .units u07.*imputation"):
        callaway_santanna(panel_of(outcome, start))


@pytest.mark.parametrize(
    ("covariate", "reason"),
    [
        (np.r_[np.ones(18), np.zeros(22)] * 10 + np.arange(40) * 0.01, "perfectly|collinear"),
        (np.ones(40), "collinear"),
        (np.full(40, np.nan), "covariates are missing"),
    ],
)
def test_refuses_covariates_that_leave_nobody_alike(covariate: Any, reason: str) -> None:
    outcome, _ = rollout(np.random.default_rng(13))
    start = [4] * 18 + [NEVER] * 22

    with pytest.raises(NotEstimable, match=reason):
        callaway_santanna(panel_of(outcome, start, covariates=covariate[:, None]))


def test_refuses_to_adjust_a_cohort_too_small_for_it() -> None:
    outcome, start = rollout(np.random.default_rng(14))
    covariates = np.random.default_rng(15).normal(size=(40, 2))

    with pytest.raises(NotEstimable, match="a cohort has 6 units, needs 8") as refusal:
        callaway_santanna(panel_of(outcome, start, covariates=covariates))

    assert refusal.value.verdict == "below_sample_floor"


@pytest.mark.parametrize("inference", ["calibrated", "asymptotic"])
def test_refuses_when_nothing_varies(inference: Inference) -> None:
    outcome = np.zeros((12, 6))

    with pytest.raises(NotEstimable, match="nothing varies"):
        callaway_santanna(panel_of(outcome, [3] * 4 + [NEVER] * 8), inference=inference)


def test_refuses_a_handful_of_clusters() -> None:
    outcome, start = rollout(np.random.default_rng(16))

    with pytest.raises(NotEstimable, match="4 clusters, needs 5"):
        callaway_santanna(panel_of(outcome, start, cluster=np.arange(40) % 4))
