"""Put several initiatives' rows together: who was at work on each, and the cells of each set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from aivalue.effects.design import NEVER, Status, status_of
from aivalue.effects.effect import Period
from aivalue.effects.material import Material, kept_rows, laid_over, measured_window
from aivalue.effects.overlap.joint_model import JointCells, members_of, sets_at_work
from aivalue.effects.overlap.member import CommonPlan, Member, first_day_of
from aivalue.effects.panel import Booleans, Integers, Rows, months_between, rows_of
from aivalue.effects.readings.phased import donut_of
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import MeasuredKpi
from aivalue.kpis.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Rows of several initiatives.

    Attributes
    ----------
    material :
        Of all of them taken as one: with any of them, and without all.
    mask : one number per row
        Which were at work, as bits.
    """

    material: Material
    initiatives: tuple[str, ...]
    mask: Integers

    def cells(self) -> JointCells:
        """Merge rows by unit, month and what was at work; months just before go-live left out."""
        material = self.material
        without = material.cells(material.without_ai)
        left_out = donut_of(material, without).cells
        found = np.unique(self.mask[material.with_ai])
        parts = [material.cells(material.with_ai & (self.mask == one)) for one in found]
        return JointCells(
            initiatives=self.initiatives,
            sets=tuple(members_of(int(one), self.initiatives) for one in found),
            y_untreated=np.where(left_out, 0.0, without.y),
            x_untreated=np.where(left_out, 0.0, without.x),
            y=np.stack([part.y for part in parts]),
            x=np.stack([part.x for part in parts]),
        )

    def n_units(self, initiative: str) -> int:
        """Return on how many measured units an initiative was at work."""
        bit = 1 << self.initiatives.index(initiative)
        rows = np.flatnonzero(self.material.with_ai & (self.mask & bit > 0))
        return len({self.material.rows.unit[row] for row in rows})


def gather_together(
    kpi: MeasuredKpi, members: Sequence[Member], series: Series, plan: CommonPlan
) -> Together:
    """Return the rows of all units that the members' plans are about.

    Frozen baselines are laid over the series one after the other, by name.

    Raises
    ------
    NotEstimable
        Nothing was measured, or no initiative is at work yet.
    """
    members = sorted(members, key=lambda member: member.initiative)
    statuses = {member.initiative: _status(member) for member in members}
    rows = _rows(kpi, members, series)
    if len(rows.day) == 0:
        raise NotEstimable(f"nothing was measured of {kpi.key}", verdict="too_early")
    status = _status_of_all(list(statuses.values()))
    measured = measured_window(plan, status, rows)
    rows = kept_rows(rows, rows.day < measured.end.toordinal())
    at_work = {name: each.of_rows(rows)[1] for name, each in statuses.items()}
    mask = sets_at_work(at_work, rows.day.shape)
    without_ai, _ = status.of_rows(rows)
    with_ai = (mask > 0) & (rows.day >= measured.start.toordinal())
    first = first_day_of(members)
    if first is not None:
        without_ai &= rows.day >= first.toordinal()
    if not with_ai.any():
        raise NotEstimable(f"{kpi.key} has not been measured with the AI", verdict="too_early")
    usable = without_ai | with_ai
    return Together(
        material=_material(rows, usable, (without_ai, with_ai), status, measured, plan),
        initiatives=tuple(statuses),
        mask=mask[usable],
    )


def _material(
    rows: Rows,
    usable: Booleans,
    flags: tuple[Booleans, Booleans],
    status: Status,
    measured: Period,
    plan: CommonPlan,
) -> Material:
    rows = kept_rows(rows, usable)
    first = date.fromordinal(int(rows.day.min()))
    return Material(
        rows=rows,
        status=status,
        without_ai=flags[0][usable],
        with_ai=flags[1][usable],
        units=tuple(sorted(set(rows.unit))),
        periods=months_between(first, measured.end),
        measured=measured,
        assignment=plan.assignment,
    )


def _rows(kpi: MeasuredKpi, members: Sequence[Member], series: Series) -> Rows:
    rows = rows_of(series, kpi.aggregation)
    for member in members:
        if member.baseline is not None and member.plan.baseline is not None:
            frozen = rows_of(member.baseline, kpi.aggregation)
            rows = laid_over(rows, frozen, member.plan.baseline)
    named = [member.units for member in members if member.units is not None]
    if len(named) < len(members):
        return rows
    wanted = frozenset().union(*named)
    return kept_rows(rows, np.fromiter((unit in wanted for unit in rows.unit), np.bool_))


def _status(member: Member) -> Status:
    units = member.units
    return status_of([each for each in member.interventions if units is None or each.unit in units])


def _status_of_all(statuses: Sequence[Status]) -> Status:
    """Take all initiatives as one: a unit is without AI until the first of them."""
    start: dict[str, int] = {}
    end: dict[str, int] = {}
    for status in statuses:
        for unit, first in status.start.items():
            start[unit] = min(start.get(unit, NEVER), first)
            end[unit] = max(end.get(unit, 0), status.end[unit])
    if not start:
        raise NotEstimable("no unit is assigned to the AI", verdict="too_early")
    return Status(start=start, end=end, controls=frozenset())
