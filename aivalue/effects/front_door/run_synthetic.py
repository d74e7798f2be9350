"""Few treated units against mixes of donors, with the checks that belong to them."""

from collections.abc import Callable

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.conformal import conformal_over_time
from aivalue.effects.checks.contamination import contamination
from aivalue.effects.checks.convex_hull import convex_hull
from aivalue.effects.checks.leave_one_donor_out import leave_one_donor_out
from aivalue.effects.checks.placebo_in_space import placebo_in_space
from aivalue.effects.checks.placebo_in_time import placebo_in_time
from aivalue.effects.checks.rmspe_rank import rmspe_rank
from aivalue.effects.checks.unequal_scatter import unequal_scatter
from aivalue.effects.checks.weight_concentration import weight_concentration
from aivalue.effects.effect import Effect
from aivalue.effects.error_models.scatter import scatter_of
from aivalue.effects.estimators.augmented_synthetic_control import augmented_synthetic_control
from aivalue.effects.estimators.staggered_synthetic import (
    staggered_effect,
    staggered_synthetic_difference,
)
from aivalue.effects.estimators.synthetic_control import SyntheticControl, synthetic_control
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    PERIODS_BEFORE_MIN,
    SyntheticDifference,
    synthetic_difference_in_differences,
)
from aivalue.effects.estimators.synthetic_effect import (
    synthetic_control_effect,
    synthetic_difference_effect,
)
from aivalue.effects.front_door.course import course_of_units
from aivalue.effects.front_door.permuted import Permuted, control_permuted, units_permuted
from aivalue.effects.front_door.ran import Options, Ran
from aivalue.effects.front_door.table import Matrices, days_from
from aivalue.effects.front_door.unlike import movement, unlike
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.conformal import Free
from aivalue.effects.readings.synthetic import doubts_of
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval


def run_synthetic_difference(panel: Matrices, options: Options) -> Ran:
    """Read units that started together, or each cohort by itself where they did not."""
    if len(np.unique(panel.first_treated[panel.is_treated])) > 1:
        return _staggered(panel, options)
    treated, donors, n_before = block_of(panel)
    found = synthetic_difference_in_differences(treated, donors, n_before)
    effect = synthetic_difference_effect(
        found,
        treated[:, n_before:].mean(axis=0),
        np.full(donors.shape[1] - n_before, float(len(treated))),
        periods=panel.periods[n_before:],
        confidence=options.confidence,
    )
    figure = average(effect)
    placebos = found.placebos.mean(axis=1)
    permuted = units_permuted(
        lambda: _unit_effects(treated, donors, n_before, found),
        placebos,
        n_treated=len(treated),
        confidence=options.confidence,
    )
    return Ran(
        effect=effect,
        permuted=permuted,
        doubts=lambda: (
            *doubts_of(
                found, treated, donors, n_before, figure, is_allowed_for=_is_calibrated(options)
            ),
            *_over_time(
                panel,
                options,
                is_claimed=figure.excludes_zero,
                free="level",
                penalty=found.penalty**2 * donors.shape[1],
            ),
            difference_before(treated, donors, n_before, options),
            permuted.check(is_claimed=figure.excludes_zero),
            _contamination(panel, placebos, found.unit_weights, figure.standard_error),
        ),
        course=lambda: course_of_units(
            panel, effect, found.fitted(treated.mean(axis=0), donors)[:n_before]
        ),
    )


def run_synthetic_control(panel: Matrices, options: Options) -> Ran:
    """Read the treated units' mean against one mix of donors."""
    treated, donors, n_before = block_of(panel)
    mean = treated.mean(axis=0)
    found = synthetic_control(mean, donors, n_before)
    effect = _control_effect(found, mean, panel, options, name="synthetic_control")
    permuted = control_permuted(found, options.confidence)

    def without(row: int) -> float:
        return synthetic_control(mean, np.delete(donors, row, axis=0), n_before).effect

    return Ran(
        effect=effect,
        doubts=lambda: _control_checks(
            found, mean, donors, panel, options, average(effect), without, permuted
        ),
        permuted=permuted,
        unlike=unlike(found, mean, donors),
        course=lambda: course_of_units(panel, effect, (mean - found.gap)[:n_before]),
    )


def run_augmented(panel: Matrices, options: Options) -> Ran:
    """Read it with the ridge's correction of the miss before."""
    treated, donors, n_before = block_of(panel)
    mean = treated.mean(axis=0)
    found = augmented_synthetic_control(mean, donors, n_before)
    effect = _control_effect(
        found.corrected, mean, panel, options, name="augmented_synthetic_control"
    )
    permuted = control_permuted(found.corrected, options.confidence)

    def without(row: int) -> float:
        kept = np.delete(donors, row, axis=0)
        return augmented_synthetic_control(mean, kept, n_before, penalty=found.penalty).effect

    return Ran(
        effect=effect,
        doubts=lambda: _control_checks(
            found.corrected, mean, donors, panel, options, average(effect), without, permuted
        ),
        permuted=permuted,
        unlike=unlike(found.corrected, mean, donors),
        course=lambda: course_of_units(panel, effect, (mean - found.corrected.gap)[:n_before]),
    )


def _control_effect(
    found: SyntheticControl, mean: Floats, panel: Matrices, options: Options, *, name: str
) -> Effect:
    n_treated, n_before = int(panel.is_treated.sum()), found.n_before
    return synthetic_control_effect(
        found,
        mean[n_before:],
        np.full(len(mean) - n_before, float(n_treated)),
        periods=panel.periods[n_before:],
        n_treated=n_treated,
        confidence=options.confidence,
        name="synthetic_control" if name == "synthetic_control" else "augmented_synthetic_control",
    )


