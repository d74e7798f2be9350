"""Publish the outbox: at least once, in order, for as long as the service runs.

1 lock the oldest rows, 2 publish them and wait for every acknowledgement, 3 delete them, 4 commit.
A crash between 2 and 4 publishes them again, so consumers of these topics must be idempotent.
"""

import asyncio

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from aivalue.runtime.kafka import create_producer, start
from aivalue.runtime.outbox import queries
from aivalue.runtime.settings import KafkaSettings

BATCH = 500
IDLE_SECONDS = 0.2
RETRY_SECONDS = 1.0
logger = structlog.get_logger()


async def relay(
    engine: AsyncEngine, outbox: Table, settings: KafkaSettings, *, client_id: str
) -> None:
    """Run until cancelled; a database or broker that is away is waited for."""
    producer = create_producer(settings, client_id=client_id)
    try:
        await _start(producer)
        while True:
            try:
                published = await publish_once(engine, outbox, producer)
            except (KafkaError, DBAPIError, OSError) as error:
                logger.warning("outbox waits", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if published < BATCH:
                await asyncio.sleep(IDLE_SECONDS)
    finally:
        await producer.stop()


async def publish_once(engine: AsyncEngine, outbox: Table, producer: AIOKafkaProducer) -> int:
    """Publish one batch and return its size."""
    async with engine.begin() as connection:
        messages = await queries.oldest(connection, outbox, limit=BATCH)
        if not messages:
            return 0
        acknowledgements = [
            await producer.send(message.topic, value=message.value, key=message.key)
            for _, message in messages
        ]
        await asyncio.gather(*acknowledgements)
        await queries.remove(connection, outbox, [key for key, _ in messages])
    return len(messages)


async def _start(producer: AIOKafkaProducer) -> None:
    while True:
        try:
            await start(producer)
        except KafkaError as error:
            logger.warning("broker not reachable yet", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
