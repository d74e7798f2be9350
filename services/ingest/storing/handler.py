"""Store a batch of records once, however often and by however many workers it is delivered.

One transaction: 1 the fence (epoch and offset compare-and-set), 2 event keys, 3 decisions and
outcomes, 4 corrections, 5 raw events, 6 measurements and daily statistics, 7 facts, 8 dead
letters, 9 what changed, into the outbox, 10 the batch's row. After it, and only best effort, the
caller commits to Kafka.
"""

import asyncio
from collections import Counter
from functools import partial

from asyncpg import Connection, DataError, PostgresError

from aivalue.events.columns import Columns
from aivalue.events.event import Event
from services.ingest.batch import Batch, DeadLetter
from services.ingest.failpoints import failpoint
from services.ingest.queries import dead_letters, facts, joining, outbox, partitions, storing
from services.ingest.storing import backfilling, correcting
from services.ingest.storing.changes import messages_of
from services.ingest.storing.correcting import Changed
from services.ingest.storing.event_runs import event_runs_of
from services.ingest.storing.identities import Identities, Ids
from services.ingest.storing.isolating import refused_events
from services.ingest.storing.keys import KeyStore, Stored
from services.ingest.storing.pairing import pair
from services.ingest.storing.ready import Ready
from services.ingest.storing.repeated import repeated_bytes
from services.ingest.storing.restated import restated
from services.ingest.taxonomy import Action, action_for


class Store:
    """Writes batches; one for all connections that write."""

    def __init__(self, *, changes_topic: str) -> None:
        self._changes_topic = changes_topic
        self._identities = Identities()
        self._keys = KeyStore()

    async def prepare(self, connection: Connection) -> None:
        """Make a connection ready; once, when it is opened."""
        await storing.prepare(connection)
        await joining.prepare(connection)

    def ready(self, batch: Batch) -> Ready | None:
        """Write the rows of a batch ahead, None where an id has to be asked for first.

        By whoever decoded it, while PostgreSQL works on the batch before.
        """
        ids = self._identities.known(batch.tenant, batch.events)
        return None if ids is None else Ready.of(batch, ids)

    async def store(
        self, connection: Connection, batch: Batch, ready: Ready | None = None
    ) -> Stored:
        """Store the batch in a transaction of its own.

        Raises
        ------
        Fenced
            Nothing is stored: another worker has advanced a partition.
        MassRefusal
            Nothing is stored: more events are refused than can be their own fault.
        """
        await failpoint("before_tx")
        if ready is None:
            ready = Ready.of(batch, await self.resolve(connection, batch.tenant, batch.events))
        try:
            stored = await self._commit(connection, batch, ready, frozenset())
        except (PostgresError, DataError) as error:
            if action_for(error) is not Action.DEAD_LETTER:
                raise
            write = partial(self._write, connection, batch, ready)
            refused = await refused_events(
                connection, write, n_events=len(batch.events), began=error
            )
            stored = await self._commit(connection, batch, ready, refused)
        await failpoint("after_pg_commit")
        self.committed(batch, ready.ids, stored)
        return stored

    def committed(self, batch: Batch, ids: Ids, stored: Stored) -> None:
        """Learn from a batch whose transaction has ended well."""
        self._keys.remember(batch, ids, stored)

    async def _commit(
        self, connection: Connection, batch: Batch, ready: Ready, refused: frozenset[int]
    ) -> Stored:
        async with connection.transaction():
            try:
                stored = await self._write(connection, batch, ready, refused)
            except TimeoutError:
                # It would not answer ROLLBACK either, for as long again.
                connection.terminate()
                raise
            await failpoint("before_pg_commit")
        return stored

    async def resolve(self, connection: Connection, tenant: str, events: Columns) -> Ids:
        """Return the ids that events need, committed before their transaction begins."""
        return await self._identities.resolve(connection, tenant, events)

    async def write(
        self,
        connection: Connection,
        batch: Batch,
        ids: Ids,
        refused: frozenset[int] = frozenset(),
    ) -> Stored:
        """Store the batch inside the caller's transaction, without events known to be refused."""
        return await self._write(connection, batch, Ready.of(batch, ids), refused)

    async def _write(
        self, connection: Connection, batch: Batch, ready: Ready, refused: frozenset[int]
    ) -> Stored:
        tenant = batch.tenant
        await partitions.advance(connection, tenant, batch.stretches)
        await failpoint("after_cas")
        stored = Stored(refused=dict.fromkeys(refused, "refused_by_database"))
        changes = (
            await _store_events(connection, batch, ready, stored, self._keys)
            if batch.events
            else []
        )
        stored.dead = [letter for stretch in batch.stretches for letter in stretch.dead]
        stored.dead += [_dead_letter(batch, seq, stored) for seq in sorted(stored.refused)]
        if stored.dead:
            await failpoint("in_dlq_insert")
            await dead_letters.insert_dead_letters(
                connection, tenant, stored.dead, received_at=batch.received_at
            )
        messages = messages_of(
            tenant,
            [batch.event(seq) for seq in batch.special if stored.keeps(seq)],
            changes,
            positions=await partitions.positions(connection, tenant),
            now=batch.received_at,
        )
        await outbox.record_changes(connection, tenant, self._changes_topic, messages)
        await partitions.record_batches(connection, tenant, _batch_rows(batch, stored))
        return stored