def _control_checks(
    found: SyntheticControl,
    mean: Floats,
    donors: Floats,
    panel: Matrices,
    options: Options,
    figure: Interval,
    without: Callable[[int], float],
    permuted: Permuted,
) -> tuple[CheckResult, ...]:
    is_claimed = figure.excludes_zero
    n_before = found.n_before
    placebos = found.placebo_gaps[:, n_before:].mean(axis=1)
    return (
        placebo_in_space(found.effect, placebos, is_claimed=is_claimed),
        *_over_time(panel, options, is_claimed=is_claimed),
        rmspe_rank(found.gap, found.placebo_gaps, n_before, is_claimed=is_claimed),
        leave_one_donor_out(found.effect, found.weights, without, is_claimed=is_claimed),
        weight_concentration(found.weights, found.gap[:n_before], movement(donors, n_before)),
        convex_hull(mean[:n_before], donors[:, :n_before]),
        permuted.check(is_claimed=is_claimed),
        difference_before(mean[None], donors, n_before, options),
        unequal_scatter(
            scatter_of([found.past(int(panel.is_treated.sum()))]),
            is_allowed_for=_is_calibrated(options),
        ),
        _contamination(panel, placebos, found.weights, figure.standard_error),
    )


def _over_time(
    panel: Matrices,
    options: Options,
    *,
    is_claimed: bool,
    free: Free = "nothing",
    penalty: float = 0.0,
) -> tuple[CheckResult, ...]:
    """Compare one treated unit with its own past; several are compared with others."""
    treated, donors, n_before = block_of(panel)
    if len(treated) > 1:
        return ()
    check = conformal_over_time(
        treated[0],
        donors,
        (np.arange(donors.shape[1]) >= n_before).astype(np.float64),
        confidence=options.confidence,
        is_claimed=is_claimed,
        free=free,
        penalty=penalty,
    )
    return (check,)


def _staggered(panel: Matrices, options: Options) -> Ran:
    treated = panel.is_treated
    panel.require_complete()
    rows, start = panel.outcome[treated], panel.first_treated[treated]
    found = staggered_synthetic_difference(rows, start, panel.outcome[~treated])
    first = int(start.min())
    after = np.arange(first, len(panel.times))
    with_ai = after >= start[:, None]
    observed = np.where(with_ai, rows[:, first:], 0.0).sum(axis=0) / with_ai.sum(axis=0)
    effect = staggered_effect(
        found, observed, periods=panel.periods[first:], confidence=options.confidence
    )
    is_claimed = average(effect).excludes_zero
    earliest = found.cohorts[0].found
    placebos = earliest.placebos.mean(axis=1)
    return Ran(
        effect=effect,
        doubts=lambda: (
            placebo_in_space(average(effect).point, placebos, is_claimed=is_claimed),
            # All before the first of them, when none had it yet.
            difference_before(rows, panel.outcome[~treated], first, options),
            unequal_scatter(
                scatter_of([cohort.found.past() for cohort in found.cohorts]), is_allowed_for=True
            ),
            _contamination(panel, placebos, earliest.unit_weights, average(effect).standard_error),
        ),
        course=lambda: course_of_units(
            panel, effect, found.fitted(rows, start, panel.outcome[~treated])[:first]
        ),
    )


def _unit_effects(
    treated: Floats, donors: Floats, n_before: int, found: SyntheticDifference
) -> Floats:
    """Read each treated unit by itself."""
    if len(treated) == 1:
        return np.array([found.average])
    each = [synthetic_difference_in_differences(row[None], donors, n_before) for row in treated]
    return np.array([one.average for one in each])


def difference_before(
    treated: Floats, donors: Floats, n_before: int, options: Options
) -> CheckResult:
    """Read an invented go-live in the past, on data that end with the real one."""
    n_placebo = min(max(n_before // 4, 1), treated.shape[1] - n_before)
    if n_before - n_placebo < PERIODS_BEFORE_MIN:
        return not_applicable("placebo_in_time", f"{n_before} periods before are too few")
    past, others = treated[:, :n_before], donors[:, :n_before]
    try:
        found = synthetic_difference_in_differences(past, others, n_before - n_placebo)
    except NotEstimable as refusal:
        return not_applicable("placebo_in_time", str(refusal))
    effect = synthetic_difference_effect(
        found,
        past[:, -n_placebo:].mean(axis=0),
        np.full(n_placebo, float(len(past))),
        periods=days_from(n_placebo),
        confidence=options.confidence,
    )
    return placebo_in_time(average(effect), n_periods=n_placebo)


def _contamination(panel: Matrices, placebos: Floats, weights: Floats, error: float) -> CheckResult:
    """Look for a donor with an effect of its own, against its synthetic counterpart."""
    donors = ~panel.is_treated
    names = tuple(name for name, is_donor in zip(panel.units, donors, strict=True) if is_donor)
    return contamination(
        np.zeros_like(placebos), placebos, names, standard_error=error, weights=weights
    )


def block_of(panel: Matrices) -> tuple[Floats, Floats, int]:
    """Return treated units, donors, and the times before; refuse several starts."""
    starts = np.unique(panel.first_treated[panel.is_treated])
    if len(starts) > 1:
        raise NotEstimable(
            "units went live at different times: use synthetic_difference_in_differences, "
            "which reads each cohort, or imputation"
        )
    panel.require_complete()
    treated = panel.is_treated
    return panel.outcome[treated], panel.outcome[~treated], int(starts[0])


def _is_calibrated(options: Options) -> bool:
    return options.inference == "calibrated"
