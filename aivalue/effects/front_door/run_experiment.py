"""Experiments from a table: one row per subject, units over several times, or units that switch."""

from dataclasses import replace

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.covariate_not_affected import NAME as COVARIATE
from aivalue.effects.checks.covariate_not_affected import covariate_not_affected
from aivalue.effects.checks.missing_data import missing_data
from aivalue.effects.checks.sample_ratio import sample_ratio
from aivalue.effects.effect import Period
from aivalue.effects.estimators.difference_in_means import difference_in_means_by_unit
from aivalue.effects.estimators.experiment import Adjustment, experiment
from aivalue.effects.estimators.subjects import Subjects
from aivalue.effects.estimators.switchback import stretch_counts, switchback
from aivalue.effects.front_door.course import course_at_once, course_of_units
from aivalue.effects.front_door.ran import Options, Ran
from aivalue.effects.front_door.table import Matrices
from aivalue.effects.functional import average
from aivalue.effects.panel import Booleans, Cells, Floats
from aivalue.errors import NotEstimable

VARIES_MIN = 2


def run_experiment(panel: Matrices, options: Options, adjustment: Adjustment | None) -> Ran:
    """Compare the arms; units that were measured at several times are clusters of their times."""
    if len(panel.times) > 1:
        return _over_times(panel, options, adjustment)
    subjects = _subjects(panel)
    _require_before(subjects, options, adjustment)
    # Clusters are compared by a regression, which adjusts by itself; strata alone refuse it.
    is_plain = adjustment is None and subjects.cluster is None and subjects.stratum is None
    nothing = np.empty((len(subjects.outcome), 0))
    effect = experiment(
        replace(subjects, before=nothing) if is_plain else subjects,
        period=panel.periods[0],
        adjustment=adjustment,
        confidence=options.confidence,
    )
    return Ran(
        effect=effect,
        doubts=lambda: (
            _ratio(subjects, options),
            _balance(subjects, panel.periods[0], options),
            _attrition(panel),
        ),
        course=lambda: course_at_once(effect),
    )


def run_switchback(panel: Matrices, options: Options) -> Ran:
    """Compare stretches with the AI to stretches without, in the same units."""
    if panel.treated is None:
        raise AssertionError("a switchback is read from the table as it is")
    effect = switchback(
        panel.outcome,
        panel.treated,
        period=panel.periods[0],
        washout=options.washout,
        confidence=options.confidence,
    )
    with_ai, without = (float(n) for n in stretch_counts(panel.treated))
    check = sample_ratio([with_ai], [without], share_treated=options.share_treated or 0.5)
    return Ran(effect=effect, doubts=lambda: (check,), course=lambda: course_at_once(effect))


def _subjects(panel: Matrices) -> Subjects:
    outcome, before = panel.outcome[:, 0], panel.covariates[:, 0]
    denominator = None if panel.denominator is None else panel.denominator[:, 0]
    kept = np.isfinite(outcome)
    return Subjects(
        outcome=outcome[kept],
        treated=panel.is_treated[kept],
        before=before[kept],
        denominator=None if denominator is None else denominator[kept],
        stratum=None if panel.stratum is None else panel.stratum[kept],
        cluster=None if panel.cluster is None else panel.cluster[kept],
    )


def _require_before(subjects: Subjects, options: Options, adjustment: Adjustment | None) -> None:
    """Refuse an adjustment without covariates, or by one that is the assignment itself."""
    if adjustment is not None and subjects.before.shape[1] == 0:
        raise NotEstimable(f"{adjustment} adjusts for covariates: needs 1, and none was given")
    for column, values in enumerate(subjects.before.T):
        arms = values[subjects.treated], values[~subjects.treated]
        if all(len(arm) and np.ptp(arm) == 0 for arm in arms) and arms[0][0] != arms[1][0]:
            raise NotEstimable(
                f"{_name(options, column)} is {arms[0][0]:g} for all with the AI and "
                f"{arms[1][0]:g} for all others: it is who got the AI, not known before"
            )


def _name(options: Options, column: int) -> str:
    names = options.names
    return names[column] if column < len(names) else f"covariate {column + 1}"


