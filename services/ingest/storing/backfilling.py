"""Note which backfill brought which event, so that a backfill can be taken back as a whole.

An event counts while one of the backfills that it came with stands, or if it ever came without
one: a revert undoes an import, never what another source has said too. The rule looks at all
deliveries, never at their order.
"""

from collections.abc import Sequence
from typing import Final

from asyncpg import Connection

from aivalue.events.business import BackfillReverted, EventRetracted
from aivalue.events.fields import EventData
from services.ingest.batch import Batch
from services.ingest.queries import backfills as queries
from services.ingest.queries import reverts as spans
from services.ingest.queries.backfills import Key, Member, Revert
from services.ingest.queries.reverts import Span
from services.ingest.storing.identities import Ids
from services.ingest.storing.keys import Stored

# A revert works for about 0.1 to 0.3 ms per event in one transaction, and a log waits for it.
EVENTS_MAX: Final = 100_000


async def too_large(
    connection: Connection, batch: Batch, ids: Ids, kept: Sequence[int]
) -> dict[int, str]:
    """Return what takes back, or restores, more than a log can wait for, with the reason."""
    if batch.may_take_long:
        return {}
    refused: dict[int, str] = {}
    for seq in await _reverting(connection, batch, ids, kept):
        for span in await _spans(connection, batch, ids, batch.event(seq).data):
            n = await spans.n_members(connection, batch.tenant, span, n_max=EVENTS_MAX + 1)
            if n > EVENTS_MAX:
                refused[seq] = "backfill_too_large"
    return refused


async def _reverting(
    connection: Connection, batch: Batch, ids: Ids, kept: Sequence[int]
) -> Sequence[int]:
    """Return the events that may revert something; at once, for retractions hardly ever do."""
    said = {seq: batch.event(seq).data for seq in kept}
    retracted = {
        seq: (ids.by_source[data.source], data.id)
        for seq, data in said.items()
        if isinstance(data, EventRetracted)
    }
    if not retracted or not await spans.reverted_by(
        connection, batch.tenant, sorted(set(retracted.values()))
    ):
        return [seq for seq, data in said.items() if isinstance(data, BackfillReverted)]
    return [seq for seq in kept if seq in retracted or isinstance(said[seq], BackfillReverted)]


async def _spans(connection: Connection, batch: Batch, ids: Ids, data: EventData) -> Sequence[Span]:
    """Return what would count otherwise if this were said."""
    if isinstance(data, BackfillReverted):
        ends = await spans.ends_of_standing(connection, batch.tenant, data.backfill)
        span = spans.span_of(data.backfill, ends, [_through(data, ids)])
        return [] if span is None else [span]
    if isinstance(data, EventRetracted):
        target = (ids.by_source[data.source], data.id)
        return await spans.spans_of(connection, batch.tenant, [target])
    return ()


async def register(connection: Connection, batch: Batch, ids: Ids, stored: Stored) -> set[Key]:
    """Keep what a batch says of backfills; return the events that may count otherwise now."""
    kept = [seq for seq in batch.special if stored.keeps(seq)]
    concerned = await _brought(connection, batch, ids, kept)
    # After them: an event may be repeated in the batch that brings it.
    concerned |= await _repeated(connection, batch, ids, stored)
    return concerned | await _reverts(connection, batch, ids, kept)


async def _brought(connection: Connection, batch: Batch, ids: Ids, kept: Sequence[int]) -> set[Key]:
    """Note where new events came from; return those of reverted backfills."""
    new = [
        (*_key(batch, ids, seq), backfill)
        for seq in kept
        if (backfill := batch.event(seq).backfillid) is not None
    ]
    if not new:
        return set()
    names = sorted({backfill for *_, backfill in new})
    await queries.hold(connection, batch.tenant, names, exclusively=False)
    await queries.insert_members(connection, batch.tenant, new)
    reverted = await queries.reverted_among(connection, batch.tenant, names)
    return {(source_id, event_id) for source_id, event_id, name in new if name in reverted}


async def _repeated(connection: Connection, batch: Batch, ids: Ids, stored: Stored) -> set[Key]:
    """Note that events came again with another backfill, or with none."""
    again: list[Member] = [
        (*_key(batch, ids, seq), _backfill(batch, seq)) for seq in sorted(stored.duplicates)
    ]
    if not again:
        return set()
    found = await queries.insert_further(connection, batch.tenant, again)
    if not found:
        return set()
    names = await queries.backfills_of(connection, batch.tenant, found)
    await queries.hold(connection, batch.tenant, names, exclusively=False)
    return set(found)


async def _reverts(connection: Connection, batch: Batch, ids: Ids, kept: Sequence[int]) -> set[Key]:
    """Keep the reverts; return the events that say so, from which the rest follows."""
    reverts = [
        Revert(
            backfill=event.data.backfill,
            by=_key(batch, ids, seq),
            recorded_at=event.time,
            reason=event.data.reason,
            through=_through(event.data, ids),
        )
        for seq in kept
        if isinstance((event := batch.event(seq)).data, BackfillReverted)
    ]
    if reverts:
        await queries.insert_reverts(connection, batch.tenant, reverts)
    return {each.by for each in reverts}


def _through(data: BackfillReverted, ids: Ids) -> Key | None:
    if data.through_source is None or data.through_id is None:
        return None
    return (ids.by_source[data.through_source], data.through_id)


def _backfill(batch: Batch, seq: int) -> str:
    """Return the backfill that brought an event; none brings one that is its columns alone."""
    event = batch.events.whole.get(seq)
    return "" if event is None else event.backfillid or ""


def _key(batch: Batch, ids: Ids, seq: int) -> Key:
    return (ids.sources[seq], batch.events.ids[seq])
