"""Run one estimator on a table's matrices, with the checks that belong to it."""

from collections.abc import Callable

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.leave_one_donor_out import leave_one_donor_out
from aivalue.effects.checks.placebo_in_space import placebo_in_space
from aivalue.effects.checks.pre_trend import pre_trend
from aivalue.effects.checks.sample_ratio import sample_ratio
from aivalue.effects.checks.weight_concentration import weight_concentration
from aivalue.effects.effect import Effect, Interval
from aivalue.effects.estimators.callaway_santanna import callaway_santanna
from aivalue.effects.estimators.difference_in_differences import Rollout, difference_in_differences
from aivalue.effects.estimators.difference_in_means import difference_in_means
from aivalue.effects.estimators.imputation import imputation
from aivalue.effects.estimators.interrupted_time_series import (
    Interrupted,
    interrupted_time_series,
)
from aivalue.effects.estimators.synthetic_control import synthetic_control
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.estimators.synthetic_effect import (
    synthetic_control_effect,
    synthetic_difference_effect,
)
from aivalue.effects.front_door.table import Matrices
from aivalue.effects.functional import average
from aivalue.effects.panel import Booleans, Cells, Floats
from aivalue.effects.read_synthetic import doubts_of
from aivalue.errors import NotEstimable

Found = tuple[Effect, tuple[CheckResult, ...]]
BLOCKS_MAX = 3


def run(estimator: str, panel: Matrices, *, confidence: float) -> Found:
    """Estimate with the estimator of this name."""
    return _RUNS[estimator](panel, confidence)


def _means(panel: Matrices, confidence: float) -> Found:
    values = panel.outcome[:, 0]
    values, treated = values[np.isfinite(values)], panel.is_treated[np.isfinite(values)]
    effect = difference_in_means(
        _cell(values[treated]),
        _cell(values[~treated]),
        periods=panel.periods,
        confidence=confidence,
    )
    return effect, (sample_ratio([float(treated.sum())], [float((~treated).sum())]),)


def _synthetic_difference(panel: Matrices, confidence: float) -> Found:
    treated, donors, n_before = _block(panel)
    found = synthetic_difference_in_differences(treated, donors, n_before)
    volume = np.full(donors.shape[1] - n_before, float(len(treated)))
    effect = synthetic_difference_effect(
        found,
        treated[:, n_before:].mean(axis=0),
        volume,
        periods=panel.periods[n_before:],
        confidence=confidence,
    )
    checks = doubts_of(found, treated, donors, n_before, average(effect))
    return effect, checks


def _synthetic_control(panel: Matrices, confidence: float) -> Found:
    treated, donors, n_before = _block(panel)
    mean = treated.mean(axis=0)
    found = synthetic_control(mean, donors, n_before)
    effect = synthetic_control_effect(
        found,
        mean[n_before:],
        np.full(len(mean) - n_before, float(len(treated))),
        periods=panel.periods[n_before:],
        n_treated=len(treated),
        confidence=confidence,
    )
    is_claimed = _excludes_zero(average(effect))
    noise = float(np.diff(donors[:, :n_before], axis=1).std(ddof=1))
    placebos = found.placebo_gaps[:, n_before:].mean(axis=1)
    checks = (
        placebo_in_space(found.effect, placebos, is_claimed=is_claimed),
        leave_one_donor_out(
            found.effect,
            found.weights,
            lambda row: synthetic_control(mean, np.delete(donors, row, axis=0), n_before).effect,
            is_claimed=is_claimed,
        ),
        weight_concentration(found.weights, found.gap[:n_before], noise),
    )
    return effect, checks


def _imputation(panel: Matrices, confidence: float) -> Found:
    return imputation(panel.staggered(), confidence=confidence), (_leads(panel),)


def _callaway_santanna(panel: Matrices, confidence: float) -> Found:
    comparison = "never_treated" if (~panel.is_treated).sum() > 1 else "not_yet_treated"
    effect = callaway_santanna(
        panel.staggered(),
        comparison=comparison,  # type: ignore[arg-type]  # one of the two literals
        confidence=confidence,
    )
    return effect, (_leads(panel),)


