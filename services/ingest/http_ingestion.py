"""Events over HTTP: the same transaction as Kafka's, in a log that PostgreSQL itself keeps.

The log has a few partitions; a request locks one, so its offsets are assigned under the row lock
and the snapshot, the batches and the conservation law cover it like any other.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from aivalue.errors import InvalidEvent
from aivalue.events.event import Event
from aivalue.events.http_binding import Headers, decode_part
from aivalue.runtime.clock import utc_now
from services.ingest import metrics
from services.ingest.batch import Batch, Record, dead_letter_of, stretch_of
from services.ingest.handler import Store, Stored
from services.ingest.queries import partitions
from services.ingest.settings import IngestSettings

TOPIC = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """What became of one event of a request."""

    index: int
    id: str | None
    status: Literal["accepted", "duplicate", "rejected"]
    reason: str | None = None
    detail: str | None = None


class HttpIngestion:
    """Stores what requests bring, each request in one transaction."""

    def __init__(self, settings: IngestSettings, pool: asyncpg.Pool, store: Store) -> None:
        self._pool = pool
        self._store = store
        self._partitions = itertools.cycle(range(settings.ingest.http_partitions))

    async def ingest(self, tenant: str, parts: Sequence[tuple[bytes, Headers]]) -> list[ItemResult]:
        """Store the parts and say, after commit, what became of each."""
        now = utc_now()
        decoded = [_decoded(value, headers, now=now) for value, headers in parts]
        events = [event for event in decoded if isinstance(event, Event)]
        async with self._pool.acquire() as connection:
            await self._store.learn(connection, tenant, events)
            log_id, _ = await partitions.open_log(
                connection, tenant, TOPIC, kind="http", identity=""
            )
            async with connection.transaction():
                claim = await partitions.lock(
                    connection, tenant, TOPIC, log_id, next(self._partitions)
                )
                batch = _batch(claim, parts, decoded, now=now)
                stored = await self._store.write(connection, batch)
        metrics.observe_stored(batch, stored, seconds=(utc_now() - now).total_seconds())
        return _results(claim, decoded, stored)


def _decoded(value: bytes, headers: Headers, *, now: datetime) -> Event | InvalidEvent:
    try:
        return decode_part(value, headers, now=now)
    except InvalidEvent as error:
        return error


def _batch(
    claim: partitions.Claim,
    parts: Sequence[tuple[bytes, Headers]],
    decoded: Sequence[Event | InvalidEvent],
    *,
    now: datetime,
) -> Batch:
    """Place the parts at the end of the partition that the claim locks."""
    records = [
        Record(
            log_id=claim.log_id,
            partition=claim.partition,
            offset=claim.next_offset + index,
            timestamp_ms=int(now.timestamp() * 1_000),
            key=None,
            value=value,
            headers=[(name, text.encode("latin-1", "replace")) for name, text in headers],
        )
        for index, (value, headers) in enumerate(parts)
    ]
    stretch = stretch_of(
        log_id=claim.log_id,
        partition=claim.partition,
        epoch=claim.epoch,
        next_offset=claim.next_offset,
        head_hash=claim.head_hash,
        records=records,
    )
    batch = Batch(tenant=claim.tenant, received_at=now, stretches=[stretch])
    for record, result in zip(records, decoded, strict=True):
        if isinstance(result, Event):
            batch.events.append((record, result))
        else:
            batch.dead.append(dead_letter_of(record, result))
    return batch


def _results(
    claim: partitions.Claim, decoded: Sequence[Event | InvalidEvent], stored: Stored
) -> list[ItemResult]:
    first = claim.next_offset
    duplicates = {record.offset - first for record, _ in stored.duplicates}
    dead = {letter.record.offset - first: letter for letter in stored.dead}
    results = []
    for index, event in enumerate(decoded):
        event_id = event.id if isinstance(event, Event) else None
        letter = dead.get(index)
        results.append(
            ItemResult(
                index=index,
                id=event_id,
                status="rejected" if letter else "duplicate" if index in duplicates else "accepted",
                reason=letter.reason if letter else None,
                detail=letter.message if letter else None,
            )
        )
    return results
