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
from services.ingest.batch import Batch, DeadLetter, Record
from services.ingest.changes import messages_of
from services.ingest.failpoints import failpoint
from services.ingest.identities import Identities
from services.ingest.queries import dead_letters, facts, joining, outbox, partitions, storing
from services.ingest.staging import (
    decision_rows,
    event_rows,
    names_in,
    outcome_rows,
    staged_rows,
)


@dataclass(slots=True, kw_only=True)
class Stored:
    """What became of a batch: every record is in exactly one of the three."""

    inserted: list[tuple[Record, Event]] = field(default_factory=list)
    duplicates: list[tuple[Record, Event]] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


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
        await partitions.advance(connection, batch.tenant, batch.stretches)
        await failpoint("after_cas")
        kept, duplicates, dead = await self._store_events(connection, batch)
        dead = batch.dead + dead
        await failpoint("mid_insert")
        changes = await storing.insert_measurements(connection, batch.tenant) if kept else []
        stored = Stored(
            inserted=[batch.events[seq] for seq in kept],
            duplicates=[batch.events[seq] for seq in duplicates],
            dead=dead,
        )
        await self._store_facts(connection, batch.tenant, stored.inserted)
        if dead:
            await failpoint("in_dlq_insert")
            await dead_letters.insert_dead_letters(
                connection, batch.tenant, dead, received_at=batch.received_at
            )
        await outbox.record_changes(
            connection,
            batch.tenant,
            self._changes_topic,
            messages_of(
                batch.tenant,
                changes,
                (event for _, event in stored.inserted),
                positions=await partitions.positions(connection, batch.tenant),
                now=batch.received_at,
            ),
        )
        await partitions.record_batches(connection, batch.tenant, _batch_rows(batch, stored))
        return stored

    async def _store_events(
        self, connection: Connection, batch: Batch
    ) -> tuple[list[int], list[int], list[DeadLetter]]:
        """Store keys, halves of decisions and raw events; return what is kept, known and dead."""
        if not batch.events:
            return [], [], []
        await storing.stage(connection, staged_rows(batch, self._identities))
        duplicates, dead = await self._store_keys(connection, batch)
        dead |= await self._join(connection, batch)
        gone = dead.keys() | duplicates
        kept = [seq for seq in range(len(batch.events)) if seq not in gone]
        rows = event_rows(batch, kept, self._identities)
        await storing.insert_events(connection, rows)
        letters = [_dead_letter(batch.events[seq], reason) for seq, reason in sorted(dead.items())]
        return kept, sorted(duplicates), letters

    async def _store_keys(
        self, connection: Connection, batch: Batch
    ) -> tuple[set[int], dict[int, str]]:
        seqs = await storing.insert_keys(connection, batch.tenant)
        if not seqs:
            return set(), {}
        seen = await storing.compare_keys(connection, batch.tenant, seqs)
        duplicates = {each.seq for each in seen if each.same}
        conflicts = {each.seq: "id_conflict" for each in seen if not each.same}
        await storing.unstage(connection, sorted(duplicates | conflicts.keys()))
        return duplicates, conflicts

    async def _join(self, connection: Connection, batch: Batch) -> dict[int, str]:
        """Bring decisions and outcomes together; return those that contradict an earlier one."""
        decisions, outcomes = decision_rows(batch), outcome_rows(batch)
        if not decisions and not outcomes:
            return {}
        tenant, dead = batch.tenant, dict[int, str]()
        await joining.lock_decisions(connection, tenant)
        if decisions:
            await joining.stage_decisions(connection, decisions)
            dead |= dict.fromkeys(
                await joining.fill_decisions(connection, tenant), "decision_exists"
            )
        if outcomes:
            await joining.stage_outcomes(connection, outcomes)
            dead |= dict.fromkeys(
                await joining.insert_outcomes(connection, tenant), "outcome_exists"
            )
        if dead:
            await storing.forget_keys(connection, tenant, list(dead))
            await storing.unstage(connection, list(dead))
        await joining.stage_joined(connection, tenant)
        return dead

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
