"""One series from a table: its calendar, its controls, and the checks that belong to it."""

from dataclasses import replace

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.covariate_not_affected import covariate_not_affected
from aivalue.effects.checks.placebo_in_time import placebo_in_time
from aivalue.effects.checks.residual_autocorrelation import residual_autocorrelation
from aivalue.effects.checks.wandering_level import wandering_level
from aivalue.effects.error_models.wandering import Levels
from aivalue.effects.estimators.interrupted_time_series import (
    BEFORE_MIN,
    Errors,
    Interrupted,
    expected,
    interrupted_time_series,
    levels,
    unforeseen,
)
from aivalue.effects.front_door.calendar import calendar_of
from aivalue.effects.front_door.course import Course
from aivalue.effects.front_door.ran import Options, Ran
from aivalue.effects.front_door.table import Matrices, days_from
from aivalue.effects.functional import average
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable

STRETCHES_MAX = 100  # Of a picture; longer histories with the AI are drawn in steps.


def run_series(panel: Matrices, options: Options, errors: Errors) -> Ran:
    """Estimate the mean of the treated units as one series."""
    series = _series(panel, options)
    found = _levels(series, options, errors)
    return Ran(
        effect=found.published,
        doubts=lambda: (
            residual_autocorrelation(unforeseen(series, errors=errors)),
            wandering_level(found),
            _placebo_in_time(series, options),
            _controls_unmoved(series, options),
        ),
        course=lambda: _course(series, _times(panel), options, errors, found),
        levels=found,
    )


def _levels(series: Interrupted, options: Options, errors: Errors = "averaged") -> Levels:
    return levels(series, errors=errors, confidence=options.confidence, steady_by=options.steady_by)


def _series(panel: Matrices, options: Options) -> Interrupted:
    treated = panel.is_treated
    starts = np.unique(panel.first_treated[treated])
    if len(starts) > 1:
        raise NotEstimable("units went live at different times: no single series")
    rows = panel.outcome[treated]
    seen: Booleans = np.asarray(np.isfinite(rows).all(axis=0))
    with_ai = (np.flatnonzero(seen) >= starts[0]).astype(np.float64)[:, None]
    if not with_ai.any():
        raise NotEstimable("no observation with the AI", verdict="too_early")
    controls = panel.covariates[treated].mean(axis=0)[seen]
    _require_controls(controls, _times(panel), options)
    calendar = calendar_of(_times(panel), np.flatnonzero(seen), holidays=options.holidays)
    n_before = int((with_ai == 0).sum())
    has_controls = controls.shape[1] > 0
    cycles = options.seasons
    if cycles is None:
        cycles = calendar.cycles(_reach(calendar.position, n_before))
    # Controls carry the season themselves; cycles beside them only where asked for.
    if has_controls and options.seasons is None:
        cycles = ()
    return Interrupted(
        periods=panel.periods[int(starts[0]) : int(starts[0]) + 1],
        outcome=rows[:, seen].mean(axis=0),
        position=calendar.position,
        with_ai=with_ai,
        controls=controls,
        volume=np.array([with_ai.sum() * treated.sum()]),
        cycles=cycles,
        has_trend=not has_controls,
        holidays=calendar.holidays,
    )


def _require_controls(controls: Floats, times: tuple[str, ...], options: Options) -> None:
    """Refuse a control series by its name: it has a gap, stands still, or repeats the others."""
    names = [*options.names, *(f"control {at + 1}" for at in range(controls.shape[1]))]
    for column, values in enumerate(controls.T):
        if not np.isfinite(values).all():
            gap = times[int(np.argmin(np.isfinite(values)))]
            raise NotEstimable(
                f"control series {names[column]} has no value at {gap}, needs one wherever the "
                "outcome has one"
            )
        if not np.ptp(values) > 0:
            raise NotEstimable(f"control series {names[column]} is always {values[0]:g}")
        so_far = controls[:, : column + 1] - controls[:, : column + 1].mean(axis=0)
        if np.linalg.matrix_rank(so_far / np.abs(so_far).max(axis=0)) <= column:
            raise NotEstimable(f"control series {names[column]} repeats the others: leave it out")