def _ratio(subjects: Subjects, options: Options) -> CheckResult:
    """Test the split of what was drawn: subjects, or clusters where those hold one arm each."""
    treated = subjects.treated
    if subjects.cluster is not None:
        _, first, code = np.unique(subjects.cluster, return_index=True, return_inverse=True)
        share = np.bincount(code, treated) / np.bincount(code)
        if ((share == 0) | (share == 1)).all():
            treated = treated[first]
    n_treated, n_control = float(treated.sum()), float((~treated).sum())
    return sample_ratio([n_treated], [n_control], share_treated=options.share_treated)


def _balance(subjects: Subjects, period: Period, options: Options) -> CheckResult:
    """Read every covariate as if it were the outcome."""
    changes = []
    nothing = np.empty((len(subjects.outcome), 0))
    for column, values in enumerate(subjects.before.T):
        if len(np.unique(values)) < VARIES_MIN:
            continue
        alone = Subjects(
            outcome=values, treated=subjects.treated, before=nothing, cluster=subjects.cluster
        )
        effect = experiment(alone, period=period, confidence=options.confidence)
        changes.append((_name(options, column), average(effect), effect.degrees_of_freedom))
    return covariate_not_affected(changes)


def _attrition(panel: Matrices) -> CheckResult:
    """Compare which share of each arm has an outcome."""
    seen = np.isfinite(panel.outcome[:, 0])
    treated, control = (
        float(seen[side].mean()) if side.any() else 0.0
        for side in (panel.is_treated, ~panel.is_treated)
    )
    return missing_data(
        treated_before=1.0, treated_after=treated, control_before=1.0, control_after=control
    )


def _over_times(panel: Matrices, options: Options, adjustment: Adjustment | None) -> Ran:
    """Compare units from the (one) go-live on, each one cluster over all its times."""
    starts = np.unique(panel.first_treated[panel.is_treated])
    if len(starts) > 1:
        raise NotEstimable("units went live at different times: use imputation")
    if adjustment is not None:
        raise NotEstimable("covariates adjust tables with one row per unit only")
    after = slice(int(starts[0]), None)
    treated, control = (
        _cells(panel.outcome[side][:, after]) for side in (panel.is_treated, ~panel.is_treated)
    )
    effect = difference_in_means_by_unit(
        treated, control, periods=panel.periods[after], confidence=options.confidence
    )
    n_treated, n_control = float(panel.is_treated.sum()), float((~panel.is_treated).sum())
    checks = [sample_ratio([n_treated], [n_control], share_treated=options.share_treated)]
    before = panel.outcome[:, : int(starts[0])]
    if before.shape[1]:
        checks.append(_balance_before(before, panel.is_treated, panel.periods[0], options))
    others = panel.outcome[~panel.is_treated][:, : int(starts[0])]
    return Ran(
        effect=effect,
        doubts=lambda: tuple(checks),
        course=lambda: course_of_units(panel, effect, _means_of(others)),
    )


def _means_of(values: Floats) -> Floats:
    n = np.isfinite(values).sum(axis=0)
    mean: Floats = np.where(n > 0, np.nansum(values, axis=0) / np.maximum(n, 1), np.nan)
    return mean


def _balance_before(
    before: Floats, is_treated: Booleans, period: Period, options: Options
) -> CheckResult:
    seen = np.isfinite(before).any(axis=1)
    level = np.nanmean(before[seen], axis=1)
    alone = Subjects(outcome=level, treated=is_treated[seen], before=np.empty((len(level), 0)))
    try:
        effect = experiment(alone, period=period, confidence=options.confidence)
    except NotEstimable as refusal:
        return not_applicable(COVARIATE, str(refusal))
    change = ("the outcome before", average(effect), effect.degrees_of_freedom)
    return covariate_not_affected([change])


def _cells(values: Floats) -> Cells:
    seen = np.isfinite(values).astype(np.float64)
    nothing = np.zeros_like(seen)
    return Cells(n=seen, y=np.nan_to_num(values), x=seen, yy=nothing, xx=nothing, xy=nothing)
