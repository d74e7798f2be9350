"""Put series, frozen baseline and interventions together: the rows an estimator may see.

A frozen baseline's rows stand in for the live series over its window, so a later correction
cannot move what was frozen. Rows outside the design's windows are dropped here, once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from aivalue.effects.choose import Facts
from aivalue.effects.design import Assignment, Status, status_of, weakest_assignment
from aivalue.effects.effect import Period
from aivalue.effects.panel import (
    MOMENTS,
    Booleans,
    Cells,
    Floats,
    Integers,
    Rows,
    cells_of,
    months_between,
    period_index,
    rows_of,
)
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import Days, MeasuredKpi, Plan
from aivalue.kpis.series import Series

CONTROL_ARMS = frozenset({"control", "holdout"})
CONTROLS_MIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Rows with their status.

    Attributes
    ----------
    without_ai, with_ai : one flag per row; a row may be neither (after a unit's end).
    periods : months from the first row to the end of the measured window.
    measured : the window the effect is estimated on.
    """

    rows: Rows
    status: Status
    without_ai: Booleans
    with_ai: Booleans
    units: tuple[str, ...]
    periods: tuple[Period, ...]
    measured: Period
    assignment: str

    def cells(self, chosen: Booleans) -> Cells:
        """Merge the chosen rows by unit and month."""
        index = {unit: position for position, unit in enumerate(self.units)}
        unit = np.fromiter((index[unit] for unit in self.rows.unit), np.int64)
        month = period_index(self.rows.day, self.periods)
        return cells_of(
            self.rows, np.where(chosen, unit, -1), month, (len(self.units), len(self.periods))
        )

    def in_arm(self, arms: Collection[str]) -> Booleans:
        """Return which rows name one of these arms."""
        return np.fromiter((arm in arms for arm in self.rows.arm), np.bool_, len(self.rows.arm))

    def share_of_days(self, chosen: Booleans) -> Floats:
        """Return each unit's share of each month's days on which something was measured."""
        index = {unit: position for position, unit in enumerate(self.units)}
        month = period_index(self.rows.day, self.periods)
        seen = {
            (index[self.rows.unit[row]], int(month[row]), int(self.rows.day[row]))
            for row in np.flatnonzero(chosen)
        }
        days = np.zeros((len(self.units), len(self.periods)))
        for unit, period, _ in seen:
            days[unit, period] += 1
        return days / [(period.end - period.start).days for period in self.periods]

    def months_to_start(self) -> Integers:
        """Return the months from each period to each unit's go-live; 0 for units without one."""
        month = np.array([period.start.year * 12 + period.start.month for period in self.periods])
        to_start = np.zeros((len(self.units), len(month)), np.int64)
        for row, unit in enumerate(self.units):
            if unit in self.status.start:
                start = date.fromordinal(self.status.start[unit])
                to_start[row] = start.year * 12 + start.month - month
        return to_start


def gather(
    *,
    kpi: MeasuredKpi,
    design: Plan,
    interventions: Sequence[Assignment],
    series: Series,
    baseline_series: Series | None,
    units: Collection[str] | None,
) -> Material:
    """Return the rows of the wanted units inside the design's windows.

    Raises
    ------
    NotEstimable
        Nothing was measured, or no unit has the AI yet.
    """
    if units is not None:
        interventions = [each for each in interventions if each.unit in units]
    status = status_of(interventions)
    if not status.start:
        raise NotEstimable("no unit is assigned to the AI", verdict="too_early")
    rows = _merged(kpi, design, series, baseline_series)
    if units is not None:
        rows = kept_rows(rows, np.fromiter((unit in units for unit in rows.unit), np.bool_))
    if len(rows.day) == 0:
        raise NotEstimable(f"nothing was measured of {kpi.key}", verdict="too_early")
    measured = measured_window(design, status, rows)
    rows = kept_rows(rows, rows.day < measured.end.toordinal())
    without_ai, with_ai = status.of_rows(rows)
    with_ai &= rows.day >= measured.start.toordinal()
    if design.baseline is not None:
        without_ai &= rows.day >= design.baseline.start.toordinal()
    if not with_ai.any():
        raise NotEstimable(f"{kpi.key} has not been measured with the AI", verdict="too_early")
    usable = without_ai | with_ai
    rows, without_ai, with_ai = kept_rows(rows, usable), without_ai[usable], with_ai[usable]
    return Material(
        rows=rows,
        status=status,
        without_ai=without_ai,
        with_ai=with_ai,
        units=tuple(sorted(set(rows.unit))),
        periods=months_between(date.fromordinal(int(rows.day.min())), measured.end),
        measured=measured,
        assignment=weakest_assignment(design.assignment, interventions),
    )


