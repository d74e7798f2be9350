"""D10: the AI went to the units with the worst last quarter, and did nothing."""

from functools import partial

import numpy as np

from aivalue.effects.checks.regression_to_the_mean import regression_to_the_mean
from aivalue.effects.estimators.difference_in_differences import Rollout, difference_in_differences
from tests.validation.cell import Cell, Reading, reading_of
from tests.validation.worlds import NEVER, autoregressive, rollout_of

N_UNITS, N_WORST, N_AFTER = 60, 10, 6
QUARTER = 3
DEVIATION = 1.25**0.5  # Of a unit's month: levels .5, months 1.


def _worst_quarter(n_before: int, rng: np.random.Generator) -> Reading:
    y = 0.5 * rng.normal(size=(N_UNITS, 1)) + autoregressive(
        rng, 0.3, (N_UNITS, n_before + N_AFTER)
    )
    worst = np.argsort(y[:, n_before - QUARTER : n_before].mean(axis=1))[:N_WORST]
    start = np.full(N_UNITS, NEVER)
    start[worst] = n_before
    rollout = rollout_of(y, start)
    # As the service does: the quarter before is left out where nine months leave enough.
    left_out = n_before >= 3 * QUARTER
    to_start = np.where(start[:, None] < NEVER, start[:, None] - np.arange(y.shape[1]), 0)
    check = regression_to_the_mean(
        rollout.y_untreated, rollout.x_untreated, to_start, scale="additive", left_out=left_out
    )
    effect = difference_in_differences(
        _without_quarter(rollout, to_start) if left_out else rollout, scale="additive"
    )
    read = reading_of(effect, 0.0)
    return Reading(low=read.low, high=read.high, truth=0.0, is_flagged=check.status == "failed")


def _without_quarter(rollout: Rollout, to_start: np.ndarray) -> Rollout:
    kept = ~((to_start >= 1) & (to_start <= QUARTER))
    return Rollout(
        periods=rollout.periods,
        units=rollout.units,
        y_untreated=np.where(kept, rollout.y_untreated, 0.0),
        x_untreated=np.where(kept, rollout.x_untreated, 0.0),
        y_treated=rollout.y_treated,
        x_treated=rollout.x_treated,
    )


SELECTION: tuple[Cell, ...] = (
    Cell(
        name="D10 AI sent to the 10 worst of 60, 24 months before",
        method="difference_in_differences, quarter left out",
        peers="bias in SD: before/after +.64, DiD on 3 months +1.25, on all +.38",
        draw=partial(_worst_quarter, 24),
        bias_max=0.1 * DEVIATION,
    ),
    Cell(
        name="D10 AI sent to the 10 worst of 60, 8 months before",
        method="difference_in_differences, quarter kept",
        peers="none flags it",
        draw=partial(_worst_quarter, 8),
        promise="guarded",
        reason="too short to leave the quarter out: the check must fail and the grade fall",
    ),
)
