"""Unit and period levels of a panel without AI, and what each cell contributes to a figure.

Proportional: expected y = x * unit * period (quasi-Poisson, so only the mean must be right).
Additive: expected y = x * (unit + period), weighted by volume. Either way the score of a cell is
y minus its expectation, so one set of formulas serves both.

Source: Wooldridge (2023), "Simple Approaches to Nonlinear Difference-in-Differences with Panel
Data", Econometrics Journal 26(3), for the proportional scale; Deming & Stephan (1940) for the
iterative fit.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.effect import Scale
from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable

ROUNDS_MAX = 20_000
TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoWay:
    """Levels without AI.

    Attributes
    ----------
    rate : shape (n_units, n_periods)
        Expected level per unit of volume without AI, for every unit and period.
    spread : shape (n_units, n_periods)
        The same, kept away from zero: what variances are made of. On the additive scale 1.
    """

    rate: Floats
    spread: Floats


def fit_two_way(y: Floats, x: Floats, *, scale: Scale) -> TwoWay:
    """Fit unit and period levels to the cells with x > 0.

    Raises
    ------
    NotEstimable
        Units and periods fall into groups that no unit connects, or, on the proportional scale,
        nothing was counted, or a unit or period counted nothing wherever it meets others.
    """
    _require_connected(x > 0)
    if scale == "additive":
        unit, period = _additive_levels(y, x)
        rate = unit[:, None] + period
        return TwoWay(rate=rate, spread=np.ones_like(rate))
    if (y < 0).any():
        raise NotEstimable("a proportional effect needs outcomes that are not negative")
    if not y.sum() > 0:
        raise NotEstimable("nothing was counted without AI, so no share of it can be estimated")
    unit, period = _proportional_levels(y, x)
    rate = unit[:, None] * period
    with np.errstate(over="ignore", invalid="ignore"):
        spread = _away_from_zero(y, x, unit, period)
    if not (np.isfinite(spread) & (spread > 0)).all():
        raise NotEstimable(
            f"{int((unit == 0).sum())} of {len(unit)} units and {int((period == 0).sum())} of "
            f"{len(period)} periods counted nothing without AI: no share of their level can be told"
        )
    return TwoWay(rate=rate, spread=spread)


def contributions(weight: Floats, gradient: Floats) -> Floats:
    """Return how much each cell's surprise moves figures that sum expected cells.

    Parameters
    ----------
    weight : shape (n_units, n_periods), >= 0
        Of the cells that were fitted, 0 elsewhere: the derivative of the expectation by its level.
    gradient : shape (n_figures, n_units, n_periods)
        Derivative of each figure by each cell's level.

    Returns
    -------
    shape (n_figures, n_units, n_periods)
    """
    by_unit, by_period = weight.sum(axis=1), weight.sum(axis=0)
    by_unit = np.where(by_unit > 0, by_unit, 1.0)
    schur = np.diag(by_period) - (weight / by_unit[:, None]).T @ weight
    # One level too many (units up, periods down by the same) : pin the mean of the periods.
    schur += by_period.mean() / len(by_period)
    schur[by_period == 0, by_period == 0] = 1.0
    figure_unit, figure_period = gradient.sum(axis=2), gradient.sum(axis=1)
    right = figure_period - (figure_unit / by_unit) @ weight
    period: Floats = np.linalg.solve(schur, right.T).T
    unit = (figure_unit - period @ weight.T) / by_unit
    return np.where(weight > 0, unit[:, :, None] + period[:, None, :], 0.0)


def _additive_levels(y: Floats, x: Floats) -> tuple[Floats, Floats]:
    by_unit = x.sum(axis=1)
    schur = np.diag(x.sum(axis=0)) - (x / by_unit[:, None]).T @ x
    schur += by_unit.sum() / x.shape[1] ** 2
    period: Floats = np.linalg.solve(schur, y.sum(axis=0) - (y.sum(axis=1) / by_unit) @ x)
    return (y.sum(axis=1) - x @ period) / by_unit, period


def _proportional_levels(y: Floats, x: Floats) -> tuple[Floats, Floats]:
    by_unit, by_period = y.sum(axis=1), y.sum(axis=0)
    period = np.ones(x.shape[1])
    unit = by_unit / x.sum(axis=1)
    for _ in range(ROUNDS_MAX):
        period = by_period / np.maximum(unit @ x, np.finfo(float).tiny)
        following = by_unit / np.maximum(x @ period, np.finfo(float).tiny)
        moved = np.abs(following - unit).max()
        unit = following
        if moved <= TOLERANCE * unit.max():
            return unit, period
    raise NotEstimable("unit and period levels do not settle: too few cells connect them")


def _away_from_zero(y: Floats, x: Floats, unit: Floats, period: Floats) -> Floats:
    # A unit or month that happened to count nothing is not known to count nothing: add what one
    # more event would bring (the dispersion is the mean size of an event, weighted by size).
    expected = x * unit[:, None] * period
    seen = expected > 0
    cells_free = max(int(seen.sum()) - sum(x.shape) + 1, 1)
    event = float(((y - expected)[seen] ** 2 / expected[seen]).sum()) / cells_free
    unit_kept = (y.sum(axis=1) + event) / np.maximum(x @ period, np.finfo(float).tiny)
    by_unit = x.T @ unit
    period_kept = (y.sum(axis=0) + event) / np.maximum(by_unit, np.finfo(float).tiny)
    spread: Floats = unit_kept[:, None] * period_kept
    return spread


def _require_connected(seen: Booleans) -> None:
    units = np.zeros(seen.shape[0], dtype=bool)
    units[0] = True
    while True:
        periods = seen[units].any(axis=0)
        reached = np.asarray(seen[:, periods].any(axis=1))
        if (reached == units).all():
            break
        units = reached
    if not (units.all() and periods.all()):
        raise NotEstimable("units and months fall into groups that no untreated unit connects")
