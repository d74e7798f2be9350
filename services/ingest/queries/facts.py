"""Interventions, costs and the other families that are kept as they come, one row an event."""

from collections.abc import Mapping, Sequence

import msgspec
from asyncpg import Connection

from aivalue.events import business, model
from aivalue.events.event import Event
from aivalue.events.fields import EventData

TABLES: Mapping[type[EventData], str] = {
    business.InterventionAssigned: "interventions",
    business.CostCharged: "costs",
    business.RealizationRecorded: "realizations",
    model.ModelVersionRegistered: "model_versions",
    model.DeploymentChanged: "deployments",
    model.QualityMeasured: "quality",
    model.DriftDetected: "drift",
}


async def insert_facts(
    connection: Connection, tenant: str, events: Sequence[tuple[int, Event]]
) -> None:
    """Insert events of one family, given with the ids of their sources.

    Their keys were claimed in the same transaction, so none of them is here already.
    """
    table = TABLES[type(events[0][1].data)]
    rows = [
        (tenant, source_id, event.id, event.time, *_cells(event)) for source_id, event in events
    ]
    columns = ("tenant_id", "source_id", "event_id", "time", *_columns(events[0][1]))
    await connection.copy_records_to_table(
        table, schema_name="ingest", records=rows, columns=columns
    )


def _columns(event: Event) -> list[str]:
    names = list(event.data.__struct_fields__)
    if "window" in names:
        names[names.index("window") :] = ["window_start", "window_end"]
    return names


def _cells(event: Event) -> list[object]:
    cells: list[object] = []
    for name in event.data.__struct_fields__:
        value = getattr(event.data, name)
        if name == "window":
            cells += [value.start, value.end]
        elif name == "tags":
            cells.append(msgspec.json.encode(value).decode())
        else:
            cells.append(value)
    return cells
