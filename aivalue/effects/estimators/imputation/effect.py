"""Averages of imputed effects: overall, per cohort, per event time, per calendar period."""

import numpy as np

from aivalue.effects.effect import Design, Effect
from aivalue.effects.estimators.averages import Average, By, Spread, averaged
from aivalue.effects.estimators.imputation.fit import Imputed, impute
from aivalue.effects.estimators.imputation.spread import Figures, Inference, means, spread_of
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.panel import Integers
from aivalue.effects.vector import Vector, effect_of

VERSION = "1"
FEW_TREATED_MAX = 9


def imputation(
    panel: StaggeredPanel, *, inference: Inference = "calibrated", confidence: float = 0.95
) -> Effect:
    """Estimate the effect on the treated per period.

    Assumes parallel trends: without AI, treated units would have moved as the untreated did; and
    that no unit reacts before it has the AI. Missing cells are left out, and no unit needs every
    period. The volume of a period is the number of treated units measured in it.

    Raises
    ------
    NotEstimable
        As `impute`; fewer than five clusters; or nothing varies.
    """
    found = impute(panel)
    label = np.where(found.treated, np.arange(found.treated.shape[1]), -1)
    at, figures = _means(label, observed=True)
    spread = spread_of(found, figures, inference)
    n = len(at)
    volume = figures.count
    n_treated = int(found.treated.any(axis=1).sum())
    design: Design = "few_treated" if n_treated <= FEW_TREATED_MAX else "staggered"
    vector = Vector(
        periods=[panel.periods[found.shown[index]] for index in at],
        point=means(figures, found.effect)[:n],
        covariance=spread.covariance[:n, :n],
        volume=volume,
        observed=means(figures, found.outcome)[:n],
        degrees_of_freedom=float(spread.degrees_of_freedom[n]),
        observed_covariance=spread.covariance[n + 1 : -1, n + 1 : -1],
        cross_covariance=spread.covariance[:n, n + 1 : -1],
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=n_treated,
        n_control=int(found.untreated[:, at].any(axis=1).sum()),
        design=design,
        scale="additive",
        estimator=("imputation", VERSION),
    )


def average_imputed(
    found: Imputed, *, by: By, inference: Inference = "calibrated", confidence: float = 0.95
) -> Average:
    """Average imputed effects; the overall figure is the mean over all treated cells."""
    label = {
        "overall": np.zeros_like(found.start)[:, None],
        "cohort": found.start[:, None],
        "event_time": found.shown - found.start[:, None],
        "period": found.shown[None, :],
    }[by]
    at, figures = _means(np.where(found.treated, label, -1))
    spread = spread_of(found, figures, inference)
    point = means(figures, found.effect)
    if by == "overall":
        # The one mean and the overall figure are the same: keep the latter.
        point = point[1:]
        spread = Spread(
            covariance=spread.covariance[1:, 1:],
            degrees_of_freedom=spread.degrees_of_freedom[1:],
        )
        return averaged(by, (), point, spread, confidence)
    return averaged(by, tuple(int(value) for value in at), point, spread, confidence)


def _means(label: Integers, *, observed: bool = False) -> tuple[Integers, Figures]:
    """Return the labels that occur, and a figure for each followed by the overall one."""
    inside = label >= 0
    at, position, count = np.unique(label[inside], return_inverse=True, return_counts=True)
    placed = np.full(label.shape, -1)
    placed[inside] = position
    size = count.astype(np.float64)
    mixture = np.concatenate([np.eye(len(at)), size[None] / size.sum()])
    return at, Figures(label=placed, count=size, mixture=mixture, observed=observed)
