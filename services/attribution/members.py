"""Who is at work on the same units: the initiatives of a run as the core's members; pure."""

from collections.abc import Iterable, Mapping
from datetime import date

from aivalue.effects.design import Assignment
from aivalue.effects.overlap.member import Measured, Member, overlapping
from aivalue.kpis.definition import Design
from aivalue.kpis.series import Series
from services.attribution.inputs import Baseline, Inputs


def member_of(
    initiative: str,
    design: Design,
    assignments: tuple[Assignment, ...],
    *,
    programme: str | None = None,
    baseline: Baseline | None = None,
) -> Member:
    """Return an initiative as it is estimated together with others."""
    return Member(
        initiative=initiative,
        plan=design,
        interventions=assignments,
        programme=programme,
        baseline=None if baseline is None else baseline.series,
        units=frozenset(design.units) or None,
    )


def members_on(inputs: Inputs, kpi: str) -> dict[str, Member]:
    """Return the initiative of a run and its neighbours on one KPI, by name."""
    own = inputs.definitions
    members = [
        member_of(
            own.initiative.key,
            own.design,
            inputs.assignments,
            programme=own.programme,
            baseline=inputs.baselines[kpi],
        )
    ]
    members += [
        member_of(
            each.initiative,
            each.design,
            each.assignments,
            programme=each.programme,
            baseline=each.baselines.get(kpi),
        )
        for each in inputs.neighbours
        if kpi in each.kpis
    ]
    return {member.initiative: member for member in members}


def neighbouring(
    initiative: str, members: Mapping[str, Member], measured: Measured
) -> tuple[frozenset[str], frozenset[str]]:
    """Return who shares units with an initiative, and who else is at work on units it is read by.

    An initiative that was randomized by event has its controls on its own units; one alone whose
    plan names units is read by these; any other by all units.
    """
    own = members[initiative]
    group = frozenset(overlapping(initiative, members, measured))
    if own.plan.randomized_by == "event":
        return group, frozenset()
    read_by = own.units if len(group) == 1 else None
    beside = {
        name
        for name, member in members.items()
        if name not in group
        and (reached := member.reached(measured))
        and (read_by is None or reached & read_by)
    }
    return group, frozenset(beside)


def starts_of(others: Iterable[Member], measured: Measured) -> dict[str, date]:
    """Return the first day on which one of these is at work, by unit."""
    first: dict[str, date] = {}
    for member in others:
        reached = member.reached(measured)
        for each in member.interventions:
            if each.arm == "treatment" and each.unit in reached:
                first[each.unit] = min(first.get(each.unit, each.start), each.start)
    return first


def up_to(series: Series, starts: Mapping[str, date]) -> Series:
    """Drop a unit's rows from the day on which an initiative beside starts there.

    From then on the unit is no picture of how things would be without any AI.
    """
    if not starts:
        return series
    return series.where(lambda key: key[0] not in starts or key[3] < starts[key[0]])
