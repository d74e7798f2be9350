"""Regression adjustment with a slope of its own in each arm, from sufficient statistics.

Never less precise than the difference in means in large samples, whatever the true relation of
outcome and covariates, which a common slope cannot promise.

Source: Lin (2013), "Agnostic Notes on Regression Adjustments to Experimental Data", Annals of
Applied Statistics 7(1) 295-318.
"""

from collections.abc import Sequence

import numpy as np

from aivalue.effects.arms.arm import ArmStatistics, merged
from aivalue.effects.arms.comparison import Level
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

CONDITION_MAX = 1e12


def regression_adjusted_levels(
    treated: ArmStatistics,
    control: ArmStatistics,
    *,
    outcome: int,
    covariates: Sequence[int],
) -> tuple[Level, Level]:
    """Return both arms' levels at the covariates' mean over all subjects.

    Assumes that treatment cannot have changed the covariates. The covariates' own sampling is
    not counted: the effect is on the subjects at hand.

    Raises
    ------
    NotEstimable
        Covariates repeat each other, or an arm has hardly more subjects than covariates.
    """
    centre = merged(treated, control).mean[list(covariates)]
    return (
        _adjusted(treated, outcome, list(covariates), centre),
        _adjusted(control, outcome, list(covariates), centre),
    )


def _adjusted(arm: ArmStatistics, outcome: int, covariates: list[int], centre: Floats) -> Level:
    n_free = float(arm.n) - len(covariates) - 1
    if n_free < 1:
        raise NotEstimable(
            f"{float(arm.n):.0f} subjects do not support {len(covariates)} covariates",
            verdict="below_sample_floor",
        )
    inside = arm.covariance[np.ix_(covariates, covariates)]
    # In each covariate's own unit: revenue beside a share is no repetition.
    size = np.sqrt(np.diag(inside))
    if not size.min() > 0 or np.linalg.cond(inside / np.outer(size, size)) > CONDITION_MAX:
        raise NotEstimable("covariates repeat each other or do not vary")
    together = arm.covariance[covariates, outcome]
    slope = np.linalg.solve(inside, together)
    gap = arm.mean[covariates] - centre
    left_over = arm.covariance[outcome, outcome] - together @ slope
    residual_variance = left_over * (arm.n - 1) / n_free
    # The fitted line's own error at the common centre: small, but not zero, in small arms.
    at_centre = 1 / arm.n + gap @ np.linalg.solve(inside, gap) / (arm.n - 1)
    return Level(
        estimate=np.asarray(arm.mean[outcome] - slope @ gap),
        variance=np.asarray(residual_variance * at_centre),
        n=np.asarray(n_free + 1),
    )
