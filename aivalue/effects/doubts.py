"""Checks on a rollout's cells that do not depend on how the effect was estimated."""

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.composition import composition
from aivalue.effects.checks.contamination import contamination
from aivalue.effects.checks.permutation import TREATED_MAX, permutation_of_changes
from aivalue.effects.checks.pre_trend import pre_trend
from aivalue.effects.checks.sensitivity import sensitivity
from aivalue.effects.checks.unequal_scatter import unequal_scatter
from aivalue.effects.effect import Effect, Scale
from aivalue.effects.estimators.difference_in_differences import Rollout
from aivalue.effects.functional import average, relative
from aivalue.effects.panel import Booleans, Cells, Floats, Integers
from aivalue.effects.parallel_trends.drift import effects_under_drift
from aivalue.effects.parallel_trends.leads import QUARTERS, LeadTest, leads_before
from aivalue.effects.permutations.changes import changes_of
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

MONTHS_PER_BLOCK = 3


def doubts_before(
    y: Floats,
    x: Floats,
    months_to_start: Integers,
    effect: Effect,
    rollout: Rollout,
    *,
    scale: Scale,
    allows_for_scatter: bool,
) -> tuple[CheckResult, ...]:
    """Ask how treated units moved before, how much of it may go on, and how much they vary.

    Parameters
    ----------
    y, x : shape (n_units, n_periods)
        Cells without AI.
    rollout : Rollout
        All cells, of units and months that have none without AI too.
    allows_for_scatter : bool
        The published interval holds whatever the treated units' scatter.
    """
    try:
        test = leads_before(y, x, months_to_start, scale=scale)
    except NotEstimable as refusal:
        return nothing_before(refusal)
    return (
        pre_trend(test, scale=scale),
        _drift_allowed(test, effect, rollout, scale=scale),
        scatter_doubt(test, is_allowed_for=allows_for_scatter),
    )


def nothing_before(refusal: NotEstimable) -> tuple[CheckResult, ...]:
    """Say why the past before the AI answers none of the questions that are put to it."""
    names = ("pre_trend", "sensitivity", "unequal_scatter")
    return tuple(not_applicable(name, str(refusal)) for name in names)


def scatter_doubt(test: LeadTest, *, is_allowed_for: bool) -> CheckResult:
    """Doubt that treated units vary as others do, if their past before the AI says how they do."""
    scatter = None if test.dependence is None else test.dependence.scatter()
    if scatter is None:
        return not_applicable("unequal_scatter", "too short a history before")
    return unequal_scatter(scatter, is_allowed_for=is_allowed_for)


def _drift_allowed(
    test: LeadTest, effect: Effect, rollout: Rollout, *, scale: Scale
) -> CheckResult:
    try:
        figure = _figure(effect, scale)
    except NotEstimable as refusal:
        return not_applicable("sensitivity", str(refusal))
    steps = (len(effect.periods) + 1) / 2 / MONTHS_PER_BLOCK + 1
    has = rollout.x_treated > 0
    first = np.where(has.any(axis=1), has.argmax(axis=1), has.shape[1]).astype(np.int64)
    return sensitivity(
        figure,
        test,
        steps_after=steps,
        under_drift=effects_under_drift(
            rollout, first, test, scale=scale, blocks=QUARTERS, confidence=effect.confidence
        ),
    )


def doubts_of_units(
    with_ai: Cells,
    without: Cells,
    units: tuple[str, ...],
    effect: Effect,
    *,
    scale: Scale,
) -> tuple[CheckResult, ...]:
    """Look at every unit's level and volume before and after the first go-live."""
    is_treated = np.asarray(with_ai.x.sum(axis=1) > 0)
    months = np.asarray(with_ai.x.sum(axis=0) > 0)
    before, after = ~months, months
    level_before = _level(without, before)
    level_after = np.where(is_treated, _level(with_ai, after), _level(without, after))
    volume_before = without.x[:, before].sum(axis=1)
    volume_after = np.where(is_treated, with_ai.x.sum(axis=1), without.x[:, after].sum(axis=1))
    never = ~is_treated
    names = tuple(name for name, is_control in zip(units, never, strict=True) if is_control)
    try:
        error = _figure(effect, scale).standard_error
    except NotEstimable as refusal:
        doubt = not_applicable("contamination", str(refusal))
    else:
        doubt = contamination(
            level_before[never], level_after[never], names, standard_error=error, scale=scale
        )
    found = (doubt, composition(volume_before, volume_after, is_treated))
    if int(is_treated.sum()) > TREATED_MAX:
        return found
    return (*found, _permutation(with_ai, without, effect, scale))


def _permutation(with_ai: Cells, without: Cells, effect: Effect, scale: Scale) -> CheckResult:
    """Permute which units went live when; months in which a unit did are on neither side."""
    has = with_ai.x > 0
    weight = np.where(has & (without.x > 0), 0.0, with_ai.x + without.x)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (with_ai.y + without.y) / weight
        value = value if scale == "additive" else np.log(value)
    seen = np.isfinite(value)
    n_periods = has.shape[1]
    first = np.where(has.any(axis=1), has.argmax(axis=1), n_periods).astype(np.int64)
    figure = average(effect)
    return permutation_of_changes(
        changes_of(value, np.where(seen, weight, 0.0), has, first),
        confidence=effect.confidence,
        is_claimed=figure.excludes_zero,
    )


def _figure(effect: Effect, scale: Scale) -> Interval:
    return average(effect) if scale == "additive" else relative(effect)


def _level(cells: Cells, months: Booleans) -> Floats:
    volume = cells.x[:, months].sum(axis=1)
    total = cells.y[:, months].sum(axis=1)
    return np.where(volume > 0, total / np.where(volume > 0, volume, 1.0), np.nan)
