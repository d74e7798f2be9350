"""Events over HTTP: the same transaction as Kafka's, in a log that PostgreSQL itself keeps.

The log has a few partitions; a request locks one, so its offsets are assigned under the row lock
and the snapshot, the batches and the conservation law cover it like any other.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

import asyncpg
import msgspec

from aivalue.errors import InvalidEvent
from aivalue.events.columns import Columns
from aivalue.runtime.clock import utc_now
from services.ingest import metrics
from services.ingest.attempts import attempted
from services.ingest.batch import (
    Batch,
    DeadLetter,
    LogRecord,
    Record,
    dead_letter_of,
    stretch_of,
)
from services.ingest.http_parts import Part, read_parts
from services.ingest.lateness import is_late
from services.ingest.queries import partitions
from services.ingest.settings import IngestSettings
from services.ingest.storing.handler import REASONS, Store
from services.ingest.storing.identities import Ids
from services.ingest.storing.isolating import refused_events
from services.ingest.storing.keys import Stored
from services.ingest.taxonomy import Action, action_for

TOPIC = "http"
Status = Literal["accepted", "duplicate", "rejected"]


class ItemResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one event of a request, as the answer says it."""

    index: int
    id: str | None = None
    status: Status
    late: bool | None = None
    reason: str | None = None
    detail: str | None = None


class Busy(Exception):
    """As many requests wait as may; whoever comes now should come again."""


class HttpIngestion:
    """Stores what requests bring, each request in one transaction."""

    def __init__(self, settings: IngestSettings, pool: asyncpg.Pool, store: Store) -> None:
        self._pool = pool
        self._store = store
        self._partitions = itertools.cycle(range(settings.ingest.http_partitions))
        self._requests_max = settings.ingest.http_requests_max
        self._n_requests = 0

    def require_room(self) -> None:
        """Refuse a request early, before its body is read.

        Raises
        ------
        Busy
            As many wait as may.
        """
        if self._n_requests >= self._requests_max:
            raise Busy

    async def ingest(self, tenant: str, parts: Sequence[Part]) -> list[ItemResult]:
        """Store the parts and say, after commit, what became of each.

        Raises
        ------
        Busy
            As many wait as may.
        DependencyUnavailable
            PostgreSQL is away; nothing is known to be stored, and sending again counts once.
        MassRefusal
            PostgreSQL refuses more than can be the events' fault; nothing is stored.
        """
        self.require_room()
        self._n_requests += 1
        try:
            return await self._ingest(tenant, parts)
        finally:
            self._n_requests -= 1

    async def _ingest(self, tenant: str, parts: Sequence[Part]) -> list[ItemResult]:
        now = utc_now()
        events, invalid = read_parts(parts, now=now)
        request = _Request(
            tenant=tenant,
            partition=next(self._partitions),
            parts=parts,
            events=events,
            invalid=invalid,
            received_at=now,
        )
        batch, stored = await attempted(partial(self._store_request, request))
        metrics.observe_stored(batch, stored, seconds=(utc_now() - now).total_seconds())
        return _results(request, stored)

    async def _store_request(self, request: "_Request") -> tuple[Batch, Stored]:
        async with self._pool.acquire() as connection:
            ids = await self._store.resolve(connection, request.tenant, request.events)
            log_id, _ = await partitions.open_log(
                connection, request.tenant, TOPIC, kind="http", identity=""
            )
            try:
                async with connection.transaction():
                    batch, stored = await self._write(connection, request, log_id, ids)
            except (asyncpg.PostgresError, asyncpg.DataError) as error:
                if action_for(error) is not Action.DEAD_LETTER:
                    raise
                write = partial(self._write, connection, request, log_id, ids)
                refused = await refused_events(
                    connection, write, n_events=len(request.events), began=error
                )
                async with connection.transaction():
                    batch, stored = await self._write(connection, request, log_id, ids, refused)
            self._store.committed(batch, ids, stored)
        return batch, stored

    async def _write(
        self,
        connection: asyncpg.Connection,
        request: "_Request",
        log_id: int,
        ids: Ids,
        refused: frozenset[int] = frozenset(),
    ) -> tuple[Batch, Stored]:
        """Write inside a transaction: the partition's row is locked from here to its end."""
        claim = await partitions.lock(connection, request.tenant, TOPIC, log_id, request.partition)
        batch = _batch(claim, request)
        return batch, await self._store.write(connection, batch, ids, refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What a request brought, decoded once however often it takes to store it.

    Attributes
    ----------
    events :
        In the order of the parts; the index of an event is its `seq`.
    invalid :
        By index of the part, what is wrong with those that are no events.
    """

    tenant: str
    partition: int
    parts: Sequence[Part]
    events: Columns
    invalid: Mapping[int, InvalidEvent]
    received_at: datetime


def _batch(claim: partitions.Claim, request: _Request) -> Batch:
    """Place the parts at the end of the partition that the claim locks."""
    origin = claim.origin
    kept: list[LogRecord] = []
    dead: list[DeadLetter] = []
    records = [
        Record(
            offset=origin.next_offset + index,
            timestamp=int(request.received_at.timestamp() * 1_000),
            key=None,
            value=value,
            headers=[(name, text.encode("latin-1", "replace")) for name, text in headers],
        )
        for index, (value, headers) in enumerate(request.parts)
    ]
    for index, record in enumerate(records):
        error = request.invalid.get(index)
        if error is None:
            kept.append(record)
        else:
            dead.append(dead_letter_of(origin, record, error))
    return Batch(
        tenant=claim.tenant,
        received_at=request.received_at,
        stretches=[stretch_of(origin, records, kept, request.events, dead)],
        may_take_long=True,
    )


def _results(request: _Request, stored: Stored) -> list[ItemResult]:
    results = []
    seqs = itertools.count()
    for index in range(len(request.parts)):
        error = request.invalid.get(index)
        if error is None:
            results.append(_result(request, index, next(seqs), stored))
        else:
            results.append(_rejected(index, None, error.reason, str(error)))
    return results


def _result(request: _Request, index: int, seq: int, stored: Stored) -> ItemResult:
    events = request.events
    if seq in stored.refused:
        reason = stored.refused[seq]
        return _rejected(index, events.ids[seq], reason, REASONS[reason])
    status: Status = "duplicate" if seq in stored.duplicates else "accepted"
    late = True if is_late(events.microseconds[seq], request.received_at) else None
    return ItemResult(index=index, id=events.ids[seq], status=status, late=late)


def _rejected(index: int, event_id: str | None, reason: str, detail: str) -> ItemResult:
    return ItemResult(index=index, id=event_id, status="rejected", reason=reason, detail=detail)
