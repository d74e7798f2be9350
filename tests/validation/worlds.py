"""Worlds with a known truth, in which intervals must hold what they promise."""

from datetime import date
from functools import cache

import numpy as np

from aivalue.effects.estimators.before_after import Weekly
from aivalue.effects.estimators.difference_in_differences import Rollout
from aivalue.effects.panel import Floats, Integers, months_between

NEVER = 10_000
N_WEEKS, N_WEEKS_BEFORE = 130, 104
PERIODS = months_between(date(2020, 1, 1), date(2025, 1, 1))


def autoregressive(rng: np.random.Generator, correlation: float, shape: tuple[int, int]) -> Floats:
    """Rows of variance one."""
    return rng.normal(size=shape) @ _memory(correlation, shape[1]).T


@cache
def correlation_matrix(correlation: float, n: int) -> Floats:
    """Of a first-order autoregression."""
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return np.asarray(np.where(lag == 0, 1.0, correlation ** np.maximum(lag, 1)), np.float64)


@cache
def _memory(correlation: float, n: int) -> Floats:
    return np.asarray(np.linalg.cholesky(correlation_matrix(correlation, n)), np.float64)


def oracle_width(regressors: Floats, covariance: Floats, weights: Floats) -> float:
    """Width of the 95 % interval of one who knows the errors' covariance."""
    information = regressors.T @ np.linalg.solve(covariance, regressors)
    return float(2 * 1.959964 * (weights @ np.linalg.solve(information, weights)) ** 0.5)


def walk_matrix(step: float, n: int) -> Floats:
    """Of white noise on a level that takes steps of this many of its deviations."""
    at = np.arange(n)
    return np.asarray(np.eye(n) + step**2 * (1 + np.minimum.outer(at, at)), np.float64)


def weekly(rng: np.random.Generator, correlation: float, *, shape: str) -> Weekly:
    """104 weeks before and 26 after, no effect.

    `shape` names what moves besides: "plain", "trend", "season", "trend and season".
    """
    week = np.arange(N_WEEKS, dtype=float)
    level = 10 + autoregressive(rng, correlation, (1, N_WEEKS))[0]
    if "trend" in shape:
        level += 0.02 * week
    if "season" in shape:
        level += np.sin(2 * np.pi * week / 52.179)
    return weekly_of(level)


def weekly_of(level: Floats) -> Weekly:
    """Return the weekly series with these levels, the AI on in the last 26."""
    n, n_before = N_WEEKS, N_WEEKS_BEFORE
    week = np.arange(n, dtype=float)
    months = PERIODS[:6]
    share = np.zeros((n, 6))
    share[np.arange(n_before, n), np.arange(n - n_before) * 6 // (n - n_before)] = 1.0
    volume = share.sum(axis=0)
    return Weekly(
        periods=months,
        week=week,
        y=level,
        x=np.ones(n),
        share_treated=share,
        volume=volume,
        observed=level @ share / volume,
        n_units=1,
    )


@cache
def weekly_oracle_width(correlation: float) -> float:
    """Return the width for one who knows trend, season and correlation of the weekly series."""
    return weekly_width_under(correlation_matrix(correlation, N_WEEKS))


def weekly_width_under(covariance: Floats) -> float:
    """Return the width for one who knows trend, season and the errors' covariance."""
    regressors, weights = weekly_regression()
    return oracle_width(regressors, covariance, weights)


@cache
def weekly_regression() -> tuple[Floats, Floats]:
    """Return the weekly regressors, and the weights of their coefficients in the effect."""
    series = weekly(np.random.default_rng(0), 0.0, shape="plain")
    angle = 2 * np.pi * series.week / 52.179
    waves = [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)]
    known = np.column_stack([series.share_treated, series.x, series.week, *waves])
    weights = np.zeros(known.shape[1])
    weights[:6] = series.volume / series.volume.sum()
    return known, weights


def rollout_of(y: Floats, start: Integers) -> Rollout:
    """Equal volumes; `start` is each unit's first period with AI."""
    treated = np.arange(y.shape[1]) >= start[:, None]
    one = np.ones_like(y)
    return Rollout(
        periods=PERIODS[: y.shape[1]],
        units=tuple(f"u{row:03d}" for row in range(len(y))),
        y_untreated=np.where(treated, 0.0, y),
        x_untreated=np.where(treated, 0.0, one),
        y_treated=np.where(treated, y, 0.0),
        x_treated=np.where(treated, one, 0.0),
    )


def panel_noise(rng: np.random.Generator, correlation: float, shape: tuple[int, int]) -> Floats:
    levels = rng.normal(size=(shape[0], 1)) + rng.normal(size=shape[1])
    return levels + autoregressive(rng, correlation, shape)