def _reach(position: Floats, n_before: int) -> int:
    """Return how many steps the history goes back: working days are a year after 261 of them."""
    if n_before == 0:
        return 0
    steps = int(position[n_before - 1] - position[0]) + 1
    return steps if 2 * n_before >= steps else n_before


def _times(panel: Matrices) -> tuple[str, ...]:
    """Return the times at which all treated units were measured."""
    seen: Booleans = np.asarray(np.isfinite(panel.outcome[panel.is_treated]).all(axis=0))
    return tuple(time for time, kept in zip(panel.times, seen, strict=True) if kept)


def _course(
    series: Interrupted, times: tuple[str, ...], options: Options, errors: Errors, found: Levels
) -> Course:
    """Let every time with the AI have an effect of its own, as far as `STRETCHES_MAX` reaches.

    What is left is what the history forecasts, with the interval of a forecast; whether that allows
    for a level that wanders was decided for the estimate.
    """
    after = np.flatnonzero(series.with_ai[:, 0])
    stretches = [part for part in np.array_split(after, STRETCHES_MAX) if len(part)]
    with_ai = np.zeros((len(series.outcome), len(stretches)))
    for column, part in enumerate(stretches):
        with_ai[part, column] = 1.0
    apart = replace(
        series,
        periods=days_from(len(stretches)),
        with_ai=with_ai,
        volume=with_ai.sum(axis=0),
    )
    effect = _levels(apart, options, errors).as_decided_for(found)
    quantile = t_quantile((1 + effect.confidence) / 2, effect.degrees_of_freedom)
    reach = quantile * np.sqrt(np.diag(np.asarray(effect.covariance)))
    without_ai = expected(series, errors=errors)
    low, high = (np.full(len(times), np.nan) for _ in range(2))
    for part, point, own in zip(stretches, effect.point, reach, strict=True):
        # Within a stretch the shape is that of the fit, its level that of the forecast.
        without_ai[part] += (series.outcome[part] - without_ai[part]).mean() - point
        low[part], high[part] = without_ai[part] - own, without_ai[part] + own
    return Course(
        times=times,
        n_before=int(after[0]),
        observed=series.outcome,
        without_ai=without_ai,
        low=low,
        high=high,
    )


def _placebo_in_time(series: Interrupted, options: Options) -> CheckResult:
    """Read an invented go-live, as long before the real one as there are periods after it."""
    before = series.with_ai[:, 0] == 0
    n_before, n_after = int(before.sum()), int((~before).sum())
    n_placebo = min(n_after, n_before // 3)
    if n_before - n_placebo < BEFORE_MIN:
        return not_applicable("placebo_in_time", f"{n_before} observations before are too few")
    invented = np.zeros((n_before, 1))
    invented[-n_placebo:] = 1.0
    try:
        past = _cut(series, np.flatnonzero(before).astype(np.int64), invented)
        placebo = _levels(past, options).published
    except NotEstimable as refusal:
        return not_applicable("placebo_in_time", str(refusal))
    return placebo_in_time(average(placebo), n_periods=n_placebo)


def _controls_unmoved(series: Interrupted, options: Options) -> CheckResult:
    """Read each control series as if it were the outcome."""
    changes = []
    for column, control in enumerate(series.controls.T):
        alone = replace(
            series,
            outcome=control,
            controls=np.empty((len(control), 0)),
            has_trend=True,
        )
        name = options.names[column] if column < len(options.names) else f"control {column + 1}"
        try:
            effect = interrupted_time_series(alone, confidence=options.confidence)
        except NotEstimable:
            continue
        changes.append((name, average(effect), effect.degrees_of_freedom))
    return covariate_not_affected(changes)


def _cut(series: Interrupted, rows: Integers, with_ai: Floats) -> Interrupted:
    return replace(
        series,
        outcome=series.outcome[rows],
        position=series.position[rows],
        with_ai=with_ai,
        controls=series.controls[rows],
        volume=with_ai.sum(axis=0),
        holidays=None if series.holidays is None else series.holidays[rows],
    )
