"""Whether effects under drift are those of the published test, cover the truth, and are said."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.checks.sensitivity import sensitivity
from aivalue.effects.estimators.difference_in_differences import Rollout
from aivalue.effects.panel import Floats, Integers
from aivalue.effects.parallel_trends.drift import drift_of, effects_under_drift
from aivalue.effects.parallel_trends.leads import LeadTest, leads_differ
from aivalue.effects.parallel_trends.relative_magnitudes import (
    Drift,
    are_possible,
    interval_under_drift,
)
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval
from tests.validation.worlds import NEVER, autoregressive, rollout_of

GRID = 0.004  # Between the effects at which the peer's test was run.
BLOCKS = ((1, 2), (3, 4), (5, 6))
THREE_BEFORE = np.array(
    [[2.0, 1.0, 1.0, 0.5], [1.0, 2.0, 1.0, 0.5], [1.0, 1.0, 2.0, 0.5], [0.5, 0.5, 0.5, 2.0]]
)
TWO_BEFORE = np.array([[2.0, 1.2, 0.4], [1.2, 2.0, 0.4], [0.4, 0.4, 1.0]])
# Benzarti & Carloni (2019), profits of restaurants: four years before and the first after, as the R
# package HonestDiD ships them. Its results on them are those that HonestDiD.jl is tested by.
RESTAURANTS = [0.006696351804, 0.02934503369, -0.006472972222, 0.0730149895, 0.1959611177]
OF_RESTAURANTS = np.array(
    [
        [8.428358124e-4, 4.768686777e-4, 2.618051076e-4, 2.354220342e-4, 1.676371467e-4],
        [4.768686777e-4, 6.425420288e-4, 3.987425007e-4, 2.435515198e-4, 2.201960306e-4],
        [2.618051076e-4, 3.987425007e-4, 5.229949602e-4, 2.117686090e-4, 1.840722252e-4],
        [2.354220342e-4, 2.435515198e-4, 2.117686090e-4, 3.089595411e-4, 1.197866077e-4],
        [1.676371467e-4, 2.201960306e-4, 1.840722252e-4, 1.197866077e-4, 3.599704360e-4],
    ]
)


def of_coefficients(coefficients: list[float], covariance: Floats) -> Drift:
    """Turn an event study, the last coefficient after go-live, into steps: the nearest first."""
    n = len(coefficients) - 1
    steps = np.zeros((n + 1, n + 1))
    steps[0, n] = 1.0
    for step in range(n):
        steps[1 + step, n - step - 1] = -1.0
        if step > 0:
            steps[1 + step, n - step] = 1.0
    figures = steps @ np.array(coefficients)
    return Drift(
        figure=float(figures[0]),
        steps=figures[1:],
        covariance=steps @ covariance @ steps.T / 100,
        distance=1.0,
    )


@pytest.mark.parametrize(
    ("coefficients", "covariance", "times", "ends"),
    [
        ([-0.25, -0.05, -0.15, 1.0], THREE_BEFORE, 0.5, (0.612, 1.384)),
        ([-0.25, -0.05, -0.15, 1.0], THREE_BEFORE, 1.0, (0.456, 1.540)),
        ([-0.25, -0.05, -0.15, 1.0], THREE_BEFORE, 2.0, (0.068, 1.932)),
        ([-0.9, -0.6, -0.3, 1.0], THREE_BEFORE, 0.5, (0.552, 1.428)),
        ([-0.9, -0.6, -0.3, 1.0], THREE_BEFORE, 1.0, (0.320, 1.636)),
        ([-0.9, -0.6, -0.3, 1.0], THREE_BEFORE, 2.0, (-0.184, 2.132)),
        ([0.1, -0.2, 0.4], TWO_BEFORE, 0.5, (0.036, 0.748)),
        ([0.1, -0.2, 0.4], TWO_BEFORE, 1.0, (-0.180, 0.972)),
        ([0.1, -0.2, 0.4], TWO_BEFORE, 2.0, (-0.664, 1.460)),
    ],
)
def test_is_the_conditional_least_favourable_interval(
    coefficients: list[float], covariance: Floats, times: float, ends: tuple[float, float]
) -> None:
    # The test of moderndid 0.0.3 (ARP with the LF hybrid) on the restrictions of HonestDiD, at
    # 2,001 effects; run once, because that release builds the restrictions one step off.
    found = interval_under_drift(of_coefficients(coefficients, covariance), times=times)

    assert found == pytest.approx(ends, abs=GRID)


def test_is_what_r_says_of_restaurants() -> None:
    # C-LF with M = 1, by 200 effects that are 0.0038 apart; Bonferroni costs a little beyond that.
    drift = of_coefficients(RESTAURANTS, 100 * OF_RESTAURANTS)

    found = interval_under_drift(drift, times=1.0)

    assert found == pytest.approx((0.07055244362, 0.3184394077), abs=0.005)


def test_certain_drift_leaves_its_own_size_and_the_figures_error() -> None:
    # Steps known to be 1 and -3, two blocks on average: 0.5 x 3 x 2 either way. The truth can be
    # near one end only, so 1.693 errors of 0.01: 0.045 of 0.995 after a first stage of 0.005.
    drift = Drift(
        figure=10.0,
        steps=np.array([1.0, -3.0]),
        covariance=np.diag([1e-4, 1e-12, 1e-12]),
        distance=2.0,
    )

    low, high = interval_under_drift(drift, times=0.5)

    assert low == pytest.approx(7.0 - 0.01693, abs=1e-4)
    assert high == pytest.approx(13.0 + 0.01693, abs=1e-4)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1_000), scale=st.floats(0.01, 100), shift=st.floats(-100, 100))
def test_it_scales_shifts_and_turns_with_the_data_and_grows_with_the_drift(
    seed: int, scale: float, shift: float
) -> None:
    plain = random_drift(seed)
    moved = Drift(
        figure=scale * (shift - plain.figure),
        steps=-scale * plain.steps,
        covariance=scale**2 * plain.covariance,
        distance=1.5,
    )

    (low, high), turned = (interval_under_drift(each, times=1.0) for each in (plain, moved))
    wider = interval_under_drift(plain, times=2.0)

    width = high - low
    assert turned == pytest.approx(
        (scale * (shift - high), scale * (shift - low)), abs=scale * width * 1e-3
    )
    assert wider[0] < low < high < wider[1]


@pytest.mark.parametrize("steps", [(0.0, 0.0, 0.0), (0.3, 0.3, 0.3), (0.0, -1.0, 0.2)])
def test_covers_the_effect_when_the_worst_drift_goes_on(steps: tuple[float, ...]) -> None:
    # 300 draws put the Monte Carlo error at 1.3 points; where steps are alike more is covered.
    rng = np.random.default_rng(1)
    covariance = (np.eye(4) - 0.5 * np.eye(4, k=1) - 0.5 * np.eye(4, k=-1)) / 50
    worst = 1.5 * max(np.abs(steps))
    hits = 0
    for _ in range(300):
        seen = rng.multivariate_normal([2 + worst, *steps], covariance)
        drift = Drift(figure=seen[0], steps=seen[1:], covariance=covariance, distance=1.5)
        hits += bool(are_possible(drift, np.array([2.0]), times=1.0)[0])

    assert hits / 300 >= 0.92


def test_few_degrees_of_freedom_widen_it() -> None:
    many = of_coefficients([-0.25, -0.05, -0.15, 1.0], THREE_BEFORE)
    few = replace(many, free=5.0)
    # t at 5 degrees of freedom over the normal quantile.
    blown_up = replace(many, covariance=many.covariance * (2.570582 / 1.959964) ** 2)

    found, expected = (interval_under_drift(each, times=1.0) for each in (few, blown_up))

    assert found == pytest.approx(expected, abs=1e-5)


def test_a_step_without_uncertainty_is_refused() -> None:
    drift = Drift(
        figure=1.0, steps=np.array([0.1, 0.2]), covariance=np.diag([1.0, 0.0, 1.0]), distance=1.0
    )

    with pytest.raises(NotEstimable, match="no uncertainty"):
        interval_under_drift(drift, times=1.0)


def leads_of(rollout: Rollout, first: Integers) -> LeadTest:
    to_start = np.where(first < NEVER, first, 0)[:, None] - np.arange(rollout.x_treated.shape[1])
    to_start = np.where(first[:, None] < NEVER, to_start, 0)
    leads = np.stack([(to_start >= low) & (to_start <= high) for low, high in BLOCKS])
    return leads_differ(
        rollout.y_untreated, rollout.x_untreated, leads.astype(float), scale="additive"
    )


def random_drift(seed: int) -> Drift:
    """Draw a figure and three steps before it, with a covariance of theirs."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 4))
    return Drift(
        figure=float(rng.normal()),
        steps=rng.normal(size=3),
        covariance=root @ root.T / 10 + 0.01 * np.eye(4),
        distance=1.5,
    )


