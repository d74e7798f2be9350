"""Events of the other services to stale marks: at least once, and marking twice costs nothing.

poll -> whom do the changes concern -> mark them in one transaction -> commit the offsets. A crash
before the commit marks again. What cannot be read could concern anything, so every initiative is
looked at again; where its inputs are the same, no run is stored.
"""

import asyncio
from collections.abc import Iterable

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from sqlalchemy.exc import SQLAlchemyError

from aivalue.events.topics import CHANGES, VALUE
from aivalue.runtime.kafka import BrokerUnusable, create_consumer, ensure_topics
from aivalue.runtime.problems import DependencyUnavailable
from services.attribution import metrics
from services.attribution.catalog import kpis_by_initiative
from services.attribution.changes import Change, Unreadable, change_of, concerned
from services.attribution.estimate import Workplace
from services.attribution.queries.recompute import mark

GROUP = "aivalue-attribution"
POLL_MS = 500
POLL_RECORDS_MAX = 500
RETRY_SECONDS = 1.0
AWAY = (DependencyUnavailable, SQLAlchemyError, OSError)
logger = structlog.get_logger()


async def consume(place: Workplace) -> None:
    """Run until cancelled; a broker, database or service that is away is waited for."""
    while True:
        try:
            await _consume_connected(place)
        except (KafkaError, BrokerUnusable, *AWAY) as error:
            # What was not committed is read again by the next consumer.
            await _wait(error)


async def consume_once(consumer: AIOKafkaConsumer, place: Workplace) -> int:
    """Mark what one poll says, commit its offsets, and return how many records that were.

    Where a service or the database is away, the records are read again after a pause.
    """
    try:
        polled = await consumer.getmany(timeout_ms=POLL_MS)
    except NoOffsetForPartitionError:
        await _start_at_beginning(consumer)
        return 0
    except OffsetOutOfRangeError as error:
        # Changes were deleted before they were read: nobody knows what they said.
        await _mark(place, _everything(place, "changes were lost"))
        await consumer.seek_to_beginning(*error.args[0])
        return 0
    if not polled:
        return 0
    values = [record.value for records in polled.values() for record in records]
    try:
        await _mark(place, _changes(place, values))
    except AWAY as error:
        for partition, records in polled.items():
            consumer.seek(partition, records[0].offset)
        await _wait(error)
        return 0
    positions = {partition: records[-1].offset + 1 for partition, records in polled.items()}
    await consumer.commit(positions)
    return len(values)


async def mark_everything(place: Workplace, reason: str) -> None:
    """Have every initiative of every tenant looked at again."""
    await _mark(place, _everything(place, reason))


async def _consume_connected(place: Workplace) -> None:
    kafka = place.settings.kafka
    topics = [kafka.internal_topic(name) for name in (CHANGES, VALUE)]
    await ensure_topics(kafka, topics)
    consumer = create_consumer(
        kafka,
        group=kafka.internal_topic(GROUP),
        client_id=GROUP,
        max_poll_records=POLL_RECORDS_MAX,
    )
    consumer.subscribe(topics)
    try:
        await consumer.start()
        while True:
            await consume_once(consumer, place)
    finally:
        await consumer.stop()


async def _wait(error: Exception) -> None:
    logger.warning("changes wait", error=f"{type(error).__name__}: {error}")
    await asyncio.sleep(RETRY_SECONDS)


def _changes(place: Workplace, values: Iterable[bytes | None]) -> list[Change]:
    changes = []
    for value in values:
        try:
            change = change_of(value)
        except Unreadable:
            logger.exception("a change cannot be read, everything is looked at again")
            metrics.CHANGES.labels("unreadable").inc()
            changes += _everything(place, "a change could not be read")
            continue
        metrics.CHANGES.labels("ignored" if change is None else "marked").inc()
        if change is not None:
            changes.append(change)
    return changes


def _everything(place: Workplace, reason: str) -> list[Change]:
    return [Change(tenant=tenant, reason=reason) for tenant in place.settings.kafka.tenants]


async def _mark(place: Workplace, changes: Iterable[Change]) -> None:
    by_tenant: dict[str, list[Change]] = {}
    for change in changes:
        by_tenant.setdefault(change.tenant, []).append(change)
    for tenant, own in sorted(by_tenant.items()):
        # Read after the events were: a design applied later announces itself by its own event.
        designs = await kpis_by_initiative(place.peers.baseline, tenant)
        reasons = {
            initiative: change.reason for change in own for initiative in concerned(change, designs)
        }
        async with place.engine.begin() as connection:
            await mark(connection, tenant, reasons)


async def _start_at_beginning(consumer: AIOKafkaConsumer) -> None:
    """Start at the oldest record where the group has no position: it has seen nothing."""
    for partition in consumer.assignment():
        if await consumer.committed(partition) is None:
            await consumer.seek_to_beginning(partition)
