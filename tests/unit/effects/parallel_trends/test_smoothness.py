"""Whether intervals under smooth drift are the shortest of their kind, and cover the truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize
from scipy.stats import foldnorm

from aivalue.effects.checks.sensitivity import sensitivity
from aivalue.effects.panel import Floats
from aivalue.effects.parallel_trends.drift import effects_under_drift
from aivalue.effects.parallel_trends.relative_magnitudes import Drift
from aivalue.effects.parallel_trends.smoothness import smooth
from aivalue.kpis.interval import Interval
from tests.unit.effects.parallel_trends.test_relative_magnitudes import (
    BLOCKS,
    OF_RESTAURANTS,
    RESTAURANTS,
    THREE_BEFORE,
    TWO_BEFORE,
    drifting,
    leads_of,
    of_coefficients,
    random_drift,
)

CASES = [
    ([-0.25, -0.05, -0.15, 1.0], THREE_BEFORE),
    ([-0.9, -0.6, -0.3, 1.0], THREE_BEFORE),
    ([0.1, -0.2, 0.4], TWO_BEFORE),
]


def largest_bias(weights: Floats, bend: float) -> float:
    """Find the worst smooth drift for the first coefficient after, by a linear program.

    Weights are of the coefficients before, in time's order, and the one after; the drift is free
    but for its second differences, and zero in the reference period just before go-live.
    """
    n = len(weights) - 1
    second = np.zeros((n, n + 2))
    for row in range(n):
        second[row, row : row + 3] = 1.0, -2.0, 1.0
    of_reference = np.eye(n + 2)[n : n + 1]
    objective = np.insert(weights, n, 0.0)
    found = linprog(
        -objective,
        A_ub=np.vstack([second, -second]),
        b_ub=np.full(2 * n, bend),
        A_eq=of_reference,
        b_eq=[0.0],
        bounds=(None, None),
    )
    return np.inf if found.status == 3 else -float(found.fun or 0.0)


def shortest(coefficients: list[float], covariance: Floats, bend: float) -> tuple[float, float]:
    """Try all weights that carry a straight drift on, and take the shortest interval."""
    n = len(coefficients) - 1
    # Straight drifts must cancel: weights times distance to the reference sum to minus one.
    distance = np.arange(-n, 0.0)

    def whole(free: Floats) -> Floats:
        last = -(1 + free @ distance[:-1]) / distance[-1]
        return np.concatenate([free, [last, 1.0]])

    def half(free: Floats) -> float:
        weights = whole(free)
        error = float(np.sqrt(weights @ covariance @ weights))
        return error * float(foldnorm.ppf(0.95, largest_bias(weights, bend) / error))

    best = minimize(half, np.zeros(n - 1), method="Nelder-Mead", options={"xatol": 1e-5})
    point = float(whole(best.x) @ np.array(coefficients))
    return point - float(best.fun), point + float(best.fun)


@pytest.mark.parametrize(
    ("bend", "ends"),
    [
        (0.0, (0.131411316, 0.2161696482)),
        (0.1, (0.1194440001, 0.4185082143)),
        (0.2, (0.01944400015, 0.5185082143)),
    ],
)
def test_is_what_r_says_of_restaurants(bend: float, ends: tuple[float, float]) -> None:
    # Its quantiles of folded normals are simulated: 5e-5 off.
    found = smooth(of_coefficients(RESTAURANTS, 100 * OF_RESTAURANTS)).interval(bend)

    assert found == pytest.approx(ends, abs=1e-4)


@pytest.mark.parametrize(("coefficients", "covariance"), CASES)
@pytest.mark.parametrize("bend", [0.05, 0.3])
def test_is_the_shortest_interval_of_all_weights_by_brute_force(
    coefficients: list[float], covariance: Floats, bend: float
) -> None:
    expected = shortest(coefficients, covariance / 100, bend)

    found = smooth(of_coefficients(coefficients, covariance)).interval(bend)

    # Near the best, the half length is flat: weights differ before lengths do.
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0], rel=1e-4)
    assert found == pytest.approx(expected, abs=2e-3)


def test_a_straight_drift_that_is_known_is_taken_off() -> None:
    # Steps of one, two blocks on average: five less two, whatever is left of noise.
    drift = Drift(
        figure=5.0,
        steps=np.array([1.0, 1.0]),
        covariance=np.diag([1e-4, 1e-12, 1e-12]),
        distance=2.0,
        curvature=3.0,
    )

    low, high = smooth(drift).interval(0.0)
    bent = smooth(drift).interval(0.1)

    assert (low, high) == pytest.approx((3 - 0.0196, 3 + 0.0196), abs=1e-4)
    # A bend of .1 in every block adds .3; 1.645 errors of .01 on the side where it lies.
    assert bent == pytest.approx((2.7 - 0.01645, 3.3 + 0.01645), abs=1e-4)


def test_the_breakdown_is_where_zero_comes_in() -> None:
    found = smooth(of_coefficients([-0.25, -0.05, -0.15, 1.0], THREE_BEFORE))
    breakdown = found.breakdown()

    assert breakdown is not None
    assert found.interval(breakdown * 0.999)[0] > 0
    assert found.interval(breakdown * 1.001)[0] < 0
    assert smooth(of_coefficients([0.1, -0.2, 0.05], TWO_BEFORE)).breakdown() is None


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 1_000),
    scale=st.floats(0.01, 100),
    shift=st.floats(-10, 10),
    slope=st.floats(-10, 10),
)
def test_it_scales_and_turns_with_the_data_and_forgets_straight_drifts(
    seed: int, scale: float, shift: float, slope: float
) -> None:
    plain = replace(random_drift(seed), curvature=2.5)
    moved = replace(
        plain,
        figure=-scale * (plain.figure + shift + slope * plain.distance),
        steps=-scale * (plain.steps + slope),
        covariance=scale**2 * plain.covariance,
    )

    low, high = smooth(plain).interval(0.4)
    turned = smooth(moved).interval(0.4 * scale)
    wider = smooth(plain).interval(0.8)

    assert turned == pytest.approx(
        (-scale * (high + shift), -scale * (low + shift)), abs=1e-6 * scale * (1 + abs(slope))
    )
    assert wider[1] - wider[0] > high - low


@pytest.mark.parametrize("bends", [(0.0, 0.0, 0.0), (0.3, 0.3, 0.3), (0.3, -0.3, 0.0)])
def test_covers_the_effect_when_the_drift_bends_by_as_much(bends: tuple[float, ...]) -> None:
    # Steps 1 + bends, and two blocks on average whose bends are the worst; 400 draws, error 1.1.
    rng = np.random.default_rng(1)
    covariance = (np.eye(4) - 0.5 * np.eye(4, k=1) - 0.5 * np.eye(4, k=-1)) / 50
    steps = 1.0 - np.cumsum((0.0, *bends[:2]))
    figure = 2.0 + 2.0 * steps[0] + 0.3 * 3.0
    hits = 0
    for _ in range(400):
        seen = rng.multivariate_normal([figure, *steps], covariance)
        drift = Drift(
            figure=seen[0], steps=seen[1:], covariance=covariance, distance=2.0, curvature=3.0
        )
        low, high = smooth(drift).interval(0.3)
        hits += low <= 2.0 <= high

    assert hits / 400 >= 0.92


def test_sensitivity_says_it() -> None:
    rollout, first = drifting(np.random.default_rng(5), 0.0, 5.0)
    leads = leads_of(rollout, first)

    found = effects_under_drift(
        rollout, first, leads, scale="additive", blocks=BLOCKS, confidence=0.95
    )

    bends = found.bends
    assert bends is not None
    assert bends.breakdown is not None
    assert bends.low < 5 < bends.high
    figure = Interval(point=5.0, low=4.2, high=5.8, standard_error=0.4, confidence=0.95)
    said = sensitivity(figure, leads, steps_after=2.0, under_drift=found).detail
    assert f"if the drift goes straight on it is in ({bends.low:.4g}, {bends.high:.4g})" in said
    assert f"while a step changes by at most {bends.breakdown:.4g} from block to block" in said
