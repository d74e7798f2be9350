"""The events of the benchmark, the same ones in the form each contender reads, put on the log.

One in 100 repeats an event sent 50 before; for ours, one in 2,000 is malformed (a peer without
dead letters would stop at it).
"""

import asyncio
import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition

from aivalue.runtime.kafka import create_producer, ensure_topics
from aivalue.runtime.settings import KafkaSettings

Form = Literal["structured", "binary", "flat", "described"]
"""For ours in the two modes of CloudEvents; for a sink of tables, bare or each with its schema."""
Headers = list[tuple[str, bytes]]

N_UNITS, N_KPIS = 200, 5
DUPLICATE_EVERY, MALFORMED_EVERY = 100, 2_000
SOURCE = "urn:plant:mes"
TYPE = "aivalue.measurement.recorded.v1"
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
BATCH = 500
# Whatever the number of events, they lie in the same days: no run counts events of tomorrow.
PERIOD = 2_500_000
FLAT_FIELDS = ("id", "source", "type", "time", "unit", "data")
FLAT_SCHEMA = (
    '{"type":"struct","fields":['
    + ",".join(f'{{"field":"{name}","type":"string"}}' for name in FLAT_FIELDS)
    + "]}"
)
_FOR_A_SINK = ("flat", "described")


def n_distinct(n_events: int, *, malformed: bool) -> int:
    """Count the events that are neither repetitions nor malformed."""
    n_malformed = n_events // MALFORMED_EVERY
    n_repeated = n_events // DUPLICATE_EVERY - n_malformed
    return n_events - n_repeated - n_malformed if malformed else n_events - n_repeated


class Numbered(Protocol):
    """A load, event by event."""

    def record(self, number: int) -> tuple[bytes, bytes, Headers]:
        """Return key, value and headers of an event; the first has number 1."""


class Events:
    """Numbered events, from 1 on."""

    def __init__(self, form: Form, *, random_ids: bool = False, first: int = 1) -> None:
        self._form = form
        self._random_ids = random_ids
        self._first = first
        self._start = datetime.now(UTC) - timedelta(days=3)

    def record(self, number: int) -> tuple[bytes, bytes, Headers]:
        """Return key, value and headers of an event."""
        if number % MALFORMED_EVERY == 0:
            if self._form not in _FOR_A_SINK:
                return b"k", b'{"not": "an event"', STRUCTURED
        elif number % DUPLICATE_EVERY == 0:
            number -= DUPLICATE_EVERY // 2
        number += self._first - 1
        unit = f"line-{number % N_UNITS:03}"
        moment = (self._start + timedelta(milliseconds=100 * (number % PERIOD))).isoformat()
        data = (
            f'{{"kpi":"kpi-{number % N_KPIS}","unit":"{unit}",'
            f'"value":"{number % 9973}.{number % 97:02}"}}'
        )
        event_id = _random_id(number) if self._random_ids else f"019a{number:012x}"
        return unit.encode(), *self._message(event_id, moment, unit, data)

    def _message(self, event_id: str, moment: str, unit: str, data: str) -> tuple[bytes, Headers]:
        if self._form == "binary":
            attributes = {
                "specversion": "1.0", "id": event_id, "source": SOURCE, "type": TYPE,
                "time": moment,
            }  # fmt: skip
            headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
            headers.append(("content-type", b"application/json"))
            return data.encode(), headers
        if self._form in _FOR_A_SINK:
            quoted = data.replace('"', '\\"')
            flat = (
                f'{{"id":"{event_id}","source":"{SOURCE}","type":"{TYPE}","time":"{moment}",'
                f'"unit":"{unit}","data":"{quoted}"}}'
            )
            if self._form == "described":
                flat = f'{{"schema":{FLAT_SCHEMA},"payload":{flat}}}'
            return flat.encode(), []
        envelope = (
            f'{{"specversion":"1.0","id":"{event_id}","source":"{SOURCE}","type":"{TYPE}",'
            f'"time":"{moment}","datacontenttype":"application/json","data":{data}}}'
        )
        return envelope.encode(), STRUCTURED


async def produce(settings: KafkaSettings, topic: str, events: Numbered, n_events: int) -> None:
    """Put events on the log, spread over its partitions in turns."""
    await ensure_topics(settings, [topic])
    # Or the client says of every partition that its leader is not known yet.
    await asyncio.sleep(1)
    producer: AIOKafkaProducer = create_producer(settings, client_id="bench")
    await producer.start()
    waiting: set[asyncio.Future[object]] = set()
    try:
        for turn, first in enumerate(range(1, n_events + 1, BATCH)):
            batch = producer.create_batch()
            for number in range(first, min(first + BATCH, n_events + 1)):
                key, value, headers = events.record(number)
                appended = batch.append(key=key, value=value, timestamp=None, headers=headers)
                if appended is None:
                    raise RuntimeError(f"the batch is too small for {BATCH} events")
            partition = turn % settings.partitions
            waiting.add(await producer.send_batch(batch, topic, partition=partition))
            if len(waiting) > 4 * settings.partitions:
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


async def pace(
    settings: KafkaSettings, topic: str, events: Events, *, rate: int, seconds: float
) -> int:
    """Send events at a steady rate, those of 20 ms together; return how many.

    Together, because the producers of a business do not run on the machine that takes events in.
    """
    await ensure_topics(settings, [topic])
    await asyncio.sleep(1)
    producer: AIOKafkaProducer = create_producer(settings, client_id="bench")
    await producer.start()
    begun, sent, turn = time.monotonic(), 0, 0
    try:
        while (elapsed := time.monotonic() - begun) < seconds:
            batch = producer.create_batch()
            now = int(time.time() * 1_000)
            while sent < elapsed * rate and batch.record_count() < BATCH:
                sent += 1
                key, value, headers = events.record(sent)
                batch.append(key=key, value=value, timestamp=now, headers=headers)
            if batch.record_count():
                turn += 1
                await producer.send_batch(batch, topic, partition=turn % settings.partitions)
            await asyncio.sleep(0.02)
        await producer.flush()
    finally:
        await producer.stop()
    return sent


def partitions_of(settings: KafkaSettings, topic: str) -> list[TopicPartition]:
    """Return the partitions of a topic."""
    return [TopicPartition(topic, number) for number in range(settings.partitions)]


def _random_id(number: int) -> str:
    """Return what looks like a UUIDv4 and is the same for the same number."""
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).hexdigest()