def _difference(panel: Matrices, confidence: float) -> Found:
    with_ai, measured = _status(panel)
    value = np.nan_to_num(panel.outcome)
    rollout = Rollout(
        periods=panel.periods,
        units=panel.units,
        y_untreated=np.where(measured & ~with_ai, value, 0.0),
        x_untreated=(measured & ~with_ai).astype(np.float64),
        y_treated=np.where(measured & with_ai, value, 0.0),
        x_treated=(measured & with_ai).astype(np.float64),
    )
    effect = difference_in_differences(rollout, scale="additive", confidence=confidence)
    return effect, (_leads(panel),)


def _series(panel: Matrices, confidence: float) -> Found:
    treated = panel.is_treated
    starts = np.unique(panel.first_treated[treated])
    if len(starts) > 1:
        raise NotEstimable("units went live at different times: no single series")
    rows = panel.outcome[treated]
    seen = np.isfinite(rows).all(axis=0)
    covariates = panel.covariates[treated].mean(axis=0)[seen]
    position = np.flatnonzero(seen).astype(np.float64)
    with_ai = (position >= starts[0]).astype(np.float64)[:, None]
    if not with_ai.any():
        raise NotEstimable("no observation with the AI", verdict="too_early")
    series = Interrupted(
        periods=panel.periods[int(starts[0]) : int(starts[0]) + 1],
        outcome=rows[:, seen].mean(axis=0),
        position=position,
        with_ai=with_ai,
        controls=covariates,
        volume=np.array([with_ai.sum() * treated.sum()]),
        has_trend=covariates.shape[1] == 0,
    )
    return interrupted_time_series(series, confidence=confidence), ()


_RUNS: dict[str, Callable[[Matrices, float], Found]] = {
    "difference_in_means": _means,
    "synthetic_difference_in_differences": _synthetic_difference,
    "synthetic_control": _synthetic_control,
    "imputation": _imputation,
    "callaway_santanna": _callaway_santanna,
    "difference_in_differences": _difference,
    "interrupted_time_series": _series,
}


def _block(panel: Matrices) -> tuple[Floats, Floats, int]:
    starts = np.unique(panel.first_treated[panel.is_treated])
    if len(starts) > 1:
        raise NotEstimable("units went live at different times: use imputation")
    treated = panel.is_treated
    return panel.outcome[treated], panel.outcome[~treated], int(starts[0])


def _status(panel: Matrices) -> tuple[Booleans, Booleans]:
    with_ai: Booleans = np.arange(len(panel.times)) >= panel.first_treated[:, None]
    return with_ai, np.isfinite(panel.outcome)


def _leads(panel: Matrices) -> CheckResult:
    """Test blocks of the history next to go-live against the time before them."""
    with_ai, measured = _status(panel)
    x = (measured & ~with_ai).astype(np.float64)
    y = np.where(x > 0, np.nan_to_num(panel.outcome), 0.0)
    to_start = np.where(
        panel.is_treated[:, None], panel.first_treated[:, None] - np.arange(len(panel.times)), 0
    )
    longest = int(panel.first_treated[panel.is_treated].max())
    width = max(longest // (2 * BLOCKS_MAX), 1)
    blocks = tuple((1 + k * width, (k + 1) * width) for k in range(BLOCKS_MAX))
    units, times = x.sum(axis=1) > 0, x.sum(axis=0) > 0
    inside = np.ix_(units, times)
    try:
        return pre_trend(y[inside], x[inside], to_start[inside], scale="additive", blocks=blocks)
    except NotEstimable as refusal:
        return CheckResult(
            name="pre_trend", status="not_applicable", p_value=None, detail=str(refusal)
        )


def _cell(values: Floats) -> Cells:
    n = np.array([[float(len(values))]])
    nothing = np.zeros((1, 1))
    squares = ((values - values.mean()) ** 2).sum() if len(values) else 0.0
    return Cells(
        n=n,
        y=np.array([[float(values.sum())]]),
        x=n,
        yy=np.array([[float(squares)]]),
        xx=nothing,
        xy=nothing,
    )


def _excludes_zero(figure: Interval) -> bool:
    return not figure.low <= 0 <= figure.high