def drifting(rng: np.random.Generator, slope: float, effect: float) -> tuple[Rollout, Integers]:
    """Draw units of which the treated drift by `slope` a period, and jump when they go live."""
    first = np.array([8, 8, 10, 10, 10, *[NEVER] * 15])
    since = np.arange(14) - first[:, None]
    y = autoregressive(rng, 0.5, since.shape) + rng.normal(size=(20, 1))
    y += np.where(first[:, None] < NEVER, slope * np.arange(14), 0.0) + effect * (since >= 0)
    return rollout_of(y, first), first


def test_differences_are_those_of_block_means_by_hand() -> None:
    rollout, first = drifting(np.random.default_rng(2), 0.0, 0.0)
    y = rollout.y_treated + rollout.y_untreated
    dependence = leads_of(rollout, first).dependence
    assert dependence is not None

    found = drift_of(rollout, first, dependence, scale="additive", blocks=BLOCKS)

    def gap(start: int, low: int, high: int) -> float:
        inside = slice(low, high)
        treated = y[first == start, inside].mean(axis=1).sum()
        control = y[first == NEVER, inside].mean()
        return float(treated - (first == start).sum() * control)

    # Two units have six treated periods, three have four: 12 and 12 treated cells.
    after = sum(n * (gap(start, start, 14) - gap(start, start - 2, start)) for start, n in LIVE)
    step = sum(
        n * (gap(start, start - 2, start) - gap(start, start - 4, start - 2)) for start, n in LIVE
    )
    assert found.figure == pytest.approx(after / 24)
    assert found.steps[0] == pytest.approx(step / 24)
    # Periods 0 and 1 after go-live are one block off, 2 and 3 two, 4 and 5 three.
    assert found.distance == pytest.approx((2 * 2 * (1 + 2 + 3) + 3 * 2 * (1 + 2)) / 24)


