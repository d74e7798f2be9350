"""What an event of another service says has changed; pure, so that every case is a plain test."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

SERIES = "aivalue.series.changed.v1"
DEFINITIONS = "aivalue.definitions.changed.v1"
OF_ONE_INITIATIVE = {
    "aivalue.interventions.changed.v1": "interventions changed",
    "aivalue.costs.changed.v1": "costs changed",
    "aivalue.baseline.frozen.v1": "baseline frozen",
}
# What others on the same KPIs compute with too: they may share units, and so an effect.
OF_NEIGHBOURS = {"interventions changed", "baseline frozen", "definitions changed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is no longer as it was computed with.

    Attributes
    ----------
    kpi, initiatives :
        Whom it concerns: the initiatives that use the KPI, or those named; with neither, all.
    neighbours :
        It concerns those on the same KPIs as well.
    """

    tenant: str
    reason: str
    kpi: str | None = None
    initiatives: frozenset[str] | None = None
    neighbours: bool = False


class Unreadable(Exception):
    """The record is no event of a service of ours: it could concern anything."""


def change_of(value: bytes | None) -> Change | None:
    """Read a structured CloudEvent; None where it does not concern attribution.

    Raises
    ------
    Unreadable
        It is not one of the events that the services publish.
    """
    try:
        event = orjson.loads(value or b"")
        kind, tenant, data = event["type"], event["tenant"], event["data"]
        if not isinstance(tenant, str):
            raise Unreadable(f"tenant must be text, is {type(tenant).__name__}")
        return _read(kind, tenant, data)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def concerned(change: Change, designs: Mapping[str, Collection[str]]) -> set[str]:
    """Return the initiatives to look at again, given the KPIs that each one's design names.

    One without a design is left out: when it gets one, that is a change of its own.
    """
    if change.kpi is not None:
        return {initiative for initiative, kpis in designs.items() if change.kpi in kpis}
    if change.initiatives is not None:
        named = {each for each in change.initiatives if each in designs}
        if not change.neighbours:
            return named
        kpis = {kpi for each in named for kpi in designs[each]}
        return named | {name for name, own in designs.items() if not kpis.isdisjoint(own)}
    return set(designs)


def _read(kind: str, tenant: str, data: Mapping[str, Any]) -> Change | None:
    if kind == SERIES:
        return Change(tenant=tenant, reason=f"series {data['kpi']} changed", kpi=data["kpi"])
    if kind in OF_ONE_INITIATIVE:
        named, reason = frozenset({data["initiative"]}), OF_ONE_INITIATIVE[kind]
        return Change(
            tenant=tenant, reason=reason, initiatives=named, neighbours=reason in OF_NEIGHBOURS
        )
    if kind == DEFINITIONS:
        keys = data.get("initiatives")
        initiatives = None if keys is None else frozenset(keys)
        reason = "definitions changed"
        return Change(
            tenant=tenant,
            reason=reason,
            initiatives=initiatives,
            neighbours=reason in OF_NEIGHBOURS,
        )
    return None
