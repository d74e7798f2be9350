"""Effects by cohort and period, averaged: overall, per cohort, per event time, per calendar period.

Source: Callaway & Sant'Anna (2021), Journal of Econometrics 225(2), section 3 and table 1.
"""

import numpy as np

from aivalue.effects.estimators.averages import Average, By, averaged, intervals_of
from aivalue.effects.estimators.callaway_santanna.group_time import GroupTime
from aivalue.effects.estimators.callaway_santanna.influence import Figures, spread_of
from aivalue.effects.panel import Booleans, Floats
from aivalue.effects.student_t import chi_square_upper, f_upper
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

PRE_TREND_CELLS_MAX = 400


def average_effects(found: GroupTime, *, by: By, confidence: float = 0.95) -> Average:
    """Average the cells with AI; by event time, also the cells before it.

    The overall figure is over all treated cells, or over cohorts by their size; by event time (from
    go-live on) and by period every entry counts the same.
    """
    start = found.cohort[found.group]
    if by == "overall":
        return _summed_up(found, by, (), [], _pooled(found, found.after), confidence)
    label = {"cohort": start, "event_time": found.time - start, "period": found.time}[by]
    shown = np.ones_like(found.after) if by == "event_time" else found.after
    at = np.unique(label[shown])
    pooled = _evenly if by == "cohort" else _pooled
    rows = [pooled(found, shown & (label == value)) for value in at]
    if by == "cohort":
        overall = _over_cohorts(found, rows)
    else:
        kept = [row for row, value in zip(rows, at, strict=True) if by == "period" or value >= 0]
        overall = (
            np.mean([row[0] for row in kept], axis=0),
            np.mean([row[1] for row in kept], axis=0),
        )
    return _summed_up(found, by, tuple(int(value) for value in at), rows, overall, confidence)


def cell_effects(found: GroupTime, confidence: float = 0.95) -> tuple[Interval, ...]:
    """Return every cell's effect with its interval, in the order of the cells."""
    n_cells = len(found.effect)
    nothing = np.zeros((n_cells, len(found.cohort)))
    figures = Figures(weights=np.eye(n_cells), shares=nothing)
    return intervals_of(found.effect, spread_of(found, figures), confidence)


def pre_trend(found: GroupTime) -> tuple[float, float]:
    """Return the joint statistic of all cells before go-live, and its p-value.

    Raises
    ------
    NotEstimable
        No cohort has two periods before go-live, or there are more cells than units say about.
    """
    before = np.flatnonzero(~found.after)
    if not 0 < len(before) <= min(PRE_TREND_CELLS_MAX, len(found.outcome) - 1):
        raise NotEstimable(f"{len(before)} cells before go-live: no joint test of them")
    nothing = np.zeros((len(before), len(found.cohort)))
    weights = np.eye(len(found.effect))[before]
    spread = spread_of(found, Figures(weights=weights, shares=nothing))
    try:
        # Fails where a matrix that merely has an inverse would not: it must be positive.
        root = np.linalg.cholesky(spread.covariance)
    except np.linalg.LinAlgError as error:
        raise NotEstimable("cells before go-live repeat each other: no joint test") from error
    left = np.linalg.solve(root, found.effect[before])
    statistic = float(left @ left)
    free = float(spread.degrees_of_freedom.min())
    if np.isinf(free):
        return statistic, chi_square_upper(statistic, len(before))
    # Hotelling's T squared, so that few units cannot make a pre-trend out of noise.
    second = free - len(before) + 1
    if second <= 0:
        raise NotEstimable(f"{len(before)} cells before go-live, and {free:.0f} units to test them")
    ratio = statistic * second / (free * len(before))
    return statistic, f_upper(ratio, len(before), second)


Row = tuple[Floats, Floats]


def _pooled(found: GroupTime, chosen: Booleans) -> Row:
    """Average cells by the size of their cohort; the sizes are estimates of shares."""
    size = np.where(chosen, found.size[found.group], 0.0)
    weights = size / size.sum()
    return weights, _of_shares(found, chosen, found.effect, float(size.sum()))


def _evenly(found: GroupTime, chosen: Booleans) -> Row:
    return chosen / chosen.sum(), np.zeros(len(found.cohort))


def _over_cohorts(found: GroupTime, rows: list[Row]) -> Row:
    cohorts = np.unique(found.group[found.after])
    size = found.size[cohorts].astype(np.float64)
    weights = np.average([row[0] for row in rows], axis=0, weights=size)
    effects = np.array([row[0] @ found.effect for row in rows])
    shares = np.zeros(len(found.cohort))
    shares[cohorts] = (effects - np.average(effects, weights=size)) / size.sum()
    return weights, shares


def _of_shares(found: GroupTime, chosen: Booleans, effect: Floats, total: float) -> Floats:
    mean = float((np.where(chosen, found.size[found.group], 0.0) @ effect) / total)
    gap = np.where(chosen, effect - mean, 0.0)
    return np.bincount(found.group, gap, len(found.cohort)) / total


def _summed_up(
    found: GroupTime,
    by: By,
    at: tuple[int, ...],
    rows: list[Row],
    overall: Row,
    confidence: float,
) -> Average:
    together = [*rows, overall]
    figures = Figures(
        weights=np.array([row[0] for row in together]),
        shares=np.array([row[1] for row in together]),
    )
    point = figures.weights @ found.effect
    return averaged(by, at, point, spread_of(found, figures), confidence)
