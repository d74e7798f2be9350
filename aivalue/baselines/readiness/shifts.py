"""Whether the level held still: one change point for all units together, and one for each.

The statistic is the largest distance of the cumulated deviations from zero, over what the noise
around the two levels would reach (Ploberger & Kraemer, 1992, Econometrica 60(2)). Its limiting
distribution is off in a year of weeks, so the chance of seeing it is counted in simulated series
of the same length and autocorrelation without any shift.

A season looks like a shift until it has been seen twice: with two years a yearly wave is taken
out first, with less a shift of the whole process is a warning and never more.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from aivalue.baselines.readiness.item import Item, Status
from aivalue.baselines.readiness.weekly import (
    Floats,
    Weeks,
    complete,
    holds_two_years,
    noise_of,
    robust_residuals,
    yearly_wave,
)

WEEKS_MIN = 16
P_WARNS, P_FAILS = 0.05, 0.01
# A shift that is certain but small does not make a history useless.
SIZE_FAILS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Most likely change point: first week of the new level, its size, chance of seeing it."""

    week: int
    size: float
    p_value: float


def shift_items(weeks: Weeks) -> list[Item]:
    """Look for a level shift of the whole process, and of single units against the others."""
    if weeks.n_weeks < WEEKS_MIN:
        detail = f"{weeks.n_weeks} weeks are too few to tell a shift from noise"
        needed = f"at least {WEEKS_MIN} weeks"
        return [Item(name="level shift", status="warn", number=None, needed=needed, detail=detail)]
    items = [_overall(weeks)]
    if len(weeks.units) > 1:
        items.append(_by_unit(weeks))
    return items


def change_point(values: Floats) -> Shift:
    """Find the most likely change point of a series; shape (n_weeks,), no NaN."""
    at, statistic, correlation = (each[0] for each in _statistics(values[np.newaxis, :]))
    week = int(at) + 1
    # Rounded up: an underestimated correlation would call noise a shift.
    null = _without_shift(len(values), math.ceil(10 * float(correlation)) / 10)
    # The observed series counts as one of the simulated: a chance is never reported as zero.
    p_value = (1 + int((null >= statistic).sum())) / (1 + len(null))
    size = float(values[week:].mean() - values[:week].mean())
    return Shift(week=week, size=size, p_value=p_value if size else 1.0)


def _statistics(values: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return change point, statistic and autocorrelation of each series; shape (n_series,)."""
    n_series, n = values.shape
    cumulated = np.cumsum(values - values.mean(axis=1, keepdims=True), axis=1)[:, :-1]
    at = np.abs(cumulated).argmax(axis=1)
    later = np.arange(n) > at[:, np.newaxis]
    # The noise is measured around the two levels, else a real shift would hide behind itself.
    n_later = later.sum(axis=1, keepdims=True)
    after = (values * later).sum(axis=1, keepdims=True) / n_later
    before = (values * ~later).sum(axis=1, keepdims=True) / (n - n_later)
    rest = values - np.where(later, after, before)
    squares = (rest**2).sum(axis=1)
    lags = int(4 * (n / 100) ** (2 / 9))
    products = [
        (rest[:, lag:] * rest[:, : n - lag]).sum(axis=1) * (1 - lag / (lags + 1))
        for lag in range(1, lags + 1)
    ]
    variance = np.maximum(squares + 2 * np.sum(products, axis=0), squares / 2) / n
    reached = np.abs(cumulated[np.arange(n_series), at])
    first = products[0] / (1 - 1 / (lags + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.nan_to_num(reached / np.sqrt(variance * n), posinf=np.inf)
        raw = np.nan_to_num(first / squares)
    # Two fitted levels pull the estimate down by about (1 + 4 rho) / n.
    correlation = np.clip(raw + (1 + 4 * raw) / n, 0.0, 0.9)
    return at, statistic, correlation


@cache
def _without_shift(n: int, correlation: float) -> Floats:
    return _statistics(noise_of(n, correlation))[1]


def _overall(weeks: Weeks) -> Item:
    values = complete(weeks.overall())
    two_years = holds_two_years(weeks.n_weeks)
    if two_years:
        values = values - yearly_wave(values)
    shift = change_point(values)
    size = shift.size / abs(weeks.mean_level() or 1.0)
    status: Status = "pass"
    if shift.p_value < P_WARNS:
        certain = two_years and shift.p_value < P_FAILS and abs(size) > SIZE_FAILS
        status = "fail" if certain else "warn"
    return Item(
        name="level shift",
        status=status,
        number=shift.p_value,
        needed=f"no shift at p < {P_WARNS}",
        detail=(
            f"most likely {size:+.1%} from {weeks.day_of(shift.week)}, p = {shift.p_value:.3f}"
            + ("" if two_years or status == "pass" else "; under two years it may be the season")
        ),
    )


def _by_unit(weeks: Weeks) -> Item:
    rest = robust_residuals(weeks.level())
    level = abs(weeks.mean_level() or 1.0)
    # Many units are looked at: Bonferroni keeps the chance of any false alarm.
    limit = P_WARNS / len(weeks.units)
    found = []
    for unit, values in zip(weeks.units, rest, strict=True):
        shift = change_point(complete(values))
        if shift.p_value < limit:
            found.append(f"{unit} {shift.size / level:+.0%} from {weeks.day_of(shift.week)}")
    share = len(found) / len(weeks.units)
    return Item(
        name="unit shifts",
        status="warn" if found else "pass",
        number=share,
        needed="no unit that moves away from the others",
        detail="; ".join(found[:5]) or f"none of {len(weeks.units)} units",
    )
