"""The history by unit and week: long enough to be smooth, short enough to show a shift."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from aivalue.baselines.level import level_parts
from aivalue.kpis.definition import Kpi, Window
from aivalue.kpis.series import Series

Floats = NDArray[np.float64]
WEEK_DAYS, YEAR_WEEKS = 7, 52.18
SIMULATIONS, SEED = 1_999, 20_260_101
_ROUNDS, _POLISHES = 50, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Weeks:
    """Weeks counted from `start`; a rest of fewer than seven days is left out.

    Attributes
    ----------
    top, bottom : shape (n_units, n_weeks)
        Parts of the KPI's level; a bottom of 0 says that nothing was measured.
    """

    units: tuple[str, ...]
    start: date
    top: Floats
    bottom: Floats

    @property
    def n_weeks(self) -> int:
        """Whole weeks in the window."""
        return int(self.top.shape[1])

    def level(self) -> Floats:
        """Level by unit and week, NaN where nothing was measured; shape (n_units, n_weeks)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.bottom > 0, self.top / self.bottom, np.nan)

    def overall(self) -> Floats:
        """Level of all units together by week; shape (n_weeks,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            bottom = self.bottom.sum(axis=0)
            return np.where(bottom > 0, self.top.sum(axis=0) / bottom, np.nan)

    def mean_level(self) -> float:
        """Level over everything."""
        return float(self.top.sum() / self.bottom.sum())

    def day_of(self, week: int) -> date:
        """First day of a week."""
        return self.start + timedelta(days=WEEK_DAYS * week)


def weeks_of(series: Series, *, kpi: Kpi, window: Window) -> Weeks:
    """Add up the series by unit and week; units that no whole week measured are left out."""
    units = tuple(sorted(set(series.unit)))
    n_weeks = (window.end - window.start).days // WEEK_DAYS
    row = {unit: position for position, unit in enumerate(units)}
    tops, bottoms = level_parts(series, kpi)
    top, bottom = np.zeros((len(units), n_weeks)), np.zeros((len(units), n_weeks))
    at = np.fromiter((row[unit] for unit in series.unit), np.intp, len(series))
    first = window.start.toordinal()
    day = np.fromiter((each.toordinal() - first for each in series.day), np.intp, len(series))
    week = day // WEEK_DAYS
    inside = (day >= 0) & (week < n_weeks)
    for cells, column in ((top, tops), (bottom, bottoms)):
        np.add.at(cells, (at[inside], week[inside]), _floats(column, len(series))[inside])
    kept = np.flatnonzero((bottom > 0).any(axis=1))
    return Weeks(
        units=tuple(units[row] for row in kept),
        start=window.start,
        top=top[kept],
        bottom=bottom[kept],
    )


def residuals(level: Floats) -> Floats:
    """Take out what is a unit's own and what all units share in a week; NaN stays NaN.

    Returns
    -------
    shape (n_units, n_weeks), scaled so that the mean square is an unbiased variance. With one
    unit there is nothing shared to take out.
    """
    n_units, n_weeks = level.shape
    rest: Floats = level - np.nanmean(level, axis=1, keepdims=True)
    if n_units == 1:
        return np.asarray(rest * np.sqrt(n_weeks / max(n_weeks - 1, 1)))
    # Alternate until both means are zero: with missing cells one pass does not suffice.
    for _ in range(_ROUNDS):
        measured = ~np.isnan(rest).all(axis=0)
        shared = np.zeros(n_weeks)
        shared[measured] = np.nanmean(rest[:, measured], axis=0)
        rest = rest - shared
        own = np.nanmean(rest, axis=1, keepdims=True)
        rest = rest - own
        if max(np.abs(shared).max(), np.abs(own).max()) < 1e-12 * np.nanmax(np.abs(level)):
            break
    freedom = (n_units - 1) * max(n_weeks - 1, 1)
    return np.asarray(rest * np.sqrt(n_units * n_weeks / freedom))


def robust_residuals(level: Floats) -> Floats:
    """Take out the same by medians (Tukey's polish), so that what one unit does marks no other."""
    rest: Floats = level - np.nanmedian(level, axis=1, keepdims=True)
    if level.shape[0] == 1:
        return rest
    for _ in range(_POLISHES):
        measured = ~np.isnan(rest).all(axis=0)
        shared = np.zeros(level.shape[1])
        shared[measured] = np.nanmedian(rest[:, measured], axis=0)
        rest = rest - shared
        rest = rest - np.nanmedian(rest, axis=1, keepdims=True)
    return rest


def long_run_deviation(rest: Floats) -> float:
    """Return the deviation of a mean over many weeks, times the root of their number.

    Autocovariances up to the lag of Newey & West, Bartlett weights, pooled over units; missing
    weeks count as the mean. Source: Newey & West (1994), Review of Economic Studies 61(4).
    """
    filled = np.nan_to_num(rest)
    n_weeks = filled.shape[1]
    lags = lags_of(n_weeks)
    n = max(int((~np.isnan(rest)).sum()), 1)
    covariances = [
        float((filled[:, lag:] * filled[:, : n_weeks - lag]).sum()) / n for lag in range(lags + 1)
    ]
    weighted = covariances[0] + 2 * sum(
        (1 - lag / (lags + 1)) * covariances[lag] for lag in range(1, lags + 1)
    )
    # Weeks that balance each other out may be chance: never trust them beyond half.
    return float(np.sqrt(max(weighted, covariances[0] / 2)))


def lags_of(n_weeks: int) -> int:
    """Return how many weeks back autocorrelation is looked at (Newey & West, 1994)."""
    return min(int(4 * (n_weeks / 100) ** (2 / 9)), n_weeks - 1)


def complete(values: Floats) -> Floats:
    """Fill missing weeks by the mean: they then speak neither for nor against a change."""
    return np.where(np.isnan(values), np.nanmean(values), values)


def holds_two_years(n_weeks: int) -> bool:
    """Say whether a season was seen twice, so that it can be told from a change."""
    return n_weeks >= 2 * YEAR_WEEKS - 1


def yearly_wave(values: Floats) -> Floats:
    """Return the yearly wave that fits best, around zero."""
    angle = 2 * np.pi * np.arange(len(values)) / YEAR_WEEKS
    waves = np.column_stack([np.sin(angle), np.cos(angle)])
    waves = waves - waves.mean(axis=0)
    coefficients, *_ = np.linalg.lstsq(waves, values - values.mean(), rcond=None)
    return np.asarray(waves @ coefficients)


def noise_of(n_weeks: int, correlation: float) -> Floats:
    """Draw series without trend or shift; shape (SIMULATIONS, n_weeks)."""
    noise = np.random.default_rng(SEED).standard_normal((SIMULATIONS, n_weeks))
    noise[:, 0] /= np.sqrt(1 - correlation**2)
    for week in range(1, n_weeks):
        noise[:, week] += correlation * noise[:, week - 1]
    return noise


def _floats(column: tuple[Decimal, ...], n: int) -> Floats:
    return np.fromiter((float(cell) for cell in column), np.float64, n)
