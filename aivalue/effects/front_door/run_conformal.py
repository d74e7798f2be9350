"""One treated unit beside few donors, read over time, with the checks that belong to it."""

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.conformal import conformal_check
from aivalue.effects.checks.drifting_apart import drifting_apart
from aivalue.effects.checks.leave_one_donor_out import leave_one_donor_out
from aivalue.effects.checks.residual_autocorrelation import residual_autocorrelation
from aivalue.effects.estimators.conformal_control import (
    ConformalControl,
    conformal_effect,
    conformal_synthetic_control,
)
from aivalue.effects.front_door.course import course_of_units
from aivalue.effects.front_door.ran import Options, OwnReading, Ran
from aivalue.effects.front_door.run_synthetic import block_of, difference_before
from aivalue.effects.front_door.table import Matrices
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.conformal import Conformal, conformal
from aivalue.kpis.interval import Interval


def run_conformal(panel: Matrices, options: Options) -> Ran:
    """Read the unit (or the mean of several) against its own past, donors taken off."""
    treated, donors, n_before = block_of(panel)
    mean = treated.mean(axis=0)
    found = conformal_synthetic_control(mean, donors, n_before, confidence=options.confidence)
    n_after = len(mean) - n_before
    effect = conformal_effect(
        found,
        mean[n_before:],
        np.full(n_after, float(len(treated))),
        periods=panel.periods[n_before:],
        n_donors=len(donors),
        n_treated=len(treated),
        confidence=options.confidence,
    )
    own = _own(found, panel.times[n_before:], average(effect).standard_error, options.confidence)
    return Ran(
        effect=effect,
        doubts=lambda: _doubts(found, own, (mean, donors, n_before), options),
        course=lambda: course_of_units(
            panel,
            effect,
            (mean - found.average.surprise)[:n_before],
            by_time=tuple((each.point, each.low, each.high) for _, each, _ in own.by_time),
        ),
        own=own,
    )


def _own(
    found: ConformalControl, times: tuple[str, ...], error: float, confidence: float
) -> OwnReading:
    errors = np.sqrt(np.diag(found.covariance(confidence)))
    return OwnReading(
        average=_interval(found.average, error, confidence),
        p_value=found.average.p_value(),
        by_time=tuple(
            (time, _interval(each, float(own), confidence), each.p_value())
            for time, each, own in zip(times, found.pointwise, errors, strict=True)
        ),
    )


def _interval(found: Conformal, error: float, confidence: float) -> Interval:
    low, high = found.interval(confidence)
    return Interval(
        point=found.point, low=low, high=high, standard_error=error, confidence=confidence
    )


def _doubts(
    found: ConformalControl,
    own: OwnReading,
    block: tuple[Floats, Floats, int],
    options: Options,
) -> tuple[CheckResult, ...]:
    treated, donors, n_before = block
    is_claimed = own.average.excludes_zero
    with_ai = (np.arange(len(treated)) >= n_before).astype(np.float64)

    def without(row: int) -> float:
        kept = np.delete(donors, row, axis=0)
        return conformal(treated, kept, with_ai, free="level").point

    return (
        conformal_check(found.average, confidence=options.confidence, is_claimed=is_claimed),
        drifting_apart(
            treated, donors, with_ai, confidence=options.confidence, is_claimed=is_claimed
        ),
        residual_autocorrelation(found.average.surprise),
        leave_one_donor_out(
            found.average.point, found.average.weights, without, is_claimed=is_claimed
        ),
        difference_before(treated[None], donors, n_before, options),
    )
