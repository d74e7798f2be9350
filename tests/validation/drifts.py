"""D16: treated units drift apart from the others before and after go-live; M = 1 allows for it."""

from functools import partial

import numpy as np

from aivalue.effects.parallel_trends.drift import drift_of
from aivalue.effects.parallel_trends.leads import leads_differ
from aivalue.effects.parallel_trends.relative_magnitudes import interval_under_drift
from tests.validation.cell import Cell, Reading
from tests.validation.worlds import NEVER, panel_noise, rollout_of

BLOCKS = ((1, 2), (3, 4), (5, 6))
STARTS = (8, 8, 10, 10, 10)
N_UNITS, N_PERIODS = 20, 14


def _drifting(slope: float, rng: np.random.Generator) -> Reading:
    first = np.array([*STARTS, *[NEVER] * (N_UNITS - len(STARTS))])
    treated = first[:, None] < NEVER
    y = panel_noise(rng, 0.5, (N_UNITS, N_PERIODS))
    y += np.where(treated, slope * np.arange(N_PERIODS), 0.0)
    rollout = rollout_of(y, first)
    to_start = np.where(treated, first[:, None] - np.arange(N_PERIODS), 0)
    leads = np.stack([(to_start >= low) & (to_start <= high) for low, high in BLOCKS])
    test = leads_differ(
        rollout.y_untreated, rollout.x_untreated, leads.astype(np.float64), scale="additive"
    )
    if test.dependence is None:
        raise AssertionError("the history is long enough")
    drift = drift_of(rollout, first, test.dependence, scale="additive", blocks=BLOCKS)
    low, high = interval_under_drift(drift, times=1.0)
    return Reading(low=low, high=high, truth=0.0)


DRIFTS: tuple[Cell, ...] = tuple(
    Cell(
        name=f"D16 5 of 20 units drift by {slope:g} a period, what drift leaves possible",
        method="interval_under_drift",
        draw=partial(_drifting, slope),
        promise="conservative",
        reason="any drift whose steps are no larger than those before is allowed for",
    )
    for slope in (0.0, 0.2, 1.0)
)
