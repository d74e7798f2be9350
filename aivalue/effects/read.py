"""Run the chosen estimator on the material, together with the checks that belong to it."""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.checks.agreement import agreement
from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.control_support import control_support
from aivalue.effects.checks.missing_data import missing_data
from aivalue.effects.checks.pre_trend import pre_trend
from aivalue.effects.checks.regression_to_the_mean import MONTHS, regression_to_the_mean
from aivalue.effects.checks.sample_ratio import sample_ratio
from aivalue.effects.choose import Choice
from aivalue.effects.effect import Effect
from aivalue.effects.estimators.before_after import Weekly, before_after
from aivalue.effects.estimators.difference_in_differences import Rollout, difference_in_differences
from aivalue.effects.estimators.difference_in_means import (
    difference_in_means,
    difference_in_means_by_unit,
)
from aivalue.effects.material import CONTROL_ARMS, Material
from aivalue.effects.panel import Booleans, Cells, Floats, cells_of, period_index
from aivalue.effects.read_synthetic import read_synthetic_difference
from aivalue.errors import NotEstimable
from aivalue.kpis.definition import Design

DAYS_PER_WEEK = 7
MONTHS_BEFORE_FOR_DONUT = 9  # The donut may take a third of the history, never more.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An effect with its checks, and what the estimator used besides its inputs."""

    effect: Effect
    checks: tuple[CheckResult, ...]
    parameters: tuple[tuple[str, str], ...]


def read(material: Material, *, design: Design, choice: Choice) -> Reading:
    """Estimate the effect as chosen.

    Raises
    ------
    NotEstimable
        An arm has fewer events than the design asks for, or the estimator refuses.
    """
    run = {
        "difference_in_means": _by_event,
        "difference_in_means_by_unit": _by_unit,
        "synthetic_difference_in_differences": _synthetic,
        "difference_in_differences": _phased,
        "before_after": _series_only,
    }[choice.estimator]
    return run(material, design)


def _by_event(material: Material, design: Design) -> Reading:
    treated_rows = material.with_ai & material.in_arm({"treatment"})
    control_rows = material.with_ai & material.in_arm(CONTROL_ARMS)
    treated, control = material.cells(treated_rows), material.cells(control_rows)
    _require_events(design, treated=treated.n.sum(), control=control.n.sum())
    effect = difference_in_means(
        treated, control, periods=material.periods, confidence=design.confidence
    )
    n_by_day = [_per_day(material, rows) for rows in (treated_rows, control_rows)]
    return Reading(effect=effect, checks=(sample_ratio(n_by_day[0], n_by_day[1]),), parameters=())


def _by_unit(material: Material, design: Design) -> Reading:
    in_window = material.rows.day >= material.measured.start.toordinal()
    is_treated = np.array([unit in material.status.start for unit in material.units])
    with_ai, without = (
        material.cells(material.with_ai),
        material.cells(material.without_ai & in_window),
    )
    treated, control = _units(with_ai, is_treated), _units(without, ~is_treated)
    _require_events(design, treated=treated.n.sum(), control=control.n.sum())
    effect = difference_in_means_by_unit(
        treated, control, periods=material.periods, confidence=design.confidence
    )
    return Reading(effect=effect, checks=(_units_seen(material, treated, control),), parameters=())


def _phased(material: Material, design: Design) -> Reading:
    with_ai, without = material.cells(material.with_ai), material.cells(material.without_ai)
    months = with_ai.x.sum(axis=0) > 0
    _require_events(design, treated=with_ai.n.sum(), control=without.n[:, months].sum())
    to_start = material.months_to_start()
    is_treated = np.array([unit in material.status.start for unit in material.units])
    to_start[~is_treated] = 0
    before = ((without.x > 0) & (to_start >= 1)).sum(axis=1)
    in_donut = (to_start >= 1) & (to_start <= MONTHS)
    in_donut &= (before >= MONTHS_BEFORE_FOR_DONUT)[:, None]
    rollout = Rollout(
        periods=material.periods,
        units=material.units,
        y_untreated=np.where(in_donut, 0.0, without.y),
        x_untreated=np.where(in_donut, 0.0, without.x),
        y_treated=with_ai.y,
        x_treated=with_ai.x,
    )
    effect = difference_in_differences(rollout, scale=design.scale, confidence=design.confidence)
    shown = [period for period, any_ in zip(material.periods, months, strict=True) if any_]
    left_out = bool(in_donut.any() and (before[is_treated] >= MONTHS_BEFORE_FOR_DONUT).all())
    seen = without.x.sum(axis=1) > 0
    whole = without.x.sum(axis=0) > 0
    y, x = without.y[np.ix_(seen, whole)], without.x[np.ix_(seen, whole)]
    distance = to_start[np.ix_(seen, whole)]
    checks = (
        control_support(shown, effect.periods),
        _measured_alike(material, is_treated, months),
        pre_trend(y, x, distance, scale=design.scale),
        regression_to_the_mean(y, x, distance, scale=design.scale, left_out=left_out),
    )
    donut = MONTHS if in_donut.any() else 0
    return Reading(
        effect=effect,
        checks=checks,
        parameters=(("scale", design.scale), ("months_left_out_before_go_live", str(donut))),
    )


