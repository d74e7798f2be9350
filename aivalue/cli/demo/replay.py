"""Send events through Kafka, and wait until ingest has counted every one of them."""

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
from aiokafka import AIOKafkaProducer

from aivalue.cli.demo.case import Addressed
from aivalue.errors import AivalueError
from aivalue.runtime.kafka import create_producer
from aivalue.runtime.settings import RuntimeSettings

CHUNK = 2_000
STALL_SECONDS = 60.0
# Topic and partition -> the offsets of what was sent there.
Positions = dict[tuple[str, int], range]
Advance = Callable[[int], None]


class ReplayStalled(AivalueError):
    """Ingest stopped counting before it had everything."""


async def send(
    events: Iterator[Addressed], settings: RuntimeSettings, tenant: str, advance: Advance
) -> Positions:
    """Produce the events and return where they went."""
    producer = create_producer(settings.kafka, client_id="aivalue-demo")
    await producer.start()
    positions: Positions = {}
    try:
        chunk: list[Addressed] = []
        for event in events:
            chunk.append(event)
            if len(chunk) == CHUNK:
                await _produce(producer, chunk, settings, tenant, positions)
                advance(len(chunk))
                chunk = []
        await _produce(producer, chunk, settings, tenant, positions)
        advance(len(chunk))
    finally:
        await producer.stop()
    return positions


async def counted(positions: Positions, client: httpx.AsyncClient, advance: Advance) -> None:
    """Wait until ingest's own positions are behind all of these.

    Raises
    ------
    ReplayStalled
        No progress for a minute; the message says how far it got.
    """
    total = sum(map(len, positions.values()))
    seen, progressed_at = 0, time.monotonic()
    while True:
        answer = await client.get("/v1/snapshot")
        answer.raise_for_status()
        reached = {
            (each["topic"], each["partition"]): each["next_offset"]
            for each in answer.json()["positions"]
        }
        now = sum(
            len(range(sent.start, min(reached.get(key, 0), sent.stop)))
            for key, sent in positions.items()
        )
        if now > seen:
            advance(now - seen)
            seen, progressed_at = now, time.monotonic()
        if now == total:
            return
        if time.monotonic() - progressed_at > STALL_SECONDS:
            raise ReplayStalled(f"ingest counted {seen} of {total} records, then stopped")
        await asyncio.sleep(0.1)


async def _produce(
    producer: AIOKafkaProducer,
    chunk: list[Addressed],
    settings: RuntimeSettings,
    tenant: str,
    positions: Positions,
) -> None:
    acknowledgements = [
        await producer.send(
            settings.kafka.input_topic(tenant, event.topic),
            value=event.message.value,
            key=event.message.key,
            headers=event.message.headers,
        )
        for event in chunk
    ]
    for record in await asyncio.gather(*acknowledgements):
        key = record.topic, record.partition
        sent = positions.get(key, range(record.offset, record.offset))
        positions[key] = range(min(sent.start, record.offset), max(sent.stop, record.offset + 1))
