"""Which initiatives must be estimated together, and the one plan they are read by.

Every one of them finds the same others and the same plan, whichever is asked first: so all compute
the same total, and their shares add up to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Self

from aivalue.effects.design import Assignment, weakest_assignment
from aivalue.effects.effect import Period, Scale
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import Days, Estimator, Plan
from aivalue.kpis.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The units of a series and its last day: all that who shares units depends on."""

    units: frozenset[str]
    last: date

    @classmethod
    def of(cls, series: Series) -> Self:
        """Read a series once, however many initiatives are on it."""
        return cls(units=frozenset(series.unit), last=max(series.day, default=date.min))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One initiative on a KPI.

    Attributes
    ----------
    programme :
        Initiatives of one programme share as one; None is a programme of its own.
    baseline :
        Rows of its frozen baseline, None where nothing was frozen.
    units :
        Those its plan is about; None is all.
    """

    initiative: str
    plan: Plan
    interventions: tuple[Assignment, ...]
    programme: str | None = None
    baseline: Series | None = None
    units: frozenset[str] | None = None

    def reached(self, measured: Measured) -> frozenset[str]:
        """Return the measured units on which the AI was at work before the series ends."""
        treated = {
            each.unit
            for each in self.interventions
            if each.arm == "treatment" and each.start <= measured.last
        }
        about = treated if self.units is None else treated & self.units
        return frozenset(about & measured.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonPlan:
    """The plan that initiatives estimated together are read by."""

    assignment: Literal["random", "phased", "self_selected"]
    scale: Scale
    measured: Days | None
    confidence: float
    events_min: int
    baseline: Days | None = None
    randomized_by: Literal["event", "unit"] | None = None
    estimator: Estimator | None = None
    approver: str | None = None
    steady_by: str | None = None


def overlapping(
    initiative: str, members: Mapping[str, Member], measured: Measured
) -> tuple[str, ...]:
    """Return the initiatives that share units with one, directly or by way of others.

    Itself included, by name; just itself where no unit has two.
    """
    reached = {name: member.reached(measured) for name, member in members.items()}
    found = {initiative}
    units = reached[initiative]
    while True:
        more = {name for name, own in reached.items() if name not in found and own & units}
        if not more:
            return tuple(sorted(found))
        found |= more
        units = units.union(*(reached[name] for name in more))


def common_plan(members: Sequence[Member]) -> CommonPlan:
    """Return the strictest of what the members' plans say."""
    plans = [member.plan for member in members]
    interventions = [each for member in members for each in member.interventions]
    assignments = {weakest_assignment(plan.assignment, interventions) for plan in plans}
    return CommonPlan(
        assignment=next(
            kind for kind in ("self_selected", "phased", "random") if kind in assignments
        ),
        scale=(
            "proportional" if all(plan.scale == "proportional" for plan in plans) else "additive"
        ),
        measured=_common_days([plan.measured for plan in plans if plan.measured is not None]),
        confidence=max(plan.confidence for plan in plans),
        events_min=max(plan.events_min for plan in plans),
    )


def first_day_of(members: Sequence[Member]) -> date | None:
    """Return the first day that a baseline window of theirs allows; None where none has one."""
    return min(
        (member.plan.baseline.start for member in members if member.plan.baseline is not None),
        default=None,
    )


def programmes_of(members: Sequence[Member]) -> dict[str, tuple[str, ...]] | None:
    """Return the programmes that the members share by; None where nobody names one."""
    if all(member.programme is None for member in members):
        return None
    found: dict[str, tuple[str, ...]] = {}
    for member in sorted(members, key=lambda each: each.initiative):
        # Names of programmes and of initiatives are apart, so neither can be taken for the other.
        name = (
            f"initiative {member.initiative}"
            if member.programme is None
            else f"programme {member.programme}"
        )
        found[name] = (*found.get(name, ()), member.initiative)
    return found


def _common_days(windows: Sequence[Days]) -> Days | None:
    if not windows:
        return None
    start, end = max(each.start for each in windows), min(each.end for each in windows)
    if not start < end:
        raise NotEstimable(f"measured windows have no day in common: {start} is not before {end}")
    return Period(start=start, end=end)