LIVE = ((8, 6), (10, 4))  # First period with AI, and how many there are.


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_covers_the_effect_although_the_treated_drift(slope: float) -> None:
    # A drift by one slope has equal steps, which M = 1 allows to go on; 100 draws, error 2 points.
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(100):
        rollout, first = drifting(rng, slope, 1.0)
        dependence = leads_of(rollout, first).dependence
        assert dependence is not None
        drift = drift_of(rollout, first, dependence, scale="additive", blocks=BLOCKS)
        hits += bool(are_possible(drift, np.array([1.0]), times=1.0)[0])

    assert hits >= 89


def test_the_ranges_of_a_check_are_those_intervals() -> None:
    rollout, first = drifting(np.random.default_rng(5), 0.0, 5.0)
    leads = leads_of(rollout, first)
    assert leads.dependence is not None
    drift = drift_of(rollout, first, leads.dependence, scale="additive", blocks=BLOCKS)

    found = effects_under_drift(
        rollout, first, leads, scale="additive", blocks=BLOCKS, confidence=0.9
    )

    assert [each.times for each in found.ranges] == [0.5, 1.0, 2.0]
    for each in found.ranges:
        ends = interval_under_drift(drift, times=each.times, confidence=0.9)
        assert (each.low, each.high) == ends
    figure = Interval(point=5.0, low=4.2, high=5.8, standard_error=0.4, confidence=0.9)
    said = sensitivity(figure, leads, steps_after=2.0, under_drift=found).detail
    half = found.ranges[0]
    assert (
        f"with 0.5, 1, 2 times the largest step from block to block it is in ({half.low:.4g}"
        in (said)
    )


def test_without_controls_it_says_so() -> None:
    rollout, first = drifting(np.random.default_rng(4), 0.0, 0.0)
    leads = leads_of(rollout, first)

    found = effects_under_drift(
        rollout,
        np.where(first == NEVER, 13, first),
        leads,
        scale="additive",
        blocks=BLOCKS,
        confidence=0.95,
    )

    assert found.ranges == ()
    assert "beside 2 units that never had the AI" in str(found.why_not)
