"""What a batch changed, as the messages that tell the other services; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from aivalue.events.business import CostCharged, InterventionAssigned
from aivalue.events.changes import Changed as AnyChange
from aivalue.events.changes import (
    CostsChanged,
    InterventionsChanged,
    SeriesChanged,
    encode_change,
)
from aivalue.events.event import Event
from services.ingest.queries.storing import Change
from services.ingest.snapshot import snapshot
from services.ingest.storing.correcting import Changed

UNITS_MAX = 500


def messages_of(
    tenant: str,
    events: Iterable[Event],
    changes: Sequence[Changed],
    *,
    positions: Sequence[Mapping[str, object]],
    now: datetime,
    cause: str | None = None,
) -> list[tuple[bytes, bytes]]:
    """Return key and value of every message, the key being what changed.

    Their ids begin with what the change followed from: the positions that a batch moved, or `cause`
    where nothing moved.
    """
    read_at = str(snapshot(positions)["id"])
    changed: list[tuple[str, AnyChange]] = []
    interventions, costs = set[str](), set[str]()
    for part in changes:
        interventions |= part.interventions
        costs |= part.costs
        for change in part.series:
            changed += [(change.kpi, each) for each in _series_changed(change, read_at)]
    for event in events:
        if isinstance(event.data, InterventionAssigned):
            interventions.add(event.data.initiative)
        elif isinstance(event.data, CostCharged):
            costs.add(event.data.initiative)
    changed += [(each, InterventionsChanged(initiative=each)) for each in sorted(interventions)]
    changed += [(each, CostsChanged(initiative=each)) for each in sorted(costs)]
    return [
        (
            f"{tenant}|{key}".encode(),
            encode_change(change, tenant=tenant, event_id=f"{cause or read_at}/{index}", time=now),
        )
        for index, (key, change) in enumerate(changed)
    ]


def _series_changed(change: Change, read_at: str) -> Iterator[SeriesChanged]:
    for first in range(0, len(change.units), UNITS_MAX):
        yield SeriesChanged(
            kpi=change.kpi,
            units=list(change.units[first : first + UNITS_MAX]),
            start=change.first,
            end=change.last + timedelta(days=1),
            snapshot=read_at,
        )
