"""Note which backfill brought which event, so that a backfill can be taken back as a whole.

An event counts while one of the backfills that it came with stands, or if it ever came without
one: a revert undoes an import, never what another source has said too. The rule looks at all
deliveries, never at their order.
"""

from collections.abc import Sequence
from typing import Final

from asyncpg import Connection

from aivalue.events.business import BackfillReverted, EventRetracted
from services.ingest.batch import Batch
from services.ingest.queries import backfills as queries
from services.ingest.queries.backfills import Key, Member, Revert
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
    concerned: dict[int, list[str]] = {}
    for seq in kept:
        data = batch.event(seq).data
        if isinstance(data, BackfillReverted):
            concerned[seq] = [data.backfill]
        elif isinstance(data, EventRetracted):
            target = (ids.by_source[data.source], data.id)
            concerned[seq] = await queries.reverted_by(connection, batch.tenant, [target])
    names = {name for named in concerned.values() for name in named}
    if not names:
        return {}
    large = await queries.larger_than(connection, batch.tenant, names, n_events=EVENTS_MAX)
    refused = [seq for seq, named in concerned.items() if large.intersection(named)]
    return dict.fromkeys(refused, "backfill_too_large")


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
        (*_key(batch, ids, seq), batch.event(seq).backfillid or "")
        for seq in sorted(stored.duplicates)
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
        )
        for seq in kept
        if isinstance((event := batch.event(seq)).data, BackfillReverted)
    ]
    if reverts:
        await queries.insert_reverts(connection, batch.tenant, reverts)
    return {each.by for each in reverts}


def _key(batch: Batch, ids: Ids, seq: int) -> Key:
    return (ids.sources[seq], batch.events.ids[seq])
