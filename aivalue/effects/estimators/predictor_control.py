"""Synthetic control by predictors: how much each predictor counts is learnt on earlier data.

Weights of donors match the treated unit's predictors; the predictors' importance is what makes the
outcome of a training period fit best in the period after it. Inner weights are exact (see
`donor_weights.simplex`); the importance is found by a simplex search from two starts, which ends at
the same place whatever the order of donors.

Source: Abadie, Diamond & Hainmueller (2015), "Comparative Politics and the Synthetic Control
Method", AJPS 59(2) 495-510, cross-validation; Nelder & Mead (1965), Computer Journal 7(4).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aivalue.effects.donor_weights.simplex import simplex_weights
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

VERSION = "1"
ROUNDS_MAX = 2_000
TOLERANCE = 1e-7
SMALLEST = 1e-8  # Of the importance: below it a predictor does not count.


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Predictors, and the outcomes that their mix should follow; units in the same order.

    Attributes
    ----------
    treated : shape (n_predictors,), donors : shape (n_donors, n_predictors)
    treated_outcome : shape (n_periods,), donor_outcomes : shape (n_donors, n_periods)
    """

    treated: Floats
    donors: Floats
    treated_outcome: Floats
    donor_outcomes: Floats


def predictor_importance(training: Training) -> Floats:
    """Return how much each predictor counts; sums to one.

    Raises
    ------
    NotEstimable
        A value is missing, or a predictor does not vary.
    """
    treated, donors = standardized(training.treated, training.donors)
    gap_products = training.donor_outcomes - training.treated_outcome

    def loss(logits: Floats) -> float:
        weights = donor_weights(treated, donors, _shares(logits))
        gap = weights @ gap_products
        return float(gap @ gap) / len(gap)

    n = len(treated)
    # How far each predictor goes with the outcome over all units is the other place to begin at.
    matrix = np.vstack([treated, donors])
    outcome = np.vstack([training.treated_outcome, training.donor_outcomes])
    slopes = np.linalg.lstsq(np.column_stack([np.ones(len(matrix)), matrix]), outcome, rcond=None)[
        0
    ][1:]
    by_slope = np.maximum((slopes**2).sum(axis=1), 1e-12)
    starts = [np.zeros(n), np.log(by_slope / by_slope.max())]
    found = [_lowest(loss, start) for start in starts]
    best = min(range(len(found)), key=lambda at: (found[at][1], at))
    return _shares(found[best][0])


def donor_weights(treated: Floats, donors: Floats, importance: Floats) -> Floats:
    """Return the donors' weights that match the predictors best, by their importance."""
    scaled = donors * np.sqrt(importance)
    return simplex_weights(scaled @ scaled.T, scaled @ (treated * np.sqrt(importance)))


def standardized(treated: Floats, donors: Floats) -> tuple[Floats, Floats]:
    """Divide predictors by their deviation over all units."""
    both = np.vstack([treated, donors])
    if not np.isfinite(both).all():
        raise NotEstimable("a predictor is missing")
    spread = both.std(axis=0, ddof=1)
    if not spread.min() > 0:
        raise NotEstimable("a predictor does not vary")
    return treated / spread, donors / spread


def _shares(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max())
    shares = grown / grown.sum()
    return np.where(shares < SMALLEST, 0.0, shares)


def _lowest(loss: Callable[[Floats], float], start: Floats) -> tuple[Floats, float]:
    """Walk a simplex downhill; restart once from where it ends, which frees a stuck one."""
    best = start
    for size in (2.0, 0.5):
        best = _walk(loss, best, size)
    return best, loss(best)


def _walk(loss: Callable[[Floats], float], start: Floats, size: float) -> Floats:
    n = len(start)
    points = np.vstack([start, start + size * np.eye(n)])
    losses = np.array([loss(point) for point in points])
    for _ in range(ROUNDS_MAX):
        order = np.argsort(losses, kind="stable")
        points, losses = points[order], losses[order]
        if losses[-1] - losses[0] <= TOLERANCE * abs(losses[0]):
            break
        centre = points[:-1].mean(axis=0)
        moved = _step(loss, points, losses, centre)
        if moved is not None:
            points[-1], losses[-1] = moved
            continue
        points[1:] = points[0] + (points[1:] - points[0]) / 2
        losses[1:] = [loss(point) for point in points[1:]]
    return np.asarray(points[int(np.argmin(losses))])


def _step(
    loss: Callable[[Floats], float], points: Floats, losses: Floats, centre: Floats
) -> tuple[Floats, float] | None:
    """Reflect, expand or contract the worst point; None is to shrink."""
    away = centre - points[-1]
    reflected = centre + away
    at_reflected = loss(reflected)
    if at_reflected < losses[0]:
        expanded = centre + 2 * away
        at_expanded = loss(expanded)
        return (expanded, at_expanded) if at_expanded < at_reflected else (reflected, at_reflected)
    if at_reflected < losses[-2]:
        return reflected, at_reflected
    nearer = centre + away / 2 if at_reflected < losses[-1] else centre - away / 2
    at_nearer = loss(nearer)
    return (nearer, at_nearer) if at_nearer < min(at_reflected, losses[-1]) else None
