"""Kafka to PostgreSQL, every event once.

Poll (bounded) -> decode -> store (transactions in the writer's thread) -> best-effort commit.
Positions live in PostgreSQL; Kafka's own offsets are for lag tools and never read. Whatever goes
wrong, what is in flight is dropped, the partitions are claimed again and the truth is read anew.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from aivalue.runtime.clock import utc_now
from aivalue.runtime.kafka import start
from services.ingest import metrics
from services.ingest.batch import Batch, LogRecord, Stretch
from services.ingest.failpoints import failpoint
from services.ingest.lanes import LANES, TOGETHER_MAX, lane_of, parted
from services.ingest.queries.partitions import Fenced
from services.ingest.reading.assignment import Assignment, observe_positions
from services.ingest.reading.backoff import backoff_seconds
from services.ingest.reading.breaker import Breaker, complaint
from services.ingest.reading.claims import Claims
from services.ingest.reading.committing import Committing
from services.ingest.reading.contact import Contact
from services.ingest.reading.decoding import decode_stretch
from services.ingest.reading.in_flight import Handed, InFlight
from services.ingest.reading.lagging import Lag
from services.ingest.reading.polling import Reader
from services.ingest.reading.progress import STALLED_SECONDS, Progress
from services.ingest.reading.source import Polled, Source
from services.ingest.settings import IngestSettings
from services.ingest.storing.keys import Stored
from services.ingest.storing.writer import Storing
from services.ingest.taxonomy import Action, LogBroken, MassRefusal, action_for

STOP_SECONDS: Final = 10.0
NAMED_MAX: Final = 5
logger = structlog.get_logger()

Following = dict[TopicPartition, int]
"""Of each partition the offset behind what was read."""


class Consumer:
    """The loop; one per process."""

    def __init__(
        self,
        settings: IngestSettings,
        source: Source,
        claims: Claims,
        writer: Storing,
        *,
        clock: Callable[[], float] = time.monotonic,
        backoff: Callable[[int], float] = backoff_seconds,
        together_max: int = TOGETHER_MAX,
    ) -> None:
        self._settings = settings
        self._source = source
        self._writer = writer
        self._clock = clock
        self._backoff = backoff
        self._together_max = together_max
        self._assignment = Assignment(settings, claims, clock=clock)
        self._reader = Reader(settings.ingest, source, self._assignment)
        self._in_flight = InFlight(clock=clock)
        self._breaker = Breaker(share_max=settings.ingest.breaker_share)
        self._failures, self._fenced = 0, False
        self._claim_at = 0.0
        self._progress = Progress(turned_at=clock(), stored_at=clock())
        self._lag = Lag()
        self._committing = Committing(source, clock=clock)
        self.contact = Contact(
            source, silent_seconds=settings.ingest.broker_silent_seconds, clock=clock
        )

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            await start(self._source)
            self.subscribe()
            while True:
                await self.turn()
        finally:
            await failpoint("in_shutdown")
            try:
                await self._in_flight.finish()
            finally:
                # Told a second time: what has not ended by now is given up.
                self._in_flight.give_up()
            await self._assignment.release()
            with contextlib.suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(self._source.stop(), STOP_SECONDS)

    def subscribe(self) -> None:
        """Ask the group for partitions."""
        topics = sorted(self._settings.tenants_by_topic())
        self._source.subscribe(topics, listener=self._assignment)

    async def watch(self) -> None:
        """End, and with it the process, where nothing has moved for long: a restart is the cure."""
        while True:
            await asyncio.sleep(STALLED_SECONDS / 10)
            stall = self._progress.stall(self._clock())
            if stall is not None:
                raise RuntimeError(stall)

    async def check(self) -> None:
        """Raise where the loop or the broker is silent, a partition is halted, nothing moves."""
        if halted := sorted(self._assignment.halted):
            named = ", ".join(f"{topic}/{number}" for topic, number in halted[:NAMED_MAX])
            more = f" and {len(halted) - NAMED_MAX} more" if len(halted) > NAMED_MAX else ""
            raise RuntimeError(f"partitions are halted: {named}{more}")
        complaint = self._progress.complaint(
            self._clock(), untold_since=self._assignment.untold_since
        )
        complaint = complaint or self.contact.complaint()
        if complaint is not None:
            raise RuntimeError(complaint)

    async def turn(self) -> None:
        """Claim, poll, decode, hand over, and see to what was handed over before."""
        waiting = self._assignment.waiting(self._source)
        self.contact.observe(waiting)
        n_waiting = self._lag.observe(
            waiting, assigned=self._source.assignment(), in_flight=self._in_flight.n_records()
        )
        self._progress.turn(
            self._clock(), n_waiting=n_waiting, unclaimed=bool(self._assignment.unclaimed)
        )
        try:
            await self._take_in()
        except Exception as error:
            # Also where PostgreSQL goes away while partitions halt: it is found out anew.
            if action_for(error) is not Action.START_OVER and not isinstance(error, MassRefusal):
                raise
            await self._start_over(error)
        await self._committing.commit()

    async def _take_in(self) -> None:
        if self._clock() >= self._claim_at:
            await self._assignment.renew()
            await self._assignment.claim(self._source)
            self._failures = self._failures if self._fenced else 0
        await failpoint("before_poll")
        asked = await self._asked()
        quiet, polled_at = self._assignment.quiet(self._source), self._clock()
        polled = await self._reader.poll(asked, briefly=bool(self._in_flight))
        seconds = self._clock() - polled_at
        await self._assignment.listened(self._source, polled, asked=asked, seconds=seconds)
        if asked:
            self._assignment.unheard(quiet.difference(asked), seconds=seconds)
        await failpoint("after_poll")
        await self._hand_over(await self._batches(polled))
        await self._settle()

    async def _asked(self) -> list[TopicPartition]:
        """Wait for room in a lane; return the partitions of those that have some, none for all.

        What is read for a lane that is full would be waited for while another one runs empty.
        """
        while len(lanes := self._in_flight.lanes_with_room()) < LANES:
            claimed = self._assignment.positions
            asked = [each for each in claimed if lane_of(each.partition) in lanes]
            if asked:
                return asked
            await self._wait()
        return []

    async def _wait(self) -> None:
        """Wait until a batch has ended; who has said all there is is silent meanwhile."""
        quiet, since = self._assignment.quiet(self._source), self._clock()
        await self._in_flight.wait()
        self._assignment.unheard(quiet, seconds=self._clock() - since)
        await self._settle()

    async def _batches(self, polled: Polled) -> list[tuple[Batch, Following]]:
        """Decode what was read, one batch per tenant and lane."""
        read: dict[str, dict[TopicPartition, Stretch]] = {}
        now = utc_now()
        for partition, records in polled.items():
            stretch = await self._stretch(partition, records, now)
            if stretch is not None:
                read.setdefault(self._assignment.tenant(partition), {})[partition] = stretch
        return [
            (
                Batch(tenant=tenant, received_at=now, stretches=list(part.values())),
                {partition: stretch.following_offset for partition, stretch in part.items()},
            )
            for tenant, of in read.items()
            for part in parted(of, together_max=self._together_max)
        ]

    async def _stretch(
        self, partition: TopicPartition, records: Sequence[LogRecord], now: datetime
    ) -> Stretch | None:
        position = self._assignment.positions.get(partition)
        if position is None:
            return None
        await failpoint("in_fingerprint")
        if position.needs_proof():
            await self._assignment.prove_again(self._source, partition)
            return None
        try:
            new = position.new_among(records)
        except LogBroken as error:
            await self._assignment.halt(self._source, partition, reason=str(error))
            return None
        if position.gaps_seen:
            metrics.OFFSET_GAPS.inc()
            self._source.seek(partition, position.origin.next_offset)
        if not new:
            return None
        with metrics.BATCH_SECONDS.labels("decode").time():
            stretch = decode_stretch(position.origin, new, now=now)
        position.follow(stretch)
        # Heartbeats live in this loop: let them through between stretches.
        await asyncio.sleep(0)
        return stretch

    async def _break(self, following: Following, *, reason: str) -> None:
        metrics.BREAKER_TRIPS.inc()
        metrics.BREAKER_OPEN.set(1)
        for partition in following:
            if partition in self._assignment.positions:
                await self._assignment.halt(self._source, partition, reason=reason)

    async def _hand_over(self, decoded: Sequence[tuple[Batch, Following]]) -> None:
        """Submit each batch once its lanes take it; a lane that is full keeps no other empty."""
        left = list(decoded)
        while left:
            index = self._in_flight.taken_next([batch for batch, _ in left])
            if index is None:
                await self._wait()
                continue
            batch, following = left.pop(index)
            n_refused = sum(len(stretch.dead) for stretch in batch.stretches)
            if self._breaker.trips(n_records=batch.n_records, n_refused=n_refused):
                await self._break(following, reason=complaint(batch))
            else:
                self._submit(batch, following)

    def _submit(self, batch: Batch, following: Following) -> None:
        future = self._writer.submit(batch)
        self._assignment.storing.add(future)
        future.add_done_callback(self._assignment.storing.discard)
        self._in_flight.add(future, batch, following)

    async def _settle(self) -> None:
        """Note what became of the batches that have ended."""
        for ended in self._in_flight.take_ended():
            try:
                stored = ended.future.result()
            except MassRefusal as error:
                await self._break(ended.following, reason=str(error))
                raise
            self._failures, self._fenced = 0, False
            self._note(ended, stored)

    def _note(self, ended: Handed, stored: Stored) -> None:
        now = self._clock()
        ended_at = now if ended.ended_at is None else ended.ended_at
        self._progress.stored(now)
        self._committing.note(ended.following)
        self._breaker.watch(stored)
        metrics.observe_stored(
            ended.batch,
            stored,
            seconds=ended_at - ended.submitted_at,
            ended_ago=now - ended_at,
        )
        self._lag.stored(ended.batch, ended.following)
        observe_positions(self._source, ended.following)

    async def _start_over(self, error: Exception) -> None:
        """Drop everything in flight; claim again, and so read every position anew, after a while.

        Polling goes on meanwhile, for the group's sake; everything is paused until it is claimed.
        The wait grows until PostgreSQL answers; for two who fight for partitions, until something
        is stored, so that they let each other finish.
        """
        metrics.RETRIES.labels(type(error).__name__).inc()
        self._fenced = self._fenced or isinstance(error, Fenced)
        metrics.FENCED.inc(isinstance(error, Fenced))
        logger.warning("batch given up, reading the truth again", error=repr(error))
        # What another lane stored meanwhile counts; its position is read anew like the others.
        for ended, stored in await self._in_flight.finish():
            self._note(ended, stored)
        self._assignment.forget()
        self._claim_at = self._clock() + self._backoff(self._failures)
        self._failures += 1
