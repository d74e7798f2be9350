"""Rollouts from a table: units with the AI from some time on, with the checks of such designs."""

from collections.abc import Callable
from functools import cache
from typing import Literal

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.composition import composition
from aivalue.effects.checks.contamination import contamination
from aivalue.effects.checks.placebo_in_time import placebo_in_time
from aivalue.effects.checks.pre_trend import pre_trend
from aivalue.effects.checks.regression_to_the_mean import regression_to_the_mean
from aivalue.effects.checks.sensitivity import sensitivity
from aivalue.effects.doubts import nothing_before, scatter_doubt
from aivalue.effects.effect import Effect
from aivalue.effects.estimators.callaway_santanna import callaway_santanna
from aivalue.effects.estimators.difference_in_differences import Rollout, difference_in_differences
from aivalue.effects.estimators.imputation import imputation
from aivalue.effects.estimators.whole_clusters import whole_clusters
from aivalue.effects.front_door.course import course_of_units, parallel_before
from aivalue.effects.front_door.permuted import Permuted
from aivalue.effects.front_door.ran import Options, Ran
from aivalue.effects.front_door.table import Matrices
from aivalue.effects.functional import average
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.parallel_trends.drift import effects_under_drift
from aivalue.effects.parallel_trends.leads import LeadTest, leads_before
from aivalue.effects.permutations.changes import changes_of
from aivalue.effects.permutations.permutation import Permutation, permutation_of_starts
from aivalue.errors import NotEstimable

BLOCKS_MAX = 3


def run_imputation(panel: Matrices, options: Options) -> Ran:
    """Impute what treated cells would have been."""
    effect = imputation(panel.staggered(), confidence=options.confidence)
    return _ran(panel, effect, options)


def run_callaway_santanna(panel: Matrices, options: Options) -> Ran:
    """Compare cohorts with units that never, or do not yet, have the AI."""
    comparison: Literal["never_treated", "not_yet_treated"] = (
        "never_treated" if (~panel.is_treated).sum() > 1 else "not_yet_treated"
    )
    effect = callaway_santanna(
        panel.staggered(), comparison=comparison, confidence=options.confidence
    )
    return _ran(panel, effect, options, before=_from_last_before)


def run_difference(panel: Matrices, options: Options) -> Ran:
    """Compare units with their own past, beside those without the AI."""
    effect = _difference(panel, panel.first_treated, len(panel.times), options)
    return _ran(panel, effect, options)


def _ran(
    panel: Matrices,
    effect: Effect,
    options: Options,
    before: Callable[[Matrices], Floats] = parallel_before,
) -> Ran:
    permuted = _permuted(panel, options)
    return Ran(
        effect=effect,
        doubts=lambda: _doubts(panel, effect, options, permuted),
        permuted=permuted,
        course=lambda: course_of_units(panel, effect, before(panel)),
    )


def _from_last_before(panel: Matrices) -> Floats:
    """Return parallel trends through the last time before, which the estimator compares with."""
    before = parallel_before(panel)
    last = panel.outcome[panel.is_treated, len(before) - 1]
    anchored: Floats = before + np.nanmean(last) - before[-1]
    return anchored


def _difference(panel: Matrices, first: Integers, n_times: int, options: Options) -> Effect:
    rollout = _rollout(panel, first, n_times)
    return difference_in_differences(rollout, scale="additive", confidence=options.confidence)


def _rollout(panel: Matrices, first: Integers, n_times: int) -> Rollout:
    value = panel.outcome[:, :n_times]
    measured = np.isfinite(value)
    with_ai = np.arange(n_times) >= first[:, None]
    value = np.nan_to_num(value)
    return Rollout(
        periods=panel.periods[:n_times],
        units=panel.units,
        y_untreated=np.where(measured & ~with_ai, value, 0.0),
        x_untreated=(measured & ~with_ai).astype(np.float64),
        y_treated=np.where(measured & with_ai, value, 0.0),
        x_treated=(measured & with_ai).astype(np.float64),
    )


def _doubts(
    panel: Matrices, effect: Effect, options: Options, permuted: Permuted
) -> tuple[CheckResult, ...]:
    figure = average(effect)
    is_claimed = figure.excludes_zero
    return (
        *_before(panel, effect, options),
        _regression_to_the_mean(panel),
        _placebo_in_time(panel, options),
        _contamination(panel, figure.standard_error),
        _composition(panel),
        permuted.check(is_claimed=is_claimed),
    )


def _untreated(panel: Matrices) -> tuple[Floats, Floats, Integers]:
    """Return outcome and presence of untreated cells, and the periods to each unit's go-live."""
    with_ai, measured = _status(panel)
    x = (measured & ~with_ai).astype(np.float64)
    y = np.where(x > 0, np.nan_to_num(panel.outcome), 0.0)
    to_start = np.where(
        panel.is_treated[:, None], panel.first_treated[:, None] - np.arange(len(panel.times)), 0
    )
    inside = np.ix_(x.sum(axis=1) > 0, x.sum(axis=0) > 0)
    return y[inside], x[inside], to_start[inside]