def _measured_alike(material: Material, is_treated: Booleans, months: Booleans) -> CheckResult:
    with_ai, without = (
        material.share_of_days(rows) for rows in (material.with_ai, material.without_ai)
    )
    before = ~months
    # The month in which a unit goes live is on neither side whole.
    to_start = material.months_to_start()
    starts_then = is_treated[:, None] & (to_start == 0)
    with_ai, without = (np.where(starts_then, 0.0, days) for days in (with_ai, without))

    def share(days: Floats) -> float:
        return float(days[days > 0].mean()) if (days > 0).any() else 0.0

    # Units that have none at all in a month are not yet treated there, or closed: not counted.
    return missing_data(
        treated_before=share(without[is_treated][:, before]),
        treated_after=share(with_ai[is_treated]),
        control_before=share(without[:, before]),
        control_after=share(without[:, months]),
    )


def _synthetic(material: Material, design: Design) -> Reading:
    with_ai, without = material.cells(material.with_ai), material.cells(material.without_ai)
    months = with_ai.x.sum(axis=0) > 0
    _require_events(design, treated=with_ai.n.sum(), control=without.n[:, months].sum())
    effect, checks = read_synthetic_difference(
        with_ai, without, periods=material.periods, confidence=design.confidence
    )
    rival = _phased(material, design)
    return Reading(
        effect=effect,
        checks=(*checks, agreement(effect, [rival.effect]), *rival.checks),
        parameters=(("months_left_out_before_go_live", str(MONTHS)),),
    )


def _series_only(material: Material, design: Design) -> Reading:
    _require_events(
        design,
        treated=material.rows.moments.n[material.with_ai].sum(),
        control=material.rows.moments.n[material.without_ai].sum(),
    )
    effect = before_after(_weekly(material), confidence=design.confidence)
    return Reading(effect=effect, checks=(), parameters=(("grain", "week"),))


def _weekly(material: Material) -> Weekly:
    first = min(material.status.start.values())
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
    return Weekly(
        periods=tuple(period for period, any_ in zip(material.periods, shown, strict=True) if any_),
        week=(np.flatnonzero(seen) + week.min()).astype(np.float64),
        y=whole.y[seen, 0],
        x=whole.x[seen, 0],
        share_treated=with_ai.x[np.ix_(seen, shown)] / whole.x[seen],
        volume=volume[shown],
        observed=with_ai.y.sum(axis=0)[shown] / volume[shown],
        n_units=len({unit for unit in material.status.start if unit in material.units}),
    )


def _units(cells: Cells, chosen: Booleans) -> Cells:
    return Cells(
        n=cells.n[chosen],
        y=cells.y[chosen],
        x=cells.x[chosen],
        yy=cells.yy[chosen],
        xx=cells.xx[chosen],
        xy=cells.xy[chosen],
    )


def _units_seen(material: Material, treated: Cells, control: Cells) -> CheckResult:
    """Compare the units measured with the units drawn: attrition shows as a changed split."""
    n_drawn = len(material.status.start), len(material.status.controls)
    share = n_drawn[0] / sum(n_drawn) if all(n_drawn) else None
    seen = [float((arm.n.sum(axis=1) > 0).sum()) for arm in (treated, control)]
    return sample_ratio(seen[:1], seen[1:], share_treated=share)


def _per_day(material: Material, chosen: Booleans) -> Floats:
    days = material.rows.day - material.rows.day.min()
    n = material.rows.moments.n[chosen]
    return np.bincount(days[chosen], n, int(days.max()) + 1).astype(np.float64)


def _require_events(design: Design, *, treated: float, control: float) -> None:
    for name, n in (("with the AI", treated), ("to compare with", control)):
        if n < design.events_min:
            raise NotEstimable(
                f"{n:.0f} measurements {name}, needs {design.events_min}",
                verdict="below_sample_floor",
            )
