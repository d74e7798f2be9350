"""A level that wanders is found, a steady one hardly ever called wandering."""

import numpy as np
import pytest

from aivalue.baselines.readiness.stationarity import chance_of_wandering

HISTORIES = 200
# 200 histories put the Monte Carlo error of 5 % near 1.5 points; three of them are allowed.
FALSE_ALARMS_MAX = 0.10


def noise(rng: np.random.Generator, correlation: float, n: int = 104) -> np.ndarray:
    values = rng.standard_normal(n)
    values[0] /= np.sqrt(1 - correlation**2)
    for week in range(1, n):
        values[week] += correlation * values[week - 1]
    return values


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_a_steady_level_rarely_alarms(correlation: float) -> None:
    rng = np.random.default_rng(7)

    alarms = [chance_of_wandering(noise(rng, correlation)) < 0.05 for _ in range(HISTORIES)]

    assert np.mean(alarms) <= FALSE_ALARMS_MAX


def test_a_trend_is_found() -> None:
    rng = np.random.default_rng(7)

    # Three deviations over two years.
    assert chance_of_wandering(noise(rng, 0.3) + np.linspace(0, 3, 104)) < 0.01


def test_a_random_walk_is_found_mostly() -> None:
    rng = np.random.default_rng(7)

    found = [chance_of_wandering(rng.standard_normal(104).cumsum()) < 0.05 for _ in range(50)]

    assert np.mean(found) > 0.4


def test_a_constant_does_not_wander() -> None:
    assert chance_of_wandering(np.full(52, 3.0)) == 1.0


def test_a_straight_line_wanders_whatever_is_left_around_it() -> None:
    assert chance_of_wandering(np.arange(20.0)) < 0.01
