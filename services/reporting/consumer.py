"""Wake the refresher when a service announces a change on `aivalue.value.v1`.

Every replica listens for itself and keeps no position: an announcement says only that reading is
worth while, and a lost one costs no more than the wait for the next scheduled reading.
"""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from aivalue.events.topics import VALUE
from aivalue.runtime.kafka import BrokerUnusable, create_consumer, ensure_topics
from aivalue.runtime.settings import KafkaSettings

CLIENT = "aivalue-reporting"
POLL_MS = 500
RETRY_SECONDS = 2.0
logger = structlog.get_logger()


async def listen(settings: KafkaSettings, announce: Callable[[], None]) -> None:
    """Run until cancelled; a broker that is away is waited for."""
    while True:
        try:
            await _listen_connected(settings, announce)
        except (KafkaError, BrokerUnusable, OSError) as error:
            logger.warning("announcements wait", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(RETRY_SECONDS)


async def _listen_connected(settings: KafkaSettings, announce: Callable[[], None]) -> None:
    topic = settings.internal_topic(VALUE)
    await ensure_topics(settings, [topic])
    consumer = create_consumer(settings, group=None, client_id=CLIENT)
    await consumer.start()
    try:
        await _start_at_end(consumer, topic)
        # Something may have been announced while nobody listened.
        announce()
        while True:
            try:
                polled = await consumer.getmany(timeout_ms=POLL_MS)
            except (NoOffsetForPartitionError, OffsetOutOfRangeError):
                await consumer.seek_to_end()
                announce()
                continue
            if polled:
                announce()
    finally:
        await consumer.stop()


async def _start_at_end(consumer: AIOKafkaConsumer, topic: str) -> None:
    # Partitions are known once the topic's metadata has been fetched.
    while not (numbers := consumer.partitions_for_topic(topic)):
        await consumer.topics()
        await asyncio.sleep(0.1)
    partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
