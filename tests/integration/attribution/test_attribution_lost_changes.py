"""Changes that cannot be read: deleted before they were, or the broker is away."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from aivalue.runtime.embedded.process import free_port
from services.attribution.consumer import RETRY_SECONDS, consume, consume_once
from services.attribution.worker import work_once
from tests.integration.attribution.harness import Service

GONE = TopicPartition("aivalue.changes.v1", 0)


class ConsumerBehindRetention:
    """Stands where the log no longer begins."""

    def __init__(self) -> None:
        self.sought: list[TopicPartition] = []
        self.committed: list[Any] = []

    async def getmany(self, *, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        if not self.sought:
            raise OffsetOutOfRangeError({GONE: 5})
        return {}

    async def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        self.sought += partitions


async def test_lost_changes_have_everything_looked_at_again(service: Service) -> None:
    consumer = ConsumerBehindRetention()

    read = [await consume_once(consumer, service.place) for _ in range(2)]

    assert read == [0, 0]
    assert consumer.sought == [GONE]
    (row,) = await service.sql("select reason from attribution.recompute")
    assert row["reason"] == "changes were lost"
    assert await work_once(service.place) is True


async def test_a_broker_that_is_away_is_waited_for(service: Service) -> None:
    place = service.place
    kafka = place.settings.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{free_port()}"})
    alone = replace(place, settings=place.settings.model_copy(update={"kafka": kafka}))

    consuming = asyncio.create_task(consume(alone))
    # Long enough for it to have tried twice.
    await asyncio.wait([consuming], timeout=2 * RETRY_SECONDS)

    assert not consuming.done()
    consuming.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await consuming
