"""Read one series against its own history, with the checks that belong to it."""

from dataclasses import replace

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.placebo_in_time import placebo_in_time
from aivalue.effects.checks.residual_autocorrelation import residual_autocorrelation
from aivalue.effects.checks.wandering_level import wandering_level
from aivalue.effects.effect import Effect
from aivalue.effects.error_models.wandering import Levels
from aivalue.effects.estimators.before_after import (
    WEEKS_AFTER_MIN,
    Errors,
    Weekly,
    levels,
    unforeseen,
)
from aivalue.effects.functional import average
from aivalue.effects.material import Material
from aivalue.effects.panel import Booleans, Integers, cells_of, period_index
from aivalue.effects.readings.reading import Reading, require_events
from aivalue.effects.segments.mix import SEGMENTS_MIN, HeldMix, hold_mix
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import Plan

DAYS_PER_WEEK = 7
UNNAMED = "(no segment)"


def read_series(material: Material, design: Plan, *, errors: Errors = "averaged") -> Reading:
    """Compare weeks with the AI to what trend and season lead one to expect."""
    require_events(
        design,
        treated=material.rows.moments.n[material.with_ai].sum(),
        control=material.rows.moments.n[material.without_ai].sum(),
    )
    weekly, held = _weekly(material)
    found = _levels(weekly, design, errors)
    return Reading(
        effect=found.published,
        doubts=lambda: (
            residual_autocorrelation(unforeseen(weekly, errors=errors)),
            wandering_level(found),
            _placebo_in_time(weekly, design, errors),
        ),
        parameters=(
            ("grain", "week"),
            *_figures("if_level_stands", found.stands),
            *_figures("if_level_wanders", found.wanders),
            *_declared(found),
            *_mix_of(held),
        ),
        parts=None if held is None else held.parts,
    )


def _levels(weekly: Weekly, design: Plan, errors: Errors) -> Levels:
    return levels(weekly, errors=errors, confidence=design.confidence, steady_by=design.steady_by)


def _declared(found: Levels) -> tuple[tuple[str, str], ...]:
    return () if found.steady_by is None else (("steady_by", found.steady_by),)


def _figures(name: str, effect: Effect) -> tuple[tuple[str, str], ...]:
    """Write one of the two readings between which the published one was decided."""
    figure = average(effect)
    return (
        (f"{name}_point", f"{figure.point:.6g}"),
        (f"{name}_low", f"{figure.low:.6g}"),
        (f"{name}_high", f"{figure.high:.6g}"),
    )


def _mix_of(held: HeldMix | None) -> tuple[tuple[str, str], ...]:
    if held is None:
        return ()
    return (("mix_held", ", ".join(name or UNNAMED for name in held.segments)),)


def _placebo_in_time(weekly: Weekly, design: Plan, errors: Errors) -> CheckResult:
    """Invent a go-live in the weeks before, on data that end with the real one."""
    before = weekly.share_treated.sum(axis=1) == 0
    n_placebo = max(int(before.sum()) // 4, WEEKS_AFTER_MIN)
    invented = np.zeros((int(before.sum()), 1))
    invented[-n_placebo:] = 1.0
    volume = weekly.x[before][-n_placebo:].sum()
    past = replace(
        weekly,
        periods=weekly.periods[:1],
        week=weekly.week[before],
        y=weekly.y[before],
        x=weekly.x[before],
        share_treated=invented,
        volume=np.array([volume]),
        observed=np.array([weekly.y[before][-n_placebo:].sum() / volume]),
    )
    try:
        placebo = _levels(past, design, errors).published
    except NotEstimable as refusal:
        return not_applicable("placebo_in_time", str(refusal))
    return placebo_in_time(average(placebo), n_periods=n_placebo)


def _weekly(material: Material) -> tuple[Weekly, HeldMix | None]:
    """Return the weeks; where measurements name segments, with their mix as it is with the AI."""
    first = material.status.first_of(material.units)
    week = np.floor((material.rows.day - first) / DAYS_PER_WEEK).astype(np.int64)
    position = week - week.min()
    n_weeks = int(position.max()) + 1
    month = period_index(material.rows.day, material.periods)
    nowhere = np.zeros_like(position)
    whole = cells_of(material.rows, position, nowhere, (n_weeks, 1))
    treated = np.where(material.with_ai, position, -1)
    with_ai = cells_of(material.rows, treated, month, (n_weeks, len(material.periods)))
    seen = whole.x[:, 0] > 0
    volume = with_ai.x.sum(axis=0)
    shown = volume > 0
    weekly = Weekly(
        periods=tuple(period for period, any_ in zip(material.periods, shown, strict=True) if any_),
        week=(np.flatnonzero(seen) + week.min()).astype(np.float64),
        y=whole.y[seen, 0],
        x=whole.x[seen, 0],
        share_treated=with_ai.x[np.ix_(seen, shown)] / whole.x[seen],
        volume=volume[shown],
        observed=with_ai.y.sum(axis=0)[shown] / volume[shown],
        n_units=len({unit for unit in material.status.start if unit in material.units}),
    )
    held = _held(material, position, weekly, seen)
    return (weekly, None) if held is None else (replace(weekly, y=held.level * weekly.x), held)


def _held(material: Material, position: Integers, weekly: Weekly, seen: Booleans) -> HeldMix | None:
    """Hold the mix of segments; None where one has volume, or one side has no weeks."""
    segments = material.rows.segment
    with_volume = np.flatnonzero(material.rows.moments.x > 0)
    names = sorted({segments[row] for row in with_volume}) if segments else []
    is_after: Booleans = weekly.share_treated.sum(axis=1) > 0
    if len(names) < SEGMENTS_MIN or is_after.all() or not is_after.any():
        return None
    index = {name: column for column, name in enumerate(names)}
    segment = np.fromiter((index.get(name, -1) for name in segments), np.int64)
    whole = cells_of(material.rows, position, segment, (len(seen), len(names)))
    together = np.where(material.with_ai, 0, -1)
    treated = cells_of(material.rows, together, segment, (1, len(names)))
    return hold_mix(whole.y[seen], whole.x[seen], is_after, treated.x[0], names)
