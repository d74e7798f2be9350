"""Whether each check finds what it is for, keeps quiet otherwise, and says what it could find."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.composition import composition
from aivalue.effects.checks.contamination import contamination
from aivalue.effects.checks.convex_hull import convex_hull
from aivalue.effects.checks.covariate_not_affected import covariate_not_affected
from aivalue.effects.checks.guardrails import Guardrail, guardrails
from aivalue.effects.checks.override import override
from aivalue.effects.checks.permutation import permutation
from aivalue.effects.checks.placebo_in_time import placebo_in_time
from aivalue.effects.checks.residual_autocorrelation import residual_autocorrelation
from aivalue.effects.checks.rmspe_rank import rmspe_rank
from aivalue.effects.checks.sensitivity import sensitivity
from aivalue.effects.checks.wandering_level import wandering_level
from aivalue.effects.choose import Choice
from aivalue.effects.error_models.wandering import Levels
from aivalue.effects.functional import over
from aivalue.effects.panel import Floats
from aivalue.effects.parallel_trends.leads import LeadTest
from aivalue.kpis.interval import Interval
from tests.unit.effects.test_functional import make_effect

RNG_SEED = 1


def interval(point: float, error: float) -> Interval:
    return Interval(
        point=point,
        low=point - 1.96 * error,
        high=point + 1.96 * error,
        standard_error=error,
        confidence=0.95,
    )


def noise(*shape: int) -> Floats:
    return np.random.default_rng(RNG_SEED).normal(size=shape)


def test_a_gap_that_was_never_small_is_no_effect() -> None:
    placebos = noise(19, 40)
    gap = np.concatenate([np.full(30, 5.0), np.full(10, 6.0)])

    good = rmspe_rank(np.r_[noise(30) / 10, np.full(10, 3.0)], placebos, 30, is_claimed=True)
    bad = rmspe_rank(gap, placebos, 30, is_claimed=True)

    assert (good.status, good.p_value) == ("passed", 1 / 20)
    assert bad.status == "failed"


@pytest.mark.parametrize(("level", "status"), [(0.0, "passed"), (9.0, "failed")])
def test_a_unit_above_all_donors_is_outside_their_hull(level: float, status: str) -> None:
    assert convex_hull(np.full(20, level), noise(12, 20)).status == status


@pytest.mark.parametrize(("correlation", "status"), [(0.0, "passed"), (0.7, "failed")])
def test_memory_left_over_is_found(correlation: float, status: str) -> None:
    surprise = noise(120)
    for at in range(1, 120):
        surprise[at] += correlation * surprise[at - 1]

    found = residual_autocorrelation(surprise)

    assert found.status == status
    assert "0.31 at one lag would be found" in found.in_words


@pytest.mark.parametrize(("jump", "status"), [(0.0, "passed"), (12.0, "failed")])
def test_a_control_that_moves_with_the_go_live_is_named(jump: float, status: str) -> None:
    before, after = noise(20) * 0, noise(20)
    after[7] += jump
    names = tuple(f"line-{at}" for at in range(20))

    found = contamination(before, after, names, standard_error=0.3)

    assert found.status == status
    assert ("line-7 moved" in found.detail) == (jump > 0)


def test_an_outlier_that_carries_no_weight_does_no_harm() -> None:
    after = noise(20)
    after[7] += 12.0
    weights = np.full(20, 1 / 19)
    weights[7] = 0.0
    names = tuple(f"line-{at}" for at in range(20))

    found = contamination(np.zeros(20), after, names, standard_error=0.3, weights=weights)

    assert found.status == "passed"


def test_contamination_rejects_as_rarely_as_it_claims() -> None:
    # 1 % of 2,000, give or take 0.2 points of Monte Carlo error.
    rng = np.random.default_rng(2)
    names = tuple(str(at) for at in range(15))
    p_values = [
        contamination(np.zeros(15), rng.normal(size=15), names, standard_error=0.0).p_value or 0.0
        for _ in range(2_000)
    ]

    assert 0.003 <= np.mean(np.array(p_values) < 0.01) <= 0.017


@pytest.mark.parametrize(("left", "status"), [(0, "passed"), (3, "failed")])
def test_units_that_leave_with_the_ai_are_counted(left: int, status: str) -> None:
    is_treated = np.arange(20) < 10
    after = np.ones(20)
    after[:left] = 0.0

    assert composition(np.ones(20), after, is_treated).status == status


@pytest.mark.parametrize(("change", "status"), [(0.1, "passed"), (5.0, "failed")])
def test_a_control_series_that_moved_too_is_found(change: float, status: str) -> None:
    found = covariate_not_affected(
        [("traffic", interval(change, 1.0), 50.0), ("weather", interval(0.3, 1.0), 50.0)]
    )

    assert found.status == status
    assert ("traffic moved" in found.detail) == (change > 1)


def test_a_guardrail_that_got_worse_fails_and_one_without_figure_is_said_so() -> None:
    fine = Guardrail(kpi="returns", verdict="inconclusive", figure=interval(0, 1), detectable=2.8)
    worse = Guardrail(kpi="churn", verdict="negative", figure=interval(5, 1), detectable=2.8)
    unknown = Guardrail(kpi="nps", verdict="too_early", figure=None, detectable=None)

    assert guardrails([fine, unknown]).status == "passed"
    assert "nps could not be estimated" in guardrails([fine, unknown]).detail
    assert guardrails([fine, worse]).status == "failed"
    assert "got worse: churn" in guardrails([fine, worse]).detail
    assert guardrails([unknown]).status == "not_applicable"


def test_an_override_needs_a_name() -> None:
    forced = Choice(
        design="few_treated",
        estimator="synthetic_control",
        reason="asked for",
        alternatives=(),
        overrides="3 donors, needs 10",
    )
    named = Choice(
        design="few_treated",
        estimator="synthetic_control",
        reason="asked for",
        alternatives=(),
        overrides="3 donors, needs 10",
        approver="jo",
    )

    unnamed = override(forced)
    assert unnamed is not None
    assert unnamed.status == "failed"
    allowed = override(named)
    assert allowed is not None
    assert (allowed.status, "by jo" in allowed.detail) == ("passed", True)


def leads(*change: float) -> LeadTest:
    n = len(change)
    return LeadTest(
        change=np.array(change),
        p_value=0.5,
        detectable=1.0,
        rank=n,
        covariance=0.001 * np.eye(n),
        free=100.0,
    )


def test_a_drift_that_the_past_proves_may_not_explain_the_claim() -> None:
    # Steps of 1 from block to block, which over three more would be 3 of the effect of 3.
    drifting = sensitivity(interval(3.0, 0.3), leads(3.0, 2.0, 1.0), steps_after=3.0)
    still = sensitivity(interval(3.0, 0.3), leads(0.05, -0.02, 0.01), steps_after=3.0)
    nothing = sensitivity(interval(0.1, 0.3), leads(3.0, 2.0, 1.0), steps_after=3.0)

    assert drifting.status == "failed"
    assert still.status == "passed"
    assert nothing.status == "passed"
    assert "claims nothing" in nothing.detail


def test_permutation_counts_every_choice_of_units() -> None:
    others = noise(19)

    found = permutation(np.array([9.0]), others, confidence=0.95, is_claimed=True)

    assert (found.status, found.p_value) == ("passed", 1 / 20)
    assert "all 20 choices" in found.detail


def levels(stands: Interval, wanders: Interval, odds: float = 0.1) -> Levels:
    one = over(make_effect(degrees_of_freedom=math.inf), date(2024, 1, 1), date(2024, 2, 1))
    narrower, wider = (
        replace(one, point=(each.point,), covariance=((each.standard_error**2,),))
        for each in (stands, wanders)
    )
    return Levels(stands=narrower, wanders=wider, odds=odds)


@pytest.mark.parametrize(
    ("stands", "wanders", "odds", "status"),
    [
        (interval(3.0, 1.0), interval(3.0, 1.4), 0.1, "passed"),
        (interval(3.0, 1.0), interval(3.0, 1.8), 0.1, "failed"),
        (interval(3.0, 1.0), interval(-3.0, 1.0), 0.1, "failed"),
        (interval(1.0, 1.0), interval(1.0, 1.8), 0.1, "passed"),
        (interval(3.0, 1.0), interval(3.0, 1.8), 2.0, "passed"),
        (interval(3.0, 1.0), interval(-3.0, 1.0), 2.0, "passed"),
    ],
    ids=["holds", "a walk explains it", "a walk turns it", "nothing claimed", "allowed", "both"],
)
def test_a_claim_must_hold_if_the_level_wanders(
    stands: Interval, wanders: Interval, odds: float, status: str
) -> None:
    assert wandering_level(levels(stands, wanders, odds)).status == status


def every_check() -> list[CheckResult]:
    return [
        rmspe_rank(noise(40), noise(19, 40), 30, is_claimed=False),
        convex_hull(np.zeros(20), noise(12, 20)),
        residual_autocorrelation(noise(120)),
        contamination(np.zeros(20), noise(20), tuple(map(str, range(20))), standard_error=1.0),
        composition(np.ones(9), np.ones(9), np.arange(9) < 4),
        covariate_not_affected([("traffic", interval(0, 1), 50.0)]),
        guardrails(
            [Guardrail(kpi="k", verdict="inconclusive", figure=interval(0, 1), detectable=2.8)]
        ),
        sensitivity(interval(3.0, 0.3), leads(0.0, 0.0), steps_after=1.0),
        permutation(np.array([1.0]), noise(39), confidence=0.95, is_claimed=False),
        placebo_in_time(interval(0.0, 1.0), n_periods=3),
        wandering_level(levels(interval(0.0, 1.0), interval(0.0, 2.0))),
    ]


def test_every_check_says_what_it_could_have_found() -> None:
    assert all(check.power for check in every_check())
