"""Regression of one series whose level wanders: a random walk under noise, by Kalman filter.

The local level of structural time series. How fast the level wanders is averaged over a grid by
restricted likelihood instead of being fixed at an estimate or by a prior of a hundredth, so that
what is not known widens the interval.

Source: Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter", 4.2;
Brodersen et al. (2015), AOAS 9(1), for the local level behind CausalImpact.
"""

import numpy as np

from aivalue.effects.error_models.autoregression import (
    ROUNDING,
    AveragedFit,
    fit_over_models,
    free_observations,
    surprises,
)
from aivalue.effects.panel import Floats

# Variance of a step of the level over that of the noise; the last ones are nearly all walk.
STEP_SHARES = (0.0, 1e-4, 4e-4, 1.6e-3, 6.4e-3, 0.025, 0.1, 0.4, 1.6, 6.4, 100.0)
STILL_WEIGHT = 0.2  # Prior weight of a level that does not wander at all.
WALKS_FROM = 1.6e-3  # Steps of 4 % of the noise's deviation; slower ones matter less than noise.


def wandering_fit(
    outcome: Floats, regressors: Floats, position: Floats, *, may_stand: bool = False
) -> AveragedFit:
    """Regress the outcome; a constant among the regressors is where the level starts.

    Parameters
    ----------
    outcome : shape (n,), regressors : shape (n, n_coefficients)
    position : shape (n,), ascending whole numbers
        Where each observation stands; a step of two is a gap.
    may_stand
        Average over levels that stand still or nearly so, too.

    Raises
    ------
    NotEstimable
        Fewer than five observations beyond the coefficients, regressors that repeat each other,
        or a series that they explain without remainder.
    """
    free = free_observations(regressors)
    columns = np.column_stack([outcome, regressors])
    white, log_size, prior = wandering(columns, position, may_stand=may_stand)
    return fit_over_models(
        white, log_size, prior, smallest=ROUNDING * float(outcome @ outcome), free=free
    )


def wandering(
    values: Floats, position: Floats, *, may_stand: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Return columns freed of what each speed of the level foresees, as `remembering` does."""
    share = np.asarray(STEP_SHARES)
    prior = np.full(len(share), (1 - STILL_WEIGHT) / (len(share) - 1))
    prior[0] = STILL_WEIGHT
    if not may_stand:
        prior, share = prior[share >= WALKS_FROM], share[share >= WALKS_FROM]
    return *walked_off(values, position, share), prior


def walked_off(values: Floats, position: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Return each model's one-step surprises over their deviation, and its log determinant."""
    step = np.diff(position)
    # How much of each surprise the level takes over is known before any of them is seen.
    total, kept = np.empty((len(values), len(share))), np.empty((len(step), len(share)))
    total[0] = 1.0
    for row in range(len(step)):
        kept[row] = 1 / total[row]
        total[row + 1] = 2 - kept[row] + share * step[row]
    return surprises(values, kept, 1 - kept, total), np.log(total).sum(axis=0)
