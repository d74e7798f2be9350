"""Tells Kafka where we are, for lag tools: PostgreSQL has the truth, and nobody reads this back."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.ingest import metrics
from services.ingest.failpoints import failpoint
from services.ingest.reading.source import Source

COMMIT_EVERY_SECONDS: Final = 1.0
ANSWER_SECONDS_MAX: Final = 10.0


class Committing:
    """Keeps what is stored until the next commit; one that fails is only counted."""

    def __init__(self, source: Source, *, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._stored: dict[TopicPartition, int] = {}
        self._committed_at = 0.0

    def note(self, following: Mapping[TopicPartition, int]) -> None:
        """Note what is stored: the offset behind it, of each partition."""
        self._stored |= following

    async def commit(self) -> None:
        """Commit what was noted, once a second at most."""
        now = self._clock()
        if not self._stored or now - self._committed_at < COMMIT_EVERY_SECONDS:
            return
        self._committed_at = now
        ours = self._source.assignment()
        offsets = {each: offset for each, offset in self._stored.items() if each in ours}
        self._stored.clear()
        try:
            if offsets:
                # Not wait_for: before Python 3.12 it may swallow the request to stop.
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    await self._source.commit(offsets)
            await failpoint("after_kafka_commit")
        except (KafkaError, TimeoutError):
            metrics.COMMIT_FAILURES.inc()
