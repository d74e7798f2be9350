"""Store a batch of records once, however often and by however many workers it is delivered.

One transaction: 1 the fence (epoch and offset compare-and-set), 2 event keys, 3 decisions and
outcomes, 4 corrections, 5 raw events, 6 measurements and daily statistics, 7 facts, 8 dead
letters, 9 what changed, into the outbox, 10 the batch's row. After it, and only best effort, the
caller commits to Kafka.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from asyncpg import Connection

from aivalue.events.event import Event
from services.ingest import correcting
from services.ingest.batch import Batch, DeadLetter, Record
from services.ingest.changes import messages_of
from services.ingest.correcting import Changed
from services.ingest.failpoints import failpoint
from services.ingest.identities import Identities
from services.ingest.pairing import pair
from services.ingest.queries import dead_letters, facts, joining, outbox, partitions, storing
from services.ingest.queries.corrections import Key
from services.ingest.staging import event_rows, names_in, staged_rows


@dataclass(slots=True, kw_only=True)
class Stored:
    """What became of a batch: every record is in exactly one of the three."""

    inserted: list[tuple[Record, Event]] = field(default_factory=list)
    duplicates: list[tuple[Record, Event]] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """Staged events that are not simply new: known, contradicting, or announced before."""

    duplicates: set[int] = field(default_factory=set)
    conflicts: dict[int, str] = field(default_factory=dict)
    awaited: set[Key] = field(default_factory=set)


class Store:
    """Writes batches; one per connection that writes."""

    def __init__(self, *, changes_topic: str) -> None:
        self._changes_topic = changes_topic
        self._identities = Identities()

    async def prepare(self, connection: Connection) -> None:
        """Make a connection ready; once, when it is opened."""
        await storing.prepare(connection)
        await joining.prepare(connection)

    async def store(self, connection: Connection, batch: Batch) -> Stored:
        """Store the batch in a transaction of its own.

        Raises
        ------
        Fenced
            Nothing is stored: another worker has advanced a partition.
        """
        await failpoint("before_tx")
        await self.learn(connection, batch.tenant, (event for _, event in batch.events))
        async with connection.transaction():
            stored = await self.write(connection, batch)
            await failpoint("before_pg_commit")
        await failpoint("after_pg_commit")
        return stored

    async def learn(self, connection: Connection, tenant: str, events: Iterable[Event]) -> None:
        """Fetch the ids that events need, committed before their transaction begins."""
        sources, series = names_in(events)
        await self._identities.learn(connection, tenant, sources=sources, series=series)

    async def write(self, connection: Connection, batch: Batch) -> Stored:
        """Store the batch inside the caller's transaction."""
        tenant = batch.tenant
        await partitions.advance(connection, tenant, batch.stretches)
        await failpoint("after_cas")
        stored = Stored(dead=list(batch.dead))
        changes = []
        if batch.events:
            changes = await self._store_events(connection, batch, stored)
        if stored.dead:
            await failpoint("in_dlq_insert")
            await dead_letters.insert_dead_letters(
                connection, tenant, stored.dead, received_at=batch.received_at
            )
        await outbox.record_changes(
            connection,
            tenant,
            self._changes_topic,
            messages_of(
                tenant,
                (event for _, event in stored.inserted),
                changes,
                positions=await partitions.positions(connection, tenant),
                now=batch.received_at,
            ),
        )
        await partitions.record_batches(connection, tenant, _batch_rows(batch, stored))
        return stored

    async def _store_events(
        self, connection: Connection, batch: Batch, stored: Stored
    ) -> list[Changed]:
        """Store the events and all that is derived from them; fill in what became of each."""
        tenant = batch.tenant
        await storing.stage(connection, staged_rows(batch, self._identities))
        keys = await self._store_keys(connection, batch)
        unpaired, days = await pair(connection, batch)
        dead = keys.conflicts | unpaired
        kept = [
            seq
            for seq in range(len(batch.events))
            if seq not in dead and seq not in keys.duplicates
        ]
        concerned, late = await correcting.register(connection, batch, kept, self._identities)
        if late:
            await storing.forget_keys(connection, tenant, list(late))
            await storing.unstage(connection, list(late))
            dead |= late
            kept = [seq for seq in kept if seq not in late]
        await storing.insert_events(connection, event_rows(batch, kept, self._identities))
        await failpoint("mid_insert")
        stored.inserted += [batch.events[seq] for seq in kept]
        stored.duplicates += [batch.events[seq] for seq in sorted(keys.duplicates)]
        stored.dead += [_dead_letter(batch.events[seq], dead[seq]) for seq in sorted(dead)]
        changes = [Changed(series=await storing.insert_measurements(connection, tenant))]
        await self._store_facts(connection, tenant, stored.inserted)
        concerned |= keys.awaited
        if concerned or days:
            changes.append(await correcting.apply(connection, tenant, concerned, days))
        return changes

    async def _store_keys(self, connection: Connection, batch: Batch) -> "_Keys":
        """Claim the events' identities and tell apart those that exist already."""
        tenant = batch.tenant
        seqs = await storing.insert_keys(connection, tenant)
        if not seqs:
            return _Keys()
        seen = await storing.compare_keys(connection, tenant, seqs)
        awaited = [each.seq for each in seen if each.awaited]
        arrived: list[int] = []
        if awaited:
            arrived = await storing.fill_awaited_keys(connection, tenant, awaited)
            # Of twins that were awaited one has arrived; what the other is can be told now.
            seen = await storing.compare_keys(
                connection, tenant, [seq for seq in seqs if seq not in arrived]
            )
            await storing.unpair(connection, arrived)
        keys = _Keys(
            duplicates={each.seq for each in seen if each.same},
            conflicts={each.seq: "id_conflict" for each in seen if not each.same},
            awaited={
                (self._identities.source(tenant, event.source), event.id)
                for _, event in (batch.events[seq] for seq in arrived)
            },
        )
        await storing.unstage(connection, sorted(keys.duplicates | keys.conflicts.keys()))
        return keys

    async def _store_facts(
        self, connection: Connection, tenant: str, events: Sequence[tuple[Record, Event]]
    ) -> None:
        families: dict[type, list[tuple[int, Event]]] = {}
        for _, event in events:
            if type(event.data) in facts.TABLES:
                source_id = self._identities.source(tenant, event.source)
                families.setdefault(type(event.data), []).append((source_id, event))
        for family in families.values():
            await facts.insert_facts(connection, tenant, family)


