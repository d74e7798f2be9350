"""Sinks that everybody writes first: the controls that every fault must make lose or double."""

import asyncio
import contextlib
from typing import Literal

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from aivalue.events.kafka_binding import decode_record
from aivalue.runtime.clock import utc_now
from services.ingest.failpoints import failpoint
from tests.faults.tables import NAIVE_ADVANCE, NAIVE_INSERT, NAIVE_POSITIONS

Order = Literal["data first", "offset first", "newest"]
"""Data then offset; offset then data; data, beginning at the end of the log at every start."""


async def run(
    consumer: AIOKafkaConsumer, prefix: str, database: str, order: Order, max_records: int
) -> None:
    """Load every partition into one table; two transactions a batch."""
    await consumer.start()
    topic = f"{prefix}aivalue.business.v1"
    await consumer.topics()
    partitions = [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    while True:
        with contextlib.suppress(
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError, KafkaError
        ):
            await _load(consumer, partitions, database, order, max_records)
        await asyncio.sleep(0.1)


async def _load(
    consumer: AIOKafkaConsumer,
    partitions: list[TopicPartition],
    database: str,
    order: Order,
    max_records: int,
) -> None:
    connection = await asyncpg.connect(
        database, server_settings={"application_name": "ingest-naive"}
    )
    try:
        if order == "newest":
            await consumer.seek_to_end(*partitions)
        else:
            known = {row["p"]: row["n"] for row in await connection.fetch(NAIVE_POSITIONS)}
            for each in partitions:
                consumer.seek(each, known.get(each.partition, 0))
        while True:
            polled = await consumer.getmany(timeout_ms=50, max_records=max_records)
            for partition, records in polled.items():
                following = (partition.partition, records[-1].offset + 1)
                ids = []
                for record in records:
                    with contextlib.suppress(Exception):
                        event = decode_record(record.value, record.headers, now=utc_now())
                        ids.append((f"{event.source} {event.id}",))
                if order == "offset first":
                    await connection.execute(NAIVE_ADVANCE, *following)
                    await failpoint("after_pg_commit")
                async with connection.transaction():
                    await connection.executemany(NAIVE_INSERT, ids)
                    await failpoint("mid_insert")
                await failpoint("after_cas")
                if order == "data first":
                    await failpoint("after_pg_commit")
                    await connection.execute(NAIVE_ADVANCE, *following)
    finally:
        await connection.close(timeout=1)
