"""The effect on the treated per calendar period, from the effects by cohort and period."""

import numpy as np

from aivalue.effects.effect import Design, Effect
from aivalue.effects.estimators.callaway_santanna.group_time import (
    Comparison,
    GroupTime,
    Inference,
    group_time_effects,
)
from aivalue.effects.estimators.callaway_santanna.influence import Figures, spread_of
from aivalue.effects.estimators.staggered import Adjustment, StaggeredPanel
from aivalue.effects.panel import Floats, Integers
from aivalue.effects.vector import Vector, effect_of

VERSION = "3"
FEW_TREATED_MAX = 9


def callaway_santanna(
    panel: StaggeredPanel,
    *,
    comparison: Comparison = "never_treated",
    adjustment: Adjustment = "doubly_robust",
    inference: Inference = "calibrated",
    confidence: float = 0.95,
) -> Effect:
    """Estimate the effect on the treated per period; assumptions as in `group_time_effects`.

    The volume of a period is the number of treated units it answers for, so the average over the
    periods is the mean over all treated cells.

    Raises
    ------
    NotEstimable
        As `group_time_effects`; or nothing varies.
    """
    found = group_time_effects(
        panel, comparison=comparison, adjustment=adjustment, inference=inference
    )
    shown = np.unique(found.time[found.after])
    counted = found.after * found.size[found.group]
    volume = np.bincount(found.time, counted, found.outcome.shape[1])[shown].astype(np.float64)
    figures, observed = _figures(found, shown, volume)
    spread = spread_of(found, figures)
    n_shown = len(shown)
    n_treated = int(found.size[np.unique(found.group[found.after])].sum())
    design: Design = "few_treated" if n_treated <= FEW_TREATED_MAX else "staggered"
    vector = Vector(
        periods=[panel.periods[index] for index in shown],
        point=figures.weights[:n_shown] @ found.effect,
        covariance=spread.covariance[:n_shown, :n_shown],
        volume=volume,
        observed=observed,
        degrees_of_freedom=float(spread.degrees_of_freedom[-1]),
        observed_covariance=spread.covariance[n_shown:-1, n_shown:-1],
        cross_covariance=spread.covariance[:n_shown, n_shown:-1],
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=n_treated,
        n_control=int(found.size[found.compared[found.after].any(axis=0)].sum()),
        design=design,
        scale="additive",
        estimator=("callaway_santanna", VERSION),
    )


def _figures(found: GroupTime, shown: Integers, volume: Floats) -> tuple[Figures, Floats]:
    """Stack the effect per period, the observed level per period and the average effect.

    Also return the observed levels.
    """
    n_shown, n_cohorts = len(shown), len(found.cohort)
    counted = np.where(found.after, found.size[found.group], 0.0)
    of_period = counted * (found.time == shown[:, None]) / volume[:, None]
    overall = counted / counted.sum()
    weights = np.concatenate([of_period, np.zeros_like(of_period), overall[None]])

    levels = np.zeros((len(weights), n_cohorts, found.outcome.shape[1]))
    for row, period in enumerate(shown):
        np.add.at(levels[n_shown + row, :, period], found.group, of_period[row])
    # Units differ in level, and that is no uncertainty: a level varies about the unit's own past.
    for index, start in enumerate(found.cohort):
        own = levels[n_shown:-1, index].sum(axis=1, keepdims=True)
        levels[n_shown:-1, index, :start] -= own / start
    level = found.mean[found.group, found.time]
    observed = of_period @ level
    # One more unit in a cohort moves an average towards that cohort's own value.
    averaged = np.concatenate([weights[:n_shown], of_period, overall[None]])
    value = np.where(np.arange(len(weights)) // n_shown == 1, level[:, None], found.effect[:, None])
    gap = (averaged > 0) * (value.T - (averaged * value.T).sum(axis=1, keepdims=True))
    gap /= np.append(np.tile(volume, 2), counted.sum())[:, None]
    cohort = found.group[:, None] == np.arange(n_cohorts)
    return Figures(weights=weights, shares=gap @ cohort, levels=levels), observed