def facts_of(material: Material, design: Plan) -> Facts:
    """Count what `choose` decides by."""
    with_ai = material.cells(material.with_ai).x > 0
    without = material.cells(material.without_ai).x > 0
    months = with_ai.any(axis=0)
    arms = set(material.rows.arm)
    treated = with_ai.any(axis=1)
    first = material.status.first_of(material.units)
    starts = {
        material.status.start[unit] for unit in material.units if unit in material.status.start
    }
    measured = with_ai | without
    whole = np.array([period.end.toordinal() <= first for period in material.periods])
    return Facts(
        assignment=material.assignment,
        randomized_by=design.randomized_by,
        n_treated=int(treated.sum()),
        n_control=int((without[:, months].any(axis=1) & ~treated).sum()),
        months_with_controls=int((without.sum(axis=0)[months] >= CONTROLS_MIN).sum()),
        months_treated=int(months.sum()),
        days_before=max(first - int(material.rows.day.min()), 0),
        n_donors=int((measured.all(axis=1) & ~treated).sum()),
        n_starts=len(starts),
        months_before=int((whole & measured[treated].all(axis=0)).sum()),
        scale=design.scale,
        has_arms="treatment" in arms and bool(arms & CONTROL_ARMS),
        is_complete=bool(measured.all()),
        confidence=design.confidence,
    )


def measured_window(design: Plan, status: Status, rows: Rows) -> Period:
    """Return the days that the effect is estimated on."""
    start = date.fromordinal(status.first_of(set(rows.unit)))
    end = date.fromordinal(int(rows.day.max()) + 1)
    if design.measured is not None:
        start, end = max(start, design.measured.start), min(end, design.measured.end)
    if not start < end:
        raise NotEstimable(f"nothing has been measured from {start} on", verdict="too_early")
    return Period(start=start, end=end)


def _merged(kpi: MeasuredKpi, design: Plan, series: Series, baseline_series: Series | None) -> Rows:
    live = rows_of(series, kpi.aggregation)
    if baseline_series is None or design.baseline is None:
        return live
    return laid_over(live, rows_of(baseline_series, kpi.aggregation), design.baseline)


def laid_over(live: Rows, frozen: Rows, window: Days) -> Rows:
    """Let frozen rows stand in for the live rows of their units over a window."""
    start, end = window.start.toordinal(), window.end.toordinal()
    covered = set(frozen.unit)
    replaced = np.fromiter((unit in covered for unit in live.unit), np.bool_, len(live.unit))
    replaced &= (live.day >= start) & (live.day < end)
    frozen = kept_rows(frozen, (frozen.day >= start) & (frozen.day < end))
    live = kept_rows(live, ~replaced)
    moments = {
        name: np.concatenate([getattr(frozen.moments, name), getattr(live.moments, name)])
        for name in MOMENTS
    }
    return Rows(
        unit=frozen.unit + live.unit,
        arm=frozen.arm + live.arm,
        day=np.concatenate([frozen.day, live.day]),
        moments=Cells(**moments),
        segment=_segments(frozen) + _segments(live) if frozen.segment or live.segment else (),
    )


def _segments(rows: Rows) -> tuple[str, ...]:
    return rows.segment or ("",) * len(rows.unit)


def kept_rows(rows: Rows, keep: Booleans) -> Rows:
    """Return the rows to keep, in their order."""
    chosen = np.flatnonzero(keep)
    return Rows(
        unit=tuple(rows.unit[row] for row in chosen),
        arm=tuple(rows.arm[row] for row in chosen),
        day=rows.day[chosen],
        moments=rows.moments.of(chosen),
        segment=tuple(rows.segment[row] for row in chosen) if rows.segment else (),
    )
