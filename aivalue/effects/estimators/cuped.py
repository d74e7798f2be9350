"""CUPED: remove from the outcome what the subject's own past already told.

One coefficient, estimated on both arms together, so the adjustment is the same for both and
randomization alone makes it unbiased. Works for means and, through the delta method, for ratios.

Source: Deng, Xu, Kohavi & Walker (2013), "Improving the Sensitivity of Online Controlled
Experiments by Utilizing Pre-Experiment Data", WSDM.
"""

import numpy as np

from aivalue.effects.arms.arm import (
    ArmStatistics,
    Measure,
    covariance_between,
    level_and_gradient,
    merged,
)
from aivalue.effects.arms.comparison import Level
from aivalue.effects.panel import Floats


def plain_levels(
    treated: ArmStatistics, control: ArmStatistics, outcome: Measure
) -> tuple[Level, Level]:
    """Return both arms' levels without any adjustment."""
    return _level(treated, outcome), _level(control, outcome)


def cuped_levels(
    treated: ArmStatistics, control: ArmStatistics, outcome: Measure, before: Measure
) -> tuple[Level, Level]:
    """Return both arms' levels, adjusted for the same measure taken before the experiment.

    Assumes that `before` cannot have been changed by the treatment. A `before` that does not vary
    adjusts nothing.
    """
    both = merged(treated, control)
    _, outcome_gradient = level_and_gradient(both, outcome)
    centre, before_gradient = level_and_gradient(both, before)
    spread = covariance_between(both, before_gradient, before_gradient)
    together = covariance_between(both, outcome_gradient, before_gradient)
    coefficient = np.divide(
        together, spread, out=np.zeros_like(np.asarray(together)), where=spread > 0
    )
    return (
        _adjusted(treated, outcome, before, coefficient, centre),
        _adjusted(control, outcome, before, coefficient, centre),
    )


def _level(arm: ArmStatistics, outcome: Measure) -> Level:
    estimate, gradient = level_and_gradient(arm, outcome)
    variance = covariance_between(arm, gradient, gradient) / arm.n
    return Level(estimate=estimate, variance=variance, n=arm.n)


def _adjusted(
    arm: ArmStatistics, outcome: Measure, before: Measure, coefficient: Floats, centre: Floats
) -> Level:
    level, outcome_gradient = level_and_gradient(arm, outcome)
    past, before_gradient = level_and_gradient(arm, before)
    gradient = outcome_gradient - coefficient[..., None] * before_gradient
    return Level(
        estimate=level - coefficient * (past - centre),
        variance=covariance_between(arm, gradient, gradient) / arm.n,
        n=arm.n,
    )
