"""Faults in what comes: poison at every place of a batch, producers that contradict each other."""

from decimal import Decimal

import pytest
from aiokafka import AIOKafkaProducer

from aivalue.events.encode import Message
from aivalue.runtime.kafka import create_producer
from tests.faults.bench import EMBEDDED, FACTOR, Bench, event, record
from tests.integration.ingest.material import measured

pytestmark = pytest.mark.faults
STRUCTURED = [("content-type", b"application/cloudevents+json")]


def _structured(data: str, event_id: str = '"p"') -> bytes:
    return (
        '{"specversion": "1.0", "type": "aivalue.measurement.recorded.v1", "source": "urn:p", '
        f'"id": {event_id}, "time": "2026-03-01T08:00:00Z", "subject": "u", '
        f'"datacontenttype": "application/json", "data": {data}}}'
    ).encode()


POISON = [
    b"", b"\x00", b"\xff\xfe", b"junk", b"{}", b"[]", b"null", b"NaN", b"1e400", b"{" * 20_000,
    b"\x00\x00\x00\x00\x05avro", b'{"specversion": "0.3"}', b'{"specversion": "1.0"}',
    _structured("{}"), _structured("null"), _structured("[1]"), _structured('"text"'),
    _structured('{"kpi": "k", "unit": "u", "value": NaN}'),
    _structured('{"kpi": "k", "unit": "u", "value": "Infinity"}'),
    _structured('{"kpi": "k", "unit": "u", "value": "1e1000000"}'),
    _structured('{"kpi": "k", "unit": "u", "value": 1e400}'),
    _structured('{"kpi": "k", "kpi": "l", "unit": "u", "value": "1"}'),
    _structured('{"kpi": "k\\u0000", "unit": "u", "value": "1"}'),
    _structured('{"kpi": "\\ud800", "unit": "u", "value": "1"}'),
    _structured('{"kpi": "k", "unit": "u", "value": "1", "more": 1}'),
    _structured('{"kpi": "k", "unit": "u"}'), _structured('{"kpi": "", "unit": "u", "value": "1"}'),
    _structured('{"kpi": "k", "unit": "u", "value": true}'),
    _structured('{"kpi": "k", "unit": "u", "value": "1", "numerator": "1"}'),
    _structured('{"kpi": "k", "unit": "u", "numerator": "1"}'),
    _structured('{"kpi": "k", "unit": "u", "value": "1"}', '""'),
    _structured('{"kpi": "k", "unit": "u", "value": "1"}', "7"),
    _structured('{"kpi": "k", "unit": "u", "value": "1"}', "null"),
    _structured('{"kpi": "k", "unit": "u", "value": "1"}').replace(b"00Z", b"00"),
    _structured('{"kpi": "k", "unit": "u", "value": "1"}').replace(b"2026", b"9026"),
    _structured('{"kpi": "k", "unit": "u", "value": "1"}').replace(b"urn:p", b""),
    _structured('{"kpi": "k", "unit": "u", "value": "1"}').replace(b"recorded.v1", b"recorded.v9"),
    _structured('{"kpi": "k", "unit": "u", "value": "1"}')[:-1], b"\xef\xbb\xbf{}",
    _structured('{"kpi": "' + "k" * 70_000 + '", "unit": "u", "value": "1"}'),
]  # fmt: skip
PLACES = (0, 10, 19)
BATCH = 20


async def _poisoned(bench: Bench) -> None:
    producer = create_producer(bench.kafka, client_id="poison")
    await producer.start()
    try:
        for poison in POISON:
            for place in PLACES:
                for index in range(BATCH):
                    await _send(bench, producer, poison if index == place else None)
        await producer.flush()
    finally:
        await producer.stop()


async def test_poison_at_every_place_of_a_batch(bench: Bench) -> None:
    await _poisoned(bench)
    bench.start(batch_records_max=BATCH)
    await bench.drain()

    record(
        "F16", f"{len(POISON)} kinds of poison, first, middle, last", EMBEDDED,
        rounds=bench.journal.n_junk, journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def test_poison_harms_what_skips_a_batch_that_fails(bench: Bench) -> None:
    control = "skips a batch that fails"
    await _poisoned(bench)
    bench.start(naive=control, batch_records_max=BATCH)
    await bench.naive_drain()

    await bench.harmed("F16", control, EMBEDDED)


async def _send(bench: Bench, producer: AIOKafkaProducer, poison: bytes | None) -> None:
    """Put one record into the first partition, so that batches are what the test says."""
    journal = bench.journal
    number = len(journal.values)
    message = Message(key=None, value=poison, headers=STRUCTURED) if poison is not None else None
    if message is None:
        message = event(number)
        journal.values[f"e{number}"] = Decimal(number) + Decimal("0.25")
    else:
        journal.n_junk += 1
    journal.n_records += 1
    await producer.send(bench.topic, value=message.value, headers=message.headers, partition=0)


async def test_producers_that_repeat_and_contradict_each_other(bench: Bench) -> None:
    n_rounds = 3 * FACTOR
    for _ in range(2):
        bench.start(batch_records_max=50)
    for _ in range(n_rounds):
        first = len(bench.journal.values)
        await bench.produce(300, duplicates=0.3)
        await bench.drain()
        producer = create_producer(bench.kafka, client_id="contradiction")
        await producer.start()
        try:
            for number in range(first, first + 300):
                # Everything once more, in another order, and each hundredth with another value.
                other = first + (number * 7) % 300
                message = event(other)
                if other % 100 == 0:
                    message = measured(f"e{other}", "-1", unit=f"line-{other % 7}")
                    bench.journal.n_conflicts += 1
                await producer.send(
                    bench.topic, key=b"%d" % number, value=message.value, headers=message.headers
                )
                bench.journal.n_records += 1
            await producer.flush()
        finally:
            await producer.stop()
        await bench.drain()

    record(
        "F17", "producers repeat and contradict each other", EMBEDDED, rounds=n_rounds,
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def test_producers_that_repeat_harm_a_cache(bench: Bench) -> None:
    """What comes again after the cache has forgotten it counts twice."""
    control = "dedup by a cache"
    await bench.produce(600, duplicates=0, junk=0)
    producer = create_producer(bench.kafka, client_id="repetition")
    await producer.start()
    try:
        for number in range(600):
            message = event(number)
            await producer.send(
                bench.topic, key=message.key, value=message.value, headers=message.headers
            )
            bench.journal.n_records += 1
        await producer.flush()
    finally:
        await producer.stop()
    bench.start(naive=control)
    await bench.naive_drain()

    await bench.harmed("F17", control, EMBEDDED)
