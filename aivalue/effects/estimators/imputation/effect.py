"""Averages of imputed effects: overall, per cohort, per event time, per calendar period."""

import numpy as np

from aivalue.effects.effect import Design, Effect
from aivalue.effects.estimators.averages import Average, By, Spread, averaged
from aivalue.effects.estimators.imputation.fit import Imputed, impute
from aivalue.effects.estimators.imputation.spread import Figures, Inference, spread_of
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.panel import Floats, Integers
from aivalue.effects.vector import Vector, effect_of

VERSION = "4"
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
    at, figures = _means(found, found.shown + np.zeros_like(found.wave)[:, None], observed=True)
    spread = spread_of(found, figures, inference)
    n = len(at)
    position = np.searchsorted(found.shown, at)
    n_treated = int(found.treated.any(axis=1).sum())
    design: Design = "few_treated" if n_treated <= FEW_TREATED_MAX else "staggered"
    vector = Vector(
        periods=[panel.periods[index] for index in at],
        point=_summed(figures, found.effect)[:n],
        covariance=spread.covariance[:n, :n],
        volume=found.count.sum(axis=0)[position],
        observed=_summed(figures, found.level)[:n],
        degrees_of_freedom=float(spread.degrees_of_freedom[n]),
        observed_covariance=spread.covariance[n + 1 : -1, n + 1 : -1],
        cross_covariance=spread.covariance[:n, n + 1 : -1],
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=n_treated,
        n_control=int(found.untreated[:, position].any(axis=1).sum()),
        design=design,
        scale="additive",
        estimator=("imputation", VERSION),
    )


def average_imputed(
    found: Imputed, *, by: By, inference: Inference = "calibrated", confidence: float = 0.95
) -> Average:
    """Average imputed effects; the overall figure is the mean over all treated cells."""
    label = {
        "overall": np.zeros_like(found.count, np.int64),
        "cohort": found.wave[:, None] + np.zeros_like(found.shown),
        "event_time": found.shown - found.wave[:, None],
        "period": found.shown + np.zeros_like(found.wave)[:, None],
    }[by]
    at, figures = _means(found, label)
    spread = spread_of(found, figures, inference)
    point = _summed(figures, found.effect)
    if by == "overall":
        # The one mean and the overall figure are the same: keep the latter.
        point = point[1:]
        spread = Spread(
            covariance=spread.covariance[1:, 1:],
            degrees_of_freedom=spread.degrees_of_freedom[1:],
        )
        return averaged(by, (), point, spread, confidence)
    return averaged(by, tuple(int(value) for value in at), point, spread, confidence)


def _means(found: Imputed, label: Integers, *, observed: bool = False) -> tuple[Integers, Figures]:
    """Return the labels of treated cells, and the mean over each followed by the overall one.

    `label` is waves x periods.
    """
    at = np.unique(label[found.count > 0])
    inside = (label == at[:, None, None]) & (found.count > 0)
    size = (inside * found.count).sum(axis=(1, 2))
    each = inside / size[:, None, None]
    overall = (found.count > 0) / size.sum()
    return at, Figures(weights=np.concatenate([each, overall[None]]), observed=observed)


def _summed(figures: Figures, sums: Floats) -> Floats:
    total: Floats = (figures.weights * sums).sum(axis=(1, 2))
    return total
