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
from services.ingest.batch import (
    Batch,
    DeadLetter,
    LogRecord,
    Record,
    dead_letter_of,
    sha256_of,
    stretch_of,
)
from services.ingest.handler import REASONS, Store
from services.ingest.keys import Stored
from services.ingest.queries import partitions
from services.ingest.settings import IngestSettings

TOPIC = "http"
Status = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """What became of one event of a request."""

    index: int
    id: str | None
    status: Status
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
            ids = await self._store.resolve(connection, tenant, events)
            log_id, _ = await partitions.open_log(
                connection, tenant, TOPIC, kind="http", identity=""
            )
            async with connection.transaction():
                claim = await partitions.lock(
                    connection, tenant, TOPIC, log_id, next(self._partitions)
                )
                batch = _batch(claim, parts, decoded, now=now)
                stored = await self._store.write(connection, batch, ids)
            self._store.committed(batch, ids, stored)
        metrics.observe_stored(batch, stored, seconds=(utc_now() - now).total_seconds())
        return _results(decoded, stored)


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
    origin = claim.origin
    events: list[tuple[LogRecord, Event]] = []
    dead: list[DeadLetter] = []
    said: list[bytes] = []
    records = [
        Record(
            offset=origin.next_offset + index,
            timestamp=int(now.timestamp() * 1_000),
            key=None,
            value=value,
            headers=[(name, text.encode("latin-1", "replace")) for name, text in headers],
        )
        for index, (value, headers) in enumerate(parts)
    ]
    for record, result in zip(records, decoded, strict=True):
        if isinstance(result, Event):
            events.append((record, result))
            said.append(result.fingerprint)
        else:
            dead.append(dead_letter_of(origin, record, result))
            said.append(sha256_of(record))
    stretch = stretch_of(origin, records, events, dead, said)
    return Batch(tenant=claim.tenant, received_at=now, stretches=[stretch], may_take_long=True)


def _results(decoded: Sequence[Event | InvalidEvent], stored: Stored) -> list[ItemResult]:
    results = []
    seq = 0
    for index, event in enumerate(decoded):
        if isinstance(event, InvalidEvent):
            results.append(_rejected(index, None, event.reason, str(event)))
            continue
        if seq in stored.refused:
            reason = stored.refused[seq]
            results.append(_rejected(index, event.id, reason, REASONS[reason]))
        else:
            status: Status = "duplicate" if seq in stored.duplicates else "accepted"
            results.append(ItemResult(index=index, id=event.id, status=status))
        seq += 1
    return results


def _rejected(index: int, event_id: str | None, reason: str, detail: str) -> ItemResult:
    return ItemResult(index=index, id=event_id, status="rejected", reason=reason, detail=detail)