def _blocks(panel: Matrices) -> tuple[tuple[int, int], ...]:
    """Cut the half of the history next to go-live into blocks, the nearest first."""
    longest = int(panel.first_treated[panel.is_treated].max())
    width = max(longest // (2 * BLOCKS_MAX), 1)
    return tuple((1 + k * width, (k + 1) * width) for k in range(BLOCKS_MAX))


def _before(panel: Matrices, effect: Effect, options: Options) -> tuple[CheckResult, ...]:
    """Ask how treated units moved before, how much of it may go on, and how much they vary."""
    blocks = _blocks(panel)
    try:
        test = leads_before(*_untreated(panel), scale="additive", blocks=blocks)
    except NotEstimable as refusal:
        return nothing_before(refusal)
    is_allowed_for = effect.estimator != "callaway_santanna" and options.inference == "calibrated"
    return (
        pre_trend(test, scale="additive", blocks=blocks),
        _sensitivity(panel, test, effect, options),
        scatter_doubt(test, is_allowed_for=is_allowed_for),
    )


def _regression_to_the_mean(panel: Matrices) -> CheckResult:
    y, x, to_start = _untreated(panel)
    width = _blocks(panel)[0][1]
    return regression_to_the_mean(y, x, to_start, scale="additive", left_out=False, width=width)


def _sensitivity(panel: Matrices, test: LeadTest, effect: Effect, options: Options) -> CheckResult:
    blocks = _blocks(panel)
    with_ai, measured = _status(panel)
    since = np.arange(len(panel.times)) - panel.first_treated[:, None] + 1
    steps = float(since[with_ai & measured].mean()) / blocks[0][1]
    rollout = _rollout(panel, panel.first_treated, len(panel.times))
    return sensitivity(
        average(effect),
        test,
        steps_after=steps,
        under_drift=effects_under_drift(
            rollout,
            panel.first_treated,
            test,
            scale="additive",
            blocks=blocks,
            confidence=options.confidence,
        ),
    )


def _placebo_in_time(panel: Matrices, options: Options) -> CheckResult:
    """Invent a go-live in the past, on data that end with the first real one."""
    first = int(panel.first_treated[panel.is_treated].min())
    n_placebo = max(first // 3, 1)
    if first - n_placebo < BLOCKS_MAX:
        return not_applicable("placebo_in_time", f"{first} times before go-live are too few")
    invented = np.where(panel.is_treated, first - n_placebo, first)
    try:
        placebo = _difference(panel, invented, first, options)
    except NotEstimable as refusal:
        return not_applicable("placebo_in_time", str(refusal))
    return placebo_in_time(average(placebo), n_periods=n_placebo)


def _sides(panel: Matrices) -> tuple[Floats, Floats]:
    """Return each unit's mean level before and after its (or the first) go-live, NaN if unseen."""
    first = int(panel.first_treated[panel.is_treated].min())
    start = np.where(panel.is_treated, panel.first_treated, first)
    after = np.arange(len(panel.times)) >= start[:, None]
    measured = np.isfinite(panel.outcome)
    value = np.nan_to_num(panel.outcome)
    means = []
    for side in (measured & ~after, measured & after):
        n = side.sum(axis=1)
        total = np.where(side, value, 0.0).sum(axis=1)
        means.append(np.where(n > 0, total / np.maximum(n, 1), np.nan))
    return means[0], means[1]


def _contamination(panel: Matrices, error: float) -> CheckResult:
    before, after = _sides(panel)
    never = ~panel.is_treated
    names = tuple(name for name, kept in zip(panel.units, never, strict=True) if kept)
    return contamination(before[never], after[never], names, standard_error=error)


def _composition(panel: Matrices) -> CheckResult:
    before, after = (np.isfinite(side).astype(np.float64) for side in _sides(panel))
    return composition(before, after, panel.is_treated)


def _permuted(panel: Matrices, options: Options) -> Permuted:
    """Permute what went live: units, or clusters where those did as a whole."""
    first, of = panel.first_treated, "units"
    clusters = None
    if panel.cluster is not None:
        clusters = whole_clusters(panel.cluster, first)
        if clusters is None:
            return Permuted(of="clusters", n_treated=0, invert=_refuse_parts)
        first, of = clusters.cohort, "clusters"

    def invert() -> Permutation:
        with_ai, measured = _status(panel)
        value = np.nan_to_num(panel.outcome)
        weight = measured.astype(np.float64)
        if clusters is not None:
            weight = clusters.summed(weight)
            value = clusters.summed(value) / np.maximum(weight, 1.0)
            weight = (weight > 0).astype(np.float64)  # A cluster counts once, however many it has.
            with_ai = np.arange(len(panel.times)) >= first[:, None]
        found = changes_of(value, weight, with_ai, first)
        return permutation_of_starts(
            found.change, found.had_it, found.counts, confidence=options.confidence
        )

    return Permuted(of=of, n_treated=int((first < len(panel.times)).sum()), invert=cache(invert))


def _refuse_parts() -> Permutation:
    raise NotEstimable("clusters went live in parts, not as a whole")


def _status(panel: Matrices) -> tuple[Booleans, Booleans]:
    with_ai: Booleans = np.arange(len(panel.times)) >= panel.first_treated[:, None]
    return with_ai, np.isfinite(panel.outcome)
