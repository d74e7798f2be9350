"""Whether the process was the same at the end of the history as at its beginning.

The KPSS statistic adds up the squares of the cumulated deviations from the mean: it grows where
the level wanders or has a trend, also where no single week can be named. As with level shifts, the
chance of seeing it is counted in simulated series of the same length and autocorrelation.

Source: Kwiatkowski, Phillips, Schmidt & Shin (1992), Journal of Econometrics 54.
"""

import math
from functools import cache

import numpy as np

from aivalue.baselines.readiness.item import Item, Status
from aivalue.baselines.readiness.weekly import (
    YEAR_WEEKS,
    Floats,
    Weeks,
    complete,
    holds_two_years,
    noise_of,
    yearly_wave,
)

P_WARNS = 0.05


def stationarity_item(weeks: Weeks) -> Item:
    """Check that the level of all units together neither wanders nor has a trend."""
    values = complete(weeks.overall())
    seasonal = not holds_two_years(weeks.n_weeks)
    if not seasonal:
        values = values - yearly_wave(values)
    p_value = chance_of_wandering(values)
    at = np.arange(len(values)) - (len(values) - 1) / 2
    slope = float(at @ values / (at @ at)) * YEAR_WEEKS / abs(weeks.mean_level() or 1.0)
    status: Status = "warn" if p_value < P_WARNS else "pass"
    hint = "; under two years it may be the season" if seasonal and status == "warn" else ""
    return Item(
        name="stationarity",
        status=status,
        number=p_value,
        needed=f"no wandering at p < {P_WARNS}",
        detail=f"trend {slope:+.1%} a year, p = {p_value:.3f} that a steady level shows this{hint}",
    )


def chance_of_wandering(values: Floats) -> float:
    """Return the chance that a series without trend wanders as far; shape (n_weeks,), no NaN."""
    if not values.std():
        return 1.0
    statistic, correlation = (float(each[0]) for each in _statistics(values[np.newaxis, :]))
    # Rounded up: an underestimated correlation would call noise a trend.
    null = _steady(len(values), math.ceil(10 * correlation) / 10)
    return (1 + int((null >= statistic).sum())) / (1 + len(null))


def _statistics(values: Floats) -> tuple[Floats, Floats]:
    """Return statistic and autocorrelation of each series; shape (n_series,)."""
    n = values.shape[1]
    rest = values - values.mean(axis=1, keepdims=True)
    squares = (rest**2).sum(axis=1)
    lags = int(4 * (n / 100) ** (2 / 9))
    products = [(rest[:, lag:] * rest[:, : n - lag]).sum(axis=1) for lag in range(1, lags + 1)]
    weighted = sum((1 - lag / (lags + 1)) * each for lag, each in enumerate(products, start=1))
    variance = np.maximum(squares + 2 * weighted, squares / 2) / n
    statistic = (rest.cumsum(axis=1) ** 2).sum(axis=1) / (n**2 * variance)
    # A trend looks like autocorrelation, so that is measured around a line.
    at = np.arange(n) - (n - 1) / 2
    around = rest - np.outer(rest @ at / (at @ at), at)
    around_squares = (around**2).sum(axis=1)
    # A straight line leaves nothing around it that could remember.
    raw = (around[:, 1:] * around[:, :-1]).sum(axis=1) / np.where(
        around_squares > 0, around_squares, 1.0
    )
    # A fitted line pulls the estimate down by about (2 + 4 rho) / n.
    return statistic, np.clip(raw + (2 + 4 * raw) / n, 0.0, 0.9)


@cache
def _steady(n: int, correlation: float) -> Floats:
    return _statistics(noise_of(n, correlation))[0]
