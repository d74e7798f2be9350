"""What no ingest on this machine can beat: reading the log, and COPY of packed originals."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg

from aivalue.runtime.kafka import create_consumer
from bench.ingest.load import Events, partitions_of
from bench.ingest.servers import Servers
from services.ingest.batch import Batch, Origin, Record
from services.ingest.queries import storing
from services.ingest.reading.decoding import decode_stretch
from services.ingest.storing.event_runs import event_runs_of

BATCH = 5_000


async def poll_rate(servers: Servers, topic: str, n_events: int) -> float:
    """Return records a second that the client hands over, doing nothing with them."""
    consumer = create_consumer(servers.kafka, group=None, client_id="bench")
    await consumer.start()
    try:
        partitions = partitions_of(servers.kafka, topic)
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        n_read, begun = 0, time.monotonic()
        while n_read < n_events:
            polled = await consumer.getmany(timeout_ms=200, max_records=BATCH)
            n_read += sum(map(len, polled.values()))
        return n_read / (time.monotonic() - begun)
    finally:
        await consumer.stop()


async def copy_rate(servers: Servers, name: str, n_events: int) -> float:
    """Return events a second whose packed originals COPY writes, 5,000 in a transaction."""
    address = await servers.database(name)
    now = datetime.now(UTC)
    runs = event_runs_of(_batch(now), without=frozenset())
    connection = await asyncpg.connect(address)
    try:
        begun = time.monotonic()
        for number in range(n_events // BATCH):
            at = number * BATCH
            moved = [_moved(run, at) for run in runs]
            await storing.insert_event_runs(connection, "default", moved, received_at=now)
        return n_events // BATCH * BATCH / (time.monotonic() - begun)
    finally:
        await connection.close()
        await servers.drop(name)


def _batch(now: datetime) -> Batch:
    events = Events("structured")
    records = []
    for number in range(1, BATCH + 1):
        # Neither malformed nor repeated.
        key, value, headers = events.record(number * 100 + 1)
        records.append(
            Record(offset=number - 1, timestamp=1, key=key, value=value, headers=headers)
        )
    origin = Origin(log_id=1, partition=0, epoch=1, next_offset=0, head_hash=bytes(32))
    stretch = decode_stretch(origin, records, now=now)
    return Batch(tenant="default", received_at=now, stretches=[stretch])


def _moved(run: storing.EventRun, by: int) -> storing.EventRun:
    return replace(run, first_offset=run.first_offset + by, last_offset=run.last_offset + by)
