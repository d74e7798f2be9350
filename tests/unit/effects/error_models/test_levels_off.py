"""Levels taken off without matrices are those taken off with them."""

import numpy as np
import pytest

from aivalue.effects.error_models.dependence import autocorrelation
from aivalue.effects.error_models.levels_off import levels_off, units_off
from aivalue.effects.error_models.periods_off import LevelsOff, periods_off
from aivalue.effects.panel import Floats

SHARE = np.array([0.0, 0.4, 0.4, 30.0])
CORRELATION = np.array([0.0, 0.0, 0.6, 0.97])
CLOSE = 1e-9


def with_matrices(columns: Floats, weight: Floats, share: float, correlation: float) -> LevelsOff:
    """Weigh by an inverse covariance written out, and regress on every level."""
    return written_out(columns, weight, share, correlation, np.ones(len(weight)))


def written_out(
    columns: Floats, weight: Floats, share: float, correlation: float, scatter: Floats
) -> LevelsOff:
    """Do so where units vary by multiples of one deviation."""
    seen = weight > 0
    n_units, n_periods = weight.shape
    persistent = np.kron(np.eye(n_units), autocorrelation(n_periods, correlation))
    noise = np.diag(1 / np.where(seen, weight, 1.0).ravel())
    times = np.repeat(scatter, n_periods)
    covariance = np.outer(times, times) * (noise + share * persistent)
    inverse = np.linalg.inv(covariance[np.ix_(seen.ravel(), seen.ravel())])
    unit = np.repeat(np.eye(n_units), n_periods, axis=0)
    levels = np.hstack([unit, np.tile(np.eye(n_periods), (n_units, 1))])[seen.ravel()]
    levels = np.delete(levels, n_units, axis=1)
    levels = levels[:, levels.any(axis=0)]
    values = columns.reshape(len(columns), -1)[:, seen.ravel()].T
    information = levels.T @ inverse @ levels
    across = levels.T @ inverse @ values
    left = values.T @ inverse @ values - across.T @ np.linalg.solve(information, across)
    size = np.linalg.slogdet(information)[1] - np.linalg.slogdet(inverse)[1]
    return LevelsOff(gram=left[None], log_size=np.array([size]))


@pytest.mark.parametrize("world", ["balanced", "by volume", "with gaps", "a unit and a month gone"])
def test_products_and_determinants_are_those_of_the_written_out_regression(world: str) -> None:
    rng = np.random.default_rng(4)
    columns = rng.normal(size=(2, 7, 6)).cumsum(axis=2)
    weight = np.ones((7, 6)) if world == "balanced" else rng.gamma(1.0, 3.0, (7, 6))
    if world == "with gaps":
        weight[rng.random((7, 6)) < 0.3] = 0.0
    if world == "a unit and a month gone":
        weight[2], weight[:, 3] = 0.0, 0.0
        columns[:, 2] = np.nan

    found = levels_off(columns, weight, SHARE, CORRELATION)

    for row, model in enumerate(zip(SHARE, CORRELATION, strict=True)):
        expected = with_matrices(columns, weight, *model)
        np.testing.assert_allclose(found.gram[row], expected.gram[0], rtol=CLOSE)
        np.testing.assert_allclose(found.log_size[row], expected.log_size[0], rtol=CLOSE)


def test_a_volume_ten_thousand_times_the_others_loses_no_digits_that_matter() -> None:
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(1, 5, 40)).cumsum(axis=2)
    weight = 10.0 ** rng.uniform(-2, 4, (5, 40))

    found = levels_off(columns, weight, SHARE, CORRELATION)

    for row, model in enumerate(zip(SHARE, CORRELATION, strict=True)):
        expected = with_matrices(columns, weight, *model)
        np.testing.assert_allclose(found.gram[row], expected.gram[0], rtol=1e-8)


def test_a_single_period_has_nothing_left() -> None:
    found = levels_off(np.ones((1, 4, 1)), np.ones((4, 1)), SHARE, CORRELATION)

    np.testing.assert_allclose(found.gram, 0.0, atol=1e-12)


@pytest.mark.parametrize("world", ["balanced", "with gaps"])
def test_units_that_vary_more_are_weighed_less(world: str) -> None:
    rng = np.random.default_rng(6)
    columns, scatter = rng.normal(size=(2, 7, 6)).cumsum(axis=2), np.array([0.5, 2.0])
    weight = rng.gamma(1.0, 3.0, (7, 6))
    if world == "with gaps":
        weight[rng.random((7, 6)) < 0.3] = 0.0
    apart = np.arange(7) >= 5

    others, apart_off = (
        units_off(columns[:, side], weight[side], SHARE, CORRELATION) for side in (~apart, apart)
    )
    found = periods_off(others, apart_off, scatter=scatter)

    for row, times in enumerate(scatter):
        for model, (share, correlation) in enumerate(zip(SHARE, CORRELATION, strict=True)):
            expected = written_out(columns, weight, share, correlation, np.where(apart, times, 1.0))
            at = row * len(SHARE) + model
            np.testing.assert_allclose(found.gram[at], expected.gram[0], rtol=1e-8)
            np.testing.assert_allclose(found.log_size[at], expected.log_size[0], rtol=CLOSE)
