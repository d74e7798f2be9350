"""The stand-in for production: Apache Kafka accepts what the embedded broker cannot do."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from aivalue.runtime.kafka import create_consumer, create_producer, ensure_topics
from aivalue.runtime.settings import KafkaSettings
from tests.kafka.cluster import kafka_cluster

pytestmark = pytest.mark.kafka


async def test_our_producer_and_consumer_meet_with_every_safety_on(
    broker: str, unique: str
) -> None:
    settings = KafkaSettings(bootstrap=broker, partitions=2, replication_factor=1)
    await ensure_topics(settings, [unique])
    await ensure_topics(settings, [unique])  # a second start finds them and changes nothing
    producer = create_producer(settings, client_id=unique)
    consumer = create_consumer(settings, group=None, client_id=unique)
    await producer.start()
    await consumer.start()
    try:
        sent = [await producer.send_and_wait(unique, b"%d" % n, partition=0) for n in range(3)]
        partition = TopicPartition(unique, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        received = await consumer.getmany(partition, timeout_ms=10_000, max_records=3)
    finally:
        await producer.stop()
        await consumer.stop()

    assert [record.offset for record in sent] == [0, 1, 2]
    assert [record.value for record in received[partition]] == [b"0", b"1", b"2"]


async def test_an_aborted_transaction_is_never_seen(broker: str, unique: str) -> None:
    settings = KafkaSettings(bootstrap=broker, partitions=1, replication_factor=1)
    await ensure_topics(settings, [unique])
    producer = AIOKafkaProducer(bootstrap_servers=broker, transactional_id=unique)
    consumer = create_consumer(settings, group=None, client_id=unique)
    await producer.start()
    await consumer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(unique, b"aborted")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(unique, b"committed")
        partition = TopicPartition(unique, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        received: list[bytes | None] = []
        for _ in range(20):
            records = await consumer.getmany(partition, timeout_ms=500)
            received += [record.value for each in records.values() for record in each]
            if received:
                break
    finally:
        await producer.stop()
        await consumer.stop()

    assert received == [b"committed"]


def test_a_node_that_is_killed_comes_back_with_its_data(kafka_jars: Path, unique: str) -> None:
    async def produce(bootstrap: str, value: bytes) -> int:
        settings = KafkaSettings(bootstrap=bootstrap, partitions=1, replication_factor=1)
        await ensure_topics(settings, [unique])
        producer = create_producer(settings, client_id=unique)
        await producer.start()
        try:
            return int((await producer.send_and_wait(unique, value)).offset)
        finally:
            await producer.stop()

    with kafka_cluster(kafka_jars) as (bootstrap, (node,)):
        first = asyncio.run(produce(bootstrap, b"before"))
        node.kill()
        node.start()
        node.wait_ready()
        second = asyncio.run(produce(bootstrap, b"after"))

    assert (first, second) == (0, 1)
