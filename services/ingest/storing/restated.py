"""Ids that came again and say the same in other digits (`aivalue.events.restating`).

Fingerprints are of what was written, and kept for ever: what looks like a conflict, which is rare,
is read again and compared as numbers.
"""

import asyncio
from collections.abc import Mapping, Sequence

from asyncpg import Connection

from aivalue.errors import InvalidEvent
from aivalue.events.event import Event
from aivalue.events.restating import say_the_same
from services.ingest.batch import Batch
from services.ingest.originals import decode_original, unpack
from services.ingest.queries.finding import KeyPlace, PlacedRun, places_of_keys, runs_at
from services.ingest.storing.identities import Ids


async def restated(
    connection: Connection, batch: Batch, ids: Ids, conflicts: Sequence[int]
) -> dict[int, int | None]:
    """Return those of the conflicts that are none; each with its twin, where that is in the batch.

    The keys of what the batch stores must be there.
    """
    sources = [ids.sources[seq] for seq in conflicts]
    names = [batch.events.ids[seq] for seq in conflicts]
    keys = await places_of_keys(connection, batch.tenant, sources, names)
    own = {_place(batch, seq): seq for seq in range(len(batch.events))}
    elsewhere = [key for key in keys if key not in own]
    runs = await runs_at(connection, batch.tenant, elsewhere)
    stored: Mapping[KeyPlace, Event] = await asyncio.to_thread(_events, runs, set(elsewhere))
    found: dict[int, int | None] = {}
    for seq, key in zip(conflicts, keys, strict=True):
        twin = own.get(key)
        before = stored.get(key) if twin is None else batch.event(twin)
        if before is not None and say_the_same(before, batch.event(seq)):
            found[seq] = twin
    return found


def _place(batch: Batch, seq: int) -> KeyPlace:
    origin = batch.stretches[batch.stretch_number(seq)].origin
    return origin.log_id, origin.partition, batch.records[seq].offset


def _events(runs: Sequence[PlacedRun], wanted: set[KeyPlace]) -> dict[KeyPlace, Event]:
    """Read the events at some places; what cannot be read any more is left out."""
    events: dict[KeyPlace, Event] = {}
    for run in runs:
        for record in unpack(run.originals):
            place = (run.log_id, run.partition, record.offset)
            if place not in wanted:
                continue
            try:
                events[place] = decode_original(
                    record.value, record.headers, kind=run.kind, now=run.received_at
                )
            except InvalidEvent:
                continue
    return events
