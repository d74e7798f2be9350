"""Whether the broker answers.

aiokafka asks again for ever, and what it last knew of a log's end stays: a broker that is gone
looks like a log without news. What tells them apart is that a partition that is read is answered
twice a second, with records or without. Where none is read (all stand by, are halted, or PostgreSQL
is away), the broker is asked for its topics.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.ingest import metrics
from services.ingest.reading.source import Source

# How often it is asked before it counts as silent.
ASKS: Final = 4


class Contact:
    """Notes when each partition that is read was last answered."""

    def __init__(
        self, source: Source, *, silent_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._source = source
        self._silent_seconds = silent_seconds
        self._clock = clock
        self._heard_at = clock()
        # The client's mark of the last answer, by the wall clock, and when we saw it change.
        self._answers: dict[TopicPartition, tuple[int | None, float]] = {}

    def observe(self, waiting: Mapping[TopicPartition, int]) -> None:
        """Look who was answered; `waiting` counts the records that wait in each partition read."""
        now = self._clock()
        answers: dict[TopicPartition, tuple[int | None, float]] = {}
        for partition in waiting.keys() & self._source.assignment():
            mark, heard_at = self._answers.get(partition, (None, self._heard_at))
            new_mark = self._source.last_poll_timestamp(partition)
            # While records of it wait here nobody asks for more; that they wait is seen elsewhere.
            heard = bool(waiting[partition]) or new_mark != mark
            answers[partition] = (new_mark, now if heard else heard_at)
        self._answers = answers
        if answers:
            self._hear(min(heard_at for _, heard_at in answers.values()))

    async def ask(self) -> None:
        """Ask the broker itself, for as long as no partition is read."""
        pause = self._silent_seconds / ASKS
        while True:
            await asyncio.sleep(pause)
            if self._answers:
                continue
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(pause):
                    await self._source.topics()
                self._hear(self._clock())

    def complaint(self) -> str | None:
        """Say since when the broker is silent, if it is for too long."""
        seconds = self._clock() - self._heard_at
        if seconds <= self._silent_seconds:
            return None
        silent = sum(heard_at == self._heard_at for _, heard_at in self._answers.values())
        of = f"about {silent} partitions " if silent else ""
        return f"the broker has answered nothing {of}for {seconds:.0f} s"

    def _hear(self, heard_at: float) -> None:
        self._heard_at = heard_at
        metrics.LAST_CONTACT.set(time.time() - (self._clock() - heard_at))