async def _store_events(
    connection: Connection, batch: Batch, ready: Ready, stored: Stored, keys: KeyStore
) -> list[Changed]:
    """Store the events and all that is derived from them; fill in what became of each."""
    tenant, ids = batch.tenant, ready.ids
    keys.recognise(batch, ready, stored)
    known = stored.gone
    # Meanwhile PostgreSQL claims the identities, nearly always those of all the others.
    packing = asyncio.create_task(asyncio.to_thread(event_runs_of, batch, without=known))
    try:
        concerned = await keys.store(connection, batch, ready, stored)
    finally:
        packed = await packing
    conflicts = [seq for seq, reason in stored.refused.items() if reason == "id_conflict"]
    if conflicts:
        stored.recognise(await restated(connection, batch, ids, conflicts))
    entangled: set[str] = set()
    if batch.special:
        refused, entangled = await pair(connection, batch)
        stored.refuse(refused)
        kept = [seq for seq in batch.special if stored.keeps(seq)]
        late = await backfilling.too_large(connection, batch, ids, kept)
        kept = [seq for seq in kept if seq not in late]
        corrected, needless = await correcting.register(connection, batch, kept, ids)
        concerned |= corrected
        late |= needless
        if late:
            await storing.forget_keys(connection, tenant, list(late))
            await storing.unstage(connection, list(late))
            stored.refuse(late)
    if batch.special or stored.duplicates:
        concerned |= await backfilling.register(connection, batch, ids, stored)
    gone = stored.gone
    packed = packed if gone == known else event_runs_of(batch, without=gone)
    await storing.insert_event_runs(connection, tenant, packed, received_at=batch.received_at)
    await failpoint("mid_insert")
    runs = ready.runs_without(batch, gone)
    changes = [Changed(series=await storing.insert_measurements(connection, tenant, runs))]
    await _store_facts(connection, batch, ids, stored)
    if concerned or entangled:
        changes.append(await correcting.apply(connection, tenant, concerned, entangled))
    return changes


async def _store_facts(connection: Connection, batch: Batch, ids: Ids, stored: Stored) -> None:
    families: dict[type, list[tuple[int, Event]]] = {}
    for seq in batch.special:
        event = batch.event(seq)
        if type(event.data) in facts.TABLES and stored.keeps(seq):
            families.setdefault(type(event.data), []).append((ids.sources[seq], event))
    for family in families.values():
        await facts.insert_facts(connection, batch.tenant, family)


REASONS = {
    "id_conflict": "the source has sent another event under this id",
    "decision_exists": "the decision was made already, by an event with another id",
    "outcome_exists": "the decision has an outcome of this KPI already",
    "already_retracted": "the event was retracted before",
    "backfill_too_large": "other events would wait too long: use `aivalue events revert`",
    "refused_by_database": "PostgreSQL refuses what the event says",
}


def _dead_letter(batch: Batch, seq: int, stored: Stored) -> DeadLetter:
    reason = stored.refused[seq]
    return DeadLetter(
        place=batch.place(seq),
        record=batch.records[seq],
        reason=reason,
        message=REASONS[reason],
        source=batch.events.sources[seq],
        event_id=batch.events.ids[seq],
    )


def _batch_rows(batch: Batch, stored: Stored) -> list[tuple[object, ...]]:
    """Return the rows of `batches`, counted stretch by stretch."""
    repetitions: dict[int, list[tuple[int, bytes]]] = {}
    for seq in sorted(stored.duplicates):
        place = (batch.records[seq].offset, batch.events.fingerprints[seq])
        repetitions.setdefault(batch.stretch_number(seq), []).append(place)
    refused = Counter(map(batch.stretch_number, stored.refused))
    rows: list[tuple[object, ...]] = []
    for number, stretch in enumerate(batch.stretches):
        origin = stretch.origin
        repeated = repetitions.get(number, [])
        inserted = len(stretch.kept) - len(repeated) - refused[number]
        rows.append(
            (
                origin.log_id, origin.partition, origin.next_offset, stretch.following_offset,
                origin.epoch, len(stretch.records), inserted, len(repeated),
                len(stretch.dead) + refused[number], stretch.sha256, origin.head_hash,
                stretch.hash, repeated_bytes(repeated),
            )
        )  # fmt: skip
    return rows
