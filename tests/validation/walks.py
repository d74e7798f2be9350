"""D1 and D2 where the level walks, where it is declared steady, and with a longer history."""

from functools import partial
from typing import Any

import numpy as np

from aivalue.effects.estimators import before_after as weeks
from aivalue.effects.estimators.before_after import before_after
from tests.validation.cell import Cell, Promise, Reading, reading_of
from tests.validation.series import WALK, read_with_control
from tests.validation.worlds import (
    N_WEEKS,
    walk_matrix,
    weekly,
    weekly_of,
    weekly_oracle_width,
    weekly_width_under,
)

APPROVER = "who knows the process"


def _declared_steady(rng: np.random.Generator) -> Reading:
    """Read a weekly series without memory of which somebody says that its level stands."""
    found = weeks.levels(weekly(rng, 0.0, shape="plain"), steady_by=APPROVER)
    return reading_of(found.published, 0.0, weekly_oracle_width(0.0))


def _walking(step: float, rng: np.random.Generator) -> Reading:
    """Read a weekly series whose level takes steps of this many deviations of its noise."""
    covariance = walk_matrix(step, N_WEEKS)
    noise = np.linalg.cholesky(covariance) @ rng.normal(size=N_WEEKS)
    return reading_of(before_after(weekly_of(10 + noise)), 0.0, weekly_width_under(covariance))


_FALSELY = "what the declaration claims falsely, `wandering_level` doubts"
_SPEEDS = (("slow random walk", WALK), ("random walk twice as fast", 2 * WALK))
_STEADY, _LONG, _LONGER = {"steady_by": APPROVER}, {"n_before": 200}, {"n_before": 400}
_MORE: tuple[tuple[str, str, dict[str, Any], Promise, str], ...] = (
    ("wandering fast", "random walk twice as fast", {}, "exact", ""),
    ("0.0", "correlation 0, declared steady", _STEADY, "exact", ""),
    ("wandering", "slow random walk, declared steady", _STEADY, "guarded", _FALSELY),
    ("0.0", "correlation 0, 200 days before", _LONG, "exact", ""),
    ("wandering", "slow random walk, 200 days before", _LONG, "exact", ""),
    ("0.0", "correlation 0, 400 days before", _LONGER, "exact", ""),
    ("wandering", "slow random walk, 400 days before", _LONGER, "exact", ""),
)

WALKS: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D1 one weekly series, {label}",
            method="before_after",
            draw=partial(_walking, step),
        )
        for label, step in _SPEEDS
    ),
    Cell(
        name="D1 one weekly series, correlation 0.0, declared steady",
        method="before_after",
        draw=_declared_steady,
    ),
    *(
        Cell(
            name=f"D2 series with a control, {label}",
            method="interrupted_time_series",
            draw=partial(read_with_control, kind, "averaged", 0.0, **given),
            promise=promise,
            reason=reason,
        )
        for kind, label, given, promise, reason in _MORE
    ),
)
