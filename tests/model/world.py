"""Workers of ingest over a log and a ledger in memory, stepped by a test: one schedule, no chance.

The poll loop, the assignment, the positions, the decoding and the error table are the service's
own. Time, the group's decisions, what a poll returns and how a transaction ends are the test's.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache

from aiokafka import TopicPartition

from aivalue.errors import InvalidEvent
from aivalue.events.business import EventRetracted, MeasurementRecorded
from aivalue.events.encode import Message, kafka_message
from aivalue.events.kafka_binding import decode_record
from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings
from services.ingest.batch import Batch
from services.ingest.lanes import lanes_of
from services.ingest.queries.partitions import Claim, Fenced, Refusal
from services.ingest.reading.consumer import Consumer
from services.ingest.settings import IngestGroup, IngestSettings
from services.ingest.storing.keys import Stored
from tests.model.ledger import TENANT, Ledger, Row
from tests.model.log import PARTITIONS, Log, LogRecord, LogSource
from tests.model.quiet_loop import QuietLoop

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SOURCE = "urn:model"
POLL_SECONDS = 0.2
# Of a poll and a second each.
TURNS_OF_A_LEASE = 3
JUNK = Message(key=None, value=b"junk", headers=[])


class Outcome(Enum):
    """How a transaction ends, and what its client hears of it."""

    COMMITTED = "committed, and said so"
    ROLLED_BACK = "connection lost before COMMIT"
    REPLY_LOST = "committed, connection lost before the reply"


@cache
def measurement(number: int, value: int) -> Message:
    """Return a measurement; equal numbers with different values contradict each other."""
    data = MeasurementRecorded(kpi="k", unit="u", value=Decimal(value))
    return kafka_message(data, source=SOURCE, event_id=f"e{number}", time=NOW)


@cache
def retraction(number: int) -> Message:
    """Return the retraction of a measurement, which may come before it."""
    data = EventRetracted(source=SOURCE, id=f"e{number}", reason="wrong")
    return kafka_message(data, source=SOURCE, event_id=f"r{number}", time=NOW)


@cache
def settings() -> IngestSettings:
    """Return the service's settings; nothing in them is reached."""
    return IngestSettings(
        database=DatabaseSettings(),
        kafka=KafkaSettings(tenants={TENANT: ""}),
        auth=AuthSettings(mode="open", open_tenant=TENANT),
        # Nobody asks the broker: who is given no partition hears nothing of it.
        ingest=IngestGroup(batch_records_max=8, breaker_share=1, broker_silent_seconds=1e9),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Waiting:
    """A batch whose transaction has yet to end, and the lanes it is in."""

    future: asyncio.Future[Stored]
    batch: Batch
    lanes: frozenset[int]


class Writer:
    """Batches that wait for the test to say how their transactions end, and of which lane next."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.queue: list[Waiting] = []

    def submit(self, batch: Batch) -> "asyncio.Future[Stored]":
        """Queue a batch."""
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self.queue.append(Waiting(future=future, batch=batch, lanes=self.lanes_of(batch)))
        return future

    def lanes_of(self, batch: Batch) -> frozenset[int]:
        """Choose as the service does."""
        return lanes_of(batch)

    def next_in(self, lane: int) -> Waiting:
        """Return the batch whose turn it is in a lane, or the oldest of all where there is none."""
        busy: set[int] = set()
        for each in self.queue:
            if lane in each.lanes and not each.lanes & busy:
                return each
            busy |= each.lanes
        return self.queue[0]

    def end_transaction(self, outcome: Outcome, lane: int = 0) -> None:
        """Carry out the next transaction of a lane, and tell its client or not."""
        waiting = self.next_in(lane)
        self.queue.remove(waiting)
        future, batch = waiting.future, waiting.batch
        if outcome is Outcome.ROLLED_BACK:
            with contextlib.suppress(Fenced):
                self.lose_connection(batch)
            return _fail(future, ConnectionResetError())
        try:
            stored = self.ledger.store(batch)
        except Exception as error:  # noqa: BLE001 - the client hears whatever it was
            return _fail(future, error)
        if outcome is Outcome.REPLY_LOST:
            return _fail(future, ConnectionResetError())
        if not future.cancelled():
            future.set_result(stored)
        return None

    def lose_connection(self, batch: Batch) -> None:
        """Leave nothing behind: a transaction that does not commit never was."""


def _fail(future: "asyncio.Future[Stored]", error: Exception) -> None:
    if not future.cancelled():
        future.set_exception(error)
        # Read here, so that a future nobody waits for any more does not complain.
        future.exception()


@dataclass(kw_only=True)
class LedgerClaims:
    """Claims of one worker; PostgreSQL may be away."""

    world: "World"
    owner: str

    async def claim(self, tenant: str, topic: str, partition: int) -> Claim | Refusal:
        """Ask for a partition."""
        assert tenant == TENANT
        self._require_database()
        return self.world.ledger.claim(topic, partition, self.owner)

    async def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        """Say that the worker is alive."""
        self._require_database()
        return [claim for claim in claims if not self.world.ledger.renew(claim.origin)]

    async def halt(self, claim: Claim, *, reason: str) -> None:
        """Stop a partition."""
        assert reason
        self._require_database()
        self.world.ledger.halt(claim.origin)

    async def release(self, claims: Sequence[Claim]) -> None:
        """Give partitions up, if somebody can be told."""
        if not self.world.database_is_away:
            for claim in claims:
                self.world.ledger.release(claim.origin)

    def _require_database(self) -> None:
        if self.world.database_is_away:
            raise ConnectionRefusedError


class Source(LogSource):
    """A source whose polls return when the test says so."""

    def __init__(self, log: Log, clock: Callable[[], float]) -> None:
        super().__init__(log)
        self.clock = clock
        self.polling: asyncio.Future[int] | None = None

    async def permit(self) -> int:
        """Wait for the test."""
        self.polling = asyncio.get_running_loop().create_future()
        return await self.polling


@dataclass(kw_only=True)
class Worker:
    """One process of the service."""

    name: str
    source: Source
    writer: Writer
    consumer: Consumer
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        """Whether its loop runs; an error that stops a process ends it."""
        return not self.tasks[0].done()

    @property
    def rebalancing(self) -> bool:
        """Whether it has yet to finish a rebalance."""
        return any(not task.done() for task in self.tasks[1:])


class World:
    """A log, a ledger, and the workers between them."""

    consumer_type: type[Consumer] = Consumer
    writer_type: type[Writer] = Writer
    ledger_type: type[Ledger] = Ledger
    source_type: type[Source] = Source
    recreation_seconds = 1.0
    # So few as a schedule has would all be stored by both lanes together.
    together_max = 0

    def __init__(self) -> None:
        self.loop = QuietLoop()
        self.now = 1_000.0
        self.log = Log()
        self.ledger = self.ledger_type(clock=lambda: self.now)
        self.life_of_log = {self.ledger.log_id: self.log.life}
        self.database_is_away = False
        self.workers: list[Worker] = []
        self.n_started = 0
        self.deaths: list[BaseException] = []

    def backoff(self, n_failures: int) -> float:
        """Wait longer after each failure."""
        return float(min(0.1 * 2**n_failures, 10))

    def start_worker(self) -> Worker:
        """Start a process; the group has given it nothing yet."""
        self.n_started += 1
        name = f"worker-{self.n_started}"
        source, writer = self.source_type(self.log, lambda: self.now), self.writer_type(self.ledger)
        consumer = self.consumer_type(
            settings(),
            source,
            LedgerClaims(world=self, owner=name),
            writer,
            clock=lambda: self.now,
            backoff=self.backoff,
            together_max=self.together_max,
        )
        consumer.subscribe()
        worker = Worker(name=name, source=source, writer=writer, consumer=consumer)
        worker.tasks.append(self.loop.create_task(self._run(consumer)))
        self.workers.append(worker)
        self.settle()
        return worker

    async def _run(self, consumer: Consumer) -> None:
        try:
            while True:
                await consumer.turn()
        except Exception as error:
            self.deaths.append(error)
            raise

    def rebalance(self, worker: Worker, partitions: Sequence[TopicPartition]) -> None:
        """Give a worker partitions; others may believe that they have them too."""
        worker.tasks.append(self.loop.create_task(worker.source.rebalance(partitions)))
        self.settle()

    def poll(self, worker: Worker, n_records: int) -> None:
        """Let a poll return; it waited a little."""
        if worker.source.polling is None or worker.source.polling.done() or worker.rebalancing:
            return
        self.now += POLL_SECONDS
        worker.source.polling.set_result(n_records)
        self.settle()

    def position(self, worker: Worker, partition: TopicPartition) -> int:
        """Return which offset a worker reads next."""
        return self.loop.run_until_complete(worker.source.position(partition))

    def end_transaction(self, worker: Worker, outcome: Outcome, lane: int = 0) -> None:
        """Let the next transaction of one of the worker's lanes end."""
        if not worker.writer.queue:
            return
        outcome = Outcome.ROLLED_BACK if self.database_is_away else outcome
        worker.writer.end_transaction(outcome, lane)
        self.settle()

    def crash(self, worker: Worker, *, committed: bool, lane: int = 0) -> None:
        """Kill a process; a transaction it was in may have been committed."""
        if committed and worker.writer.queue and not self.database_is_away:
            worker.writer.end_transaction(Outcome.REPLY_LOST, lane)
        self.workers.remove(worker)
        self._cancel(worker)

    def create_topic_anew(self) -> None:
        """Delete the topic and create it again, which takes a second or more."""
        self.log.create_anew()
        self.now += self.recreation_seconds

    def operate(self) -> None:
        """Do what an operator does about halted partitions."""
        halted = [
            place[1]
            for place, row in self.ledger.rows.items()
            if row.halted and place[0] == self.ledger.log_id
        ]
        if halted:
            self.ledger.rotate()
            self.life_of_log[self.ledger.log_id] = self.log.life

    def drain(self) -> None:
        """Heal everything, and let one worker read to the end."""
        self.database_is_away = False
        for worker in list(self.workers):
            self.crash(worker, committed=False)
        survivor = self.start_worker()
        self.rebalance(survivor, PARTITIONS)
        for turn in range(60):
            self.poll(survivor, 50)
            while survivor.writer.queue:
                self.end_transaction(survivor, Outcome.COMMITTED)
            self.now += 1
            self.operate()
            assert survivor.alive, self.deaths
            # Until leases are over it may claim nothing; then it looks whether it knows the log.
            if turn > TURNS_OF_A_LEASE + 2 and self._read_to_the_end():
                return
        lengths = {each.partition: len(held) for each, held in self.log.records.items()}
        raise AssertionError(f"never worked off: {lengths}, {self.log.begins}, {self.ledger.rows}")

    def _read_to_the_end(self) -> bool:
        for partition in PARTITIONS:
            row = self.ledger.rows.get((self.ledger.log_id, partition.partition), Row())
            end = len(self.log.records[partition])
            if row.halted or (end > self.log.begins[partition] and row.next_offset != end):
                return False
        return True

    def check(self) -> None:
        """Hold what must hold after every step to it."""
        assert not self.deaths, self.deaths
        self.ledger.check()
        lives: dict[tuple[int, int], int] = {}
        for log_id, partition, record in self.ledger.records:
            assert isinstance(record, LogRecord)
            life = lives.setdefault((log_id, partition), record.life)
            assert life == record.life, "records of two topics in one log"

    def check_complete(self) -> None:
        """Everything that can be read is stored, a duplicate of what is stored, or dead."""
        last = self.ledger.log_id
        for partition, record in self.log.held():
            place = last, partition.partition, record.offset
            try:
                event = decode_record(record.value, record.headers, now=NOW)
            except InvalidEvent:
                assert place in self.ledger.dead, f"lost: {place}"
                continue
            known = self.ledger.keys.get((event.source, event.id))
            assert known is not None, f"lost: {event.id}"
            refused = place in self.ledger.dead
            assert refused == (known != event.fingerprint), f"{event.id} at {place}"
        withdrawn = {
            (SOURCE, identity[1].replace("r", "e"))
            for identity in self.ledger.keys
            if identity[1].startswith("r")
        }
        stored = {identity for identity in self.ledger.keys if identity[1].startswith("e")}
        assert set(self.ledger.counted) == stored - withdrawn

    def close(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            self._cancel(worker)
        self.loop.close()

    def _cancel(self, worker: Worker) -> None:
        # A cancelled loop finishes what is in flight: nobody is left to hear of it.
        for waiting in worker.writer.queue:
            waiting.future.cancel()
        for task in worker.tasks:
            task.cancel()
        self.settle()
        for task in worker.tasks:
            assert task.done(), "told to stop, it went on"
            if not task.cancelled():
                # Read here, so that nothing complains that nobody did.
                task.exception()

    def settle(self) -> None:
        """Let every task go on until all of them wait for the test."""
        self.loop.run_ready()
