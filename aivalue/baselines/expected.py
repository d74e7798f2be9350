"""What the process would show on later days had it gone on as in the baseline.

A weighted regression of the daily level of all units together on a constant, the weekday, and,
from one year of history on, a trend and yearly waves. Days weigh by their volume, so the level is
that of a typical volume. Residuals that stay for days (first-order autocorrelation) widen the
interval of the curve; the interval of a single day adds the day's own noise.

Assumption: trend, season and week go on as before. The further away the day, the less that says,
which the interval of the trend shows but cannot know.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from aivalue.baselines.level import level_parts
from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import Series

Floats = NDArray[np.float64]
DAYS_MIN, YEAR_DAYS = 28, 365.25
# Two waves need two years: in one, the second wave would take what is trend or chance.
WAVES_BY_YEARS = 2
HELD_OUT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDay:
    """Expected level of a day, in the KPI's unit, with the interval of that single day."""

    day: date
    level: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Expected levels of days, and of their mean.

    Attributes
    ----------
    backtest_error, backtest_inside :
        On the last quarter of the history, predicted from the rest: mean absolute error as a
        share of the level, and share of days inside their interval. None in short histories.
    """

    days: tuple[ExpectedDay, ...]
    mean: float
    mean_low: float
    mean_high: float
    confidence: float
    backtest_error: float | None
    backtest_inside: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    origin: int
    weekdays: tuple[int, ...]
    years: float
    coefficients: Floats
    covariance: Floats
    deviation: float
    correlation: float


def expected_levels(
    series: Series, *, kpi: Kpi, days: Sequence[date], confidence: float = 0.95
) -> Expectation:
    """Predict the level of days from a frozen history.

    Raises
    ------
    NotFreezable
        Fewer than four weeks of measured days, or no day to predict.
    """
    when, level, volume = _daily(series, kpi)
    if len(when) < DAYS_MIN or not days:
        raise NotFreezable(
            f"an expectation needs {DAYS_MIN} measured days and a day to predict, "
            f"got {len(when)} and {len(days)}"
        )
    fit = _fitted(when, level, volume)
    ordinals = np.array([each.toordinal() for each in days])
    levels, curve = _predicted(fit, ordinals)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    margins = z * np.sqrt(np.diagonal(curve) + fit.deviation**2)
    mean_margin = z * math.sqrt(float(curve.mean()) + _noise_of_mean(fit, len(days)))
    error, inside = _backtest(when, level, volume, z)
    return Expectation(
        days=tuple(
            ExpectedDay(day=day, level=float(at), low=float(at - width), high=float(at + width))
            for day, at, width in zip(days, levels, margins, strict=True)
        ),
        mean=float(levels.mean()),
        mean_low=float(levels.mean()) - mean_margin,
        mean_high=float(levels.mean()) + mean_margin,
        confidence=confidence,
        backtest_error=error,
        backtest_inside=inside,
    )


def _daily(series: Series, kpi: Kpi) -> tuple[NDArray[np.int64], Floats, Floats]:
    tops, bottoms = level_parts(series, kpi)
    days = np.fromiter((day.toordinal() for day in series.day), np.int64, len(series))
    measured, at = np.unique(days, return_inverse=True)
    top, bottom = (
        np.bincount(at, np.array([float(each) for each in parts]), len(measured)).astype(np.float64)
        for parts in (tops, bottoms)
    )
    kept = bottom > 0
    return measured[kept], top[kept] / bottom[kept], bottom[kept]


def _fitted(when: NDArray[np.int64], level: Floats, volume: Floats) -> _Fit:
    years = float(when[-1] - when[0] + 1) / YEAR_DAYS
    weekdays = tuple(int(each) for each in np.unique(when % 7))
    columns = _columns(when, int(when[0]), weekdays, years)
    weight = np.sqrt(volume / volume.mean())
    design, outcome = columns * weight[:, np.newaxis], level * weight
    coefficients, *_ = np.linalg.lstsq(design, outcome, rcond=None)
    rest = outcome - design @ coefficients
    freedom = max(len(when) - columns.shape[1], 1)
    deviation = math.sqrt(float(rest @ rest) / freedom)
    next_day = np.diff(when) == 1
    paired = float((rest[1:] * rest[:-1])[next_day].sum())
    raw = paired / float(rest @ rest) if deviation else 0.0
    # A fitted curve pulls the correlation of what is left towards minus one over the days.
    correlation = min(max(raw + (1 + 3 * raw) / len(when), 0.0), 0.98)
    longer = (1 + correlation) / (1 - correlation)
    covariance = np.linalg.pinv(design.T @ design) * deviation**2 * longer
    return _Fit(
        origin=int(when[0]),
        weekdays=weekdays,
        years=years,
        coefficients=coefficients,
        covariance=covariance,
        deviation=deviation,
        correlation=correlation,
    )


def _columns(
    when: NDArray[np.int64], origin: int, weekdays: tuple[int, ...], years: float
) -> Floats:
    year = (when - origin) / YEAR_DAYS
    columns = [np.ones(len(when))]
    # An expectation for a weekday that never is measured takes the mean of the others.
    columns += [(when % 7 == each) - 1.0 * (when % 7 == weekdays[0]) for each in weekdays[1:]]
    if years >= 1 - 2 / YEAR_DAYS:
        columns.append(year)
        for wave in range(1, 1 + min(int(years + 2 / YEAR_DAYS), WAVES_BY_YEARS)):
            columns += [np.sin(2 * np.pi * wave * year), np.cos(2 * np.pi * wave * year)]
    return np.column_stack(columns)


def _predicted(fit: _Fit, ordinals: NDArray[np.int64]) -> tuple[Floats, Floats]:
    columns = _columns(ordinals, fit.origin, fit.weekdays, fit.years)
    levels: Floats = columns @ fit.coefficients
    curve: Floats = columns @ fit.covariance @ columns.T
    return levels, curve


def _noise_of_mean(fit: _Fit, n: int) -> float:
    """Variance of the mean of n days' noise under first-order autocorrelation."""
    lags = np.arange(1, n)
    shared = 1 + 2 * float(((1 - lags / n) * fit.correlation**lags).sum())
    return fit.deviation**2 * shared / n


def _backtest(
    when: NDArray[np.int64], level: Floats, volume: Floats, z: float
) -> tuple[float | None, float | None]:
    first = int(len(when) * (1 - HELD_OUT))
    if first < 2 * DAYS_MIN:
        return None, None
    fit = _fitted(when[:first], level[:first], volume[:first])
    levels, curve = _predicted(fit, when[first:])
    margins = z * np.sqrt(np.diagonal(curve) + fit.deviation**2)
    errors = np.abs(level[first:] - levels)
    typical = abs(float(level[first:].mean()))
    error = float(errors.mean()) / typical if typical else None
    return error, float((errors <= margins).mean())