_REASONS = {
    "id_conflict": "the source has sent another event under this id",
    "decision_exists": "the decision was made already, by an event with another id",
    "outcome_exists": "the decision has an outcome of this KPI already",
    "already_retracted": "the event was retracted before",
}


def _dead_letter(item: tuple[Record, Event], reason: str) -> DeadLetter:
    record, event = item
    return DeadLetter(
        record=record,
        reason=reason,
        message=_REASONS[reason],
        source=event.source,
        event_id=event.id,
    )


def _batch_rows(batch: Batch, stored: Stored) -> list[tuple[object, ...]]:
    """Return the rows of `batches`, counted partition by partition."""
    inserted = _by_partition(record for record, _ in stored.inserted)
    duplicate = _by_partition(record for record, _ in stored.duplicates)
    dead = _by_partition(letter.record for letter in stored.dead)
    rows: list[tuple[object, ...]] = []
    for stretch in batch.stretches:
        place = (stretch.log_id, stretch.partition)
        rows.append(
            (
                *place, stretch.next_offset, stretch.following_offset, stretch.epoch,
                len(stretch.records), inserted[place], duplicate[place], dead[place],
                stretch.sha256, stretch.head_hash, stretch.hash,
            )
        )  # fmt: skip
    return rows


def _by_partition(records: Iterable[Record]) -> Counter[tuple[int, int]]:
    return Counter((record.log_id, record.partition) for record in records)
