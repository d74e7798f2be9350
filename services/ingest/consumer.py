"""Kafka to PostgreSQL, every event once.

Poll (bounded) -> decode -> store (one transaction, in the writer's thread) -> best-effort commit.
Positions live in PostgreSQL; Kafka's own offsets are for lag tools and never read. Whatever goes
wrong, what is in flight is dropped, the partitions are claimed again and the truth is read anew.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import asyncpg
import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from aivalue.events.kafka_binding import decode_record
from aivalue.runtime.clock import utc_now
from aivalue.runtime.kafka import create_consumer
from services.ingest import metrics
from services.ingest.assignment import Assignment
from services.ingest.batch import Batch, Decode, Stretch, decode_stretch
from services.ingest.breaker import Breaker
from services.ingest.failpoints import failpoint
from services.ingest.keys import Stored
from services.ingest.outages import is_transient
from services.ingest.positions import LogBroken
from services.ingest.queries.partitions import Fenced
from services.ingest.settings import IngestSettings
from services.ingest.writer import Writer

IN_FLIGHT_MAX: Final = 2
BACKOFF_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
KAFKA_COMMIT_SECONDS: Final = 1.0
STOP_SECONDS: Final = 10.0
STALLED_SECONDS: Final = 120.0
logger = structlog.get_logger()

Polled = Mapping[TopicPartition, Sequence[ConsumerRecord]]
InFlight = tuple["asyncio.Future[Stored]", Batch, dict[TopicPartition, int], float]


class Consumer:
    """The loop; one per process."""

    def __init__(self, settings: IngestSettings, pool: asyncpg.Pool, writer: Writer) -> None:
        self._settings = settings
        self._writer = writer
        owner = f"{socket.gethostname()}/{os.getpid()}"
        self._assignment = Assignment(settings, pool, owner=owner)
        self._consumer = create_consumer(
            settings.kafka,
            group=settings.ingest.group,
            client_id=owner,
            max_poll_records=settings.ingest.batch_records_max,
        )
        self._in_flight: deque[InFlight] = deque()
        self._breaker = Breaker(share_max=settings.ingest.breaker_share)
        self._failures = 0
        self._ticked_at = time.monotonic()
        self._progress_at = time.monotonic()
        # Log time of the newest record stored: what waits behind it is younger.
        self._stored_through = time.time()
        self._to_commit: dict[TopicPartition, int] = {}
        self._committed_at = 0.0

    async def run(self) -> None:
        """Run until cancelled."""
        await self._consumer.start()
        self._consumer.subscribe(
            sorted(self._settings.tenants_by_topic()), listener=self._assignment
        )
        try:
            while True:
                await self._turn()
        finally:
            await failpoint("in_shutdown")
            await self._finish()
            with contextlib.suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(self._consumer.stop(), STOP_SECONDS)

    async def watch(self) -> None:
        """End, and with it the process, where nothing has moved for long: a restart is the cure.

        aiokafka has hung on rebalances and broker restarts, and a process that looks healthy while
        it reads nothing is the worst of both.
        """
        while True:
            await asyncio.sleep(STALLED_SECONDS / 10)
            now = time.monotonic()
            if now - self._ticked_at > STALLED_SECONDS:
                raise RuntimeError("the poll loop does not turn")
            if self._lag() > 0 and now - self._progress_at > STALLED_SECONDS:
                raise RuntimeError(f"records wait and none was stored: {self._lag()}")

    async def check(self) -> None:
        """Raise where the loop does not turn, a partition is halted, or nothing moves."""
        now = time.monotonic()
        if now - self._ticked_at > STALLED_SECONDS / 4:
            raise RuntimeError("the poll loop does not turn")
        if self._assignment.halted:
            raise RuntimeError(f"{len(self._assignment.halted)} partitions are halted")
        if self._lag() > 0 and now - self._progress_at > STALLED_SECONDS:
            raise RuntimeError(f"records wait and none was stored for {STALLED_SECONDS:.0f} s")

    async def _turn(self) -> None:
        self._ticked_at = time.monotonic()
        lagging = self._lag() > 0
        if not lagging:
            self._progress_at = self._ticked_at
        metrics.LAG_SECONDS.set(max(time.time() - self._stored_through, 0) if lagging else 0)
        try:
            await self._assignment.claim(self._consumer)
            await failpoint("before_poll")
            polled = await self._poll()
            await failpoint("after_poll")
            for batch, following in await self._batches(polled):
                while len(self._in_flight) >= IN_FLIGHT_MAX:
                    await self._settle()
                n_refused = sum(len(stretch.dead) for stretch in batch.stretches)
                if self._breaker.trips(n_records=batch.n_records, n_refused=n_refused):
                    await self._break(batch, following)
                else:
                    self._submit(batch, following)
            while self._in_flight and (self._in_flight[0][0].done() or not polled):
                await self._settle()
            self._failures = 0
        except Exception as error:
            if not is_transient(error):
                raise
            await self._start_over(error)
        await self._commit_to_kafka()

    async def _poll(self) -> Polled:
        for partition in self._consumer.assignment():
            # Pause state is lost when a partition is assigned anew.
            if partition not in self._assignment.positions:
                self._consumer.pause(partition)
        try:
            polled: Polled = await self._consumer.getmany(
                timeout_ms=self._settings.ingest.poll_ms,
                max_records=self._settings.ingest.batch_records_max,
            )
        except NoOffsetForPartitionError:
            # Kafka has no offset for a partition that we have yet to seek: it need not.
            return {}
        except OffsetOutOfRangeError as error:
            for partition in error.args[0]:
                await self._out_of_range(partition)
            return {}
        return polled

    async def _out_of_range(self, partition: TopicPartition) -> None:
        position = self._assignment.positions.get(partition)
        if position is None:
            return
        beginning = (await self._consumer.beginning_offsets([partition]))[partition]
        if not position.verified and beginning == position.origin.next_offset:
            # Retention took the record to verify and not one more.
            position.verified = True
            self._consumer.seek(partition, position.origin.next_offset)
            return
        reason = f"offset {position.seek_offset} is out of range, the log begins at {beginning}"
        await self._assignment.halt(self._consumer, partition, reason=reason)

    async def _batches(self, polled: Polled) -> list[tuple[Batch, dict[TopicPartition, int]]]:
        """Decode what was read, one batch per tenant."""
        stretches: dict[str, dict[TopicPartition, Stretch]] = {}
        now = utc_now()
        decode = partial(decode_record, now=now)
        for partition, records in polled.items():
            stretch = await self._stretch(partition, records, decode)
            if stretch is not None:
                tenant = self._assignment.tenant(partition)
                stretches.setdefault(tenant, {})[partition] = stretch
        return [
            (
                Batch(tenant=tenant, received_at=now, stretches=list(of.values())),
                {partition: stretch.following_offset for partition, stretch in of.items()},
            )
            for tenant, of in stretches.items()
        ]

    async def _stretch(
        self, partition: TopicPartition, records: Sequence[ConsumerRecord], decode: Decode
    ) -> Stretch | None:
        position = self._assignment.positions.get(partition)
        if position is None:
            return None
        await failpoint("in_fingerprint")
        try:
            new = position.new_among(records)
        except LogBroken as error:
            await self._assignment.halt(self._consumer, partition, reason=str(error))
            return None
        if position.gaps_seen:
            self._consumer.seek(partition, position.origin.next_offset)
        if not new:
            return None
        stretch = decode_stretch(position.origin, new, decode)
        position.follow(stretch)
        # Heartbeats live in this loop: let them through between stretches.
        await asyncio.sleep(0)
        return stretch

    async def _break(self, batch: Batch, following: dict[TopicPartition, int]) -> None:
        n_refused = sum(len(stretch.dead) for stretch in batch.stretches)
        letter = next(letter for stretch in batch.stretches for letter in stretch.dead)
        reason = f"{n_refused} of {batch.n_records} records refused, first: {letter.message[:200]}"
        metrics.BREAKER_TRIPS.inc()
        for partition in following:
            if partition in self._assignment.positions:
                await self._assignment.halt(self._consumer, partition, reason=reason)

    def _submit(self, batch: Batch, following: dict[TopicPartition, int]) -> None:
        future = self._writer.submit(batch)
        self._assignment.storing.add(future)
        future.add_done_callback(self._assignment.storing.discard)
        self._in_flight.append((future, batch, following, time.monotonic()))

    async def _settle(self) -> None:
        """Wait for the oldest batch in flight and note what became of it."""
        future, batch, following, submitted_at = self._in_flight[0]
        stored = await future
        self._in_flight.popleft()
        self._progress_at = time.monotonic()
        self._to_commit |= following
        metrics.observe_stored(batch, stored, seconds=self._progress_at - submitted_at)
        self._stored_through = batch.logged_through
        for partition, offset in following.items():
            lag = max((self._consumer.highwater(partition) or offset) - offset, 0)
            metrics.LAG_MESSAGES.labels(partition.topic, str(partition.partition)).set(lag)

    async def _finish(self) -> None:
        """Let what is in flight end, well or badly, and forget it."""
        await asyncio.gather(*(each[0] for each in self._in_flight), return_exceptions=True)
        self._in_flight.clear()

    async def _start_over(self, error: Exception) -> None:
        """Drop everything in flight, wait a little, and read every position anew."""
        metrics.RETRIES.labels(type(error).__name__).inc()
        if isinstance(error, Fenced):
            metrics.FENCED.inc()
        logger.warning("batch given up, reading the truth again", error=repr(error))
        await self._finish()
        self._assignment.forget()
        seconds = BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)]
        self._failures += 1
        # The group must see us poll meanwhile, and everything is paused until it is claimed.
        await asyncio.sleep(seconds)

    async def _commit_to_kafka(self) -> None:
        """Tell lag tools where we are; PostgreSQL has the truth, so failure is only counted."""
        now = time.monotonic()
        if not self._to_commit or now - self._committed_at < KAFKA_COMMIT_SECONDS:
            return
        self._committed_at = now
        ours = self._consumer.assignment()
        offsets = {each: offset for each, offset in self._to_commit.items() if each in ours}
        self._to_commit.clear()
        try:
            if offsets:
                await asyncio.wait_for(self._consumer.commit(offsets), STOP_SECONDS)
            await failpoint("after_kafka_commit")
        except (KafkaError, IllegalStateError, TimeoutError):
            metrics.COMMIT_FAILURES.inc()

    def _lag(self) -> int:
        return sum(
            max((self._consumer.highwater(partition) or 0) - position.origin.next_offset, 0)
            for partition, position in self._assignment.positions.items()
        )
