"""Whether the poll loop stops when it is told to, and says when the group tells it nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from prometheus_client import REGISTRY

from services.ingest.batch import Batch
from services.ingest.reading.consumer import Consumer
from services.ingest.reading.progress import STALLED_SECONDS
from services.ingest.settings import IngestSettings
from services.ingest.storing.keys import Stored
from services.ingest.taxonomy import MassRefusal
from tests.model.log import PARTITIONS, Log, LogSource
from tests.model.world import LedgerClaims, Outcome, World, Writer, measurement, settings

POLLS_MAX = 50


class Told(LogSource):
    """Whoever waits for its commit is told to stop at the moment at which it is done."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self.reader: asyncio.Task[None] | None = None
        self.given: Sequence[TopicPartition] = ()
        self.n_polls = self.n_commits = 0

    async def permit(self) -> int:
        """Join at the first poll, then give what there is; for ever would be a request missed."""
        if self.given and not self.assignment():
            await self.rebalance(self.given)
        self.n_polls += 1
        assert self.n_polls < POLLS_MAX, "told to stop, it went on"
        await asyncio.sleep(0)
        return 50

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Answer, with the request to stop right behind the answer."""
        await asyncio.sleep(0)
        self.n_commits += 1
        assert self.reader is not None
        asyncio.get_running_loop().call_soon(self.reader.cancel)


class AtOnce(Writer):
    """Stores what it is given while it is given it."""

    def submit(self, batch: Batch) -> "asyncio.Future[Stored]":
        """Store a batch."""
        future = super().submit(batch)
        self.end_transaction(Outcome.COMMITTED)
        return future


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Return a log and a ledger without workers."""
    made = World()
    yield made
    made.close()


def _consumer(
    world: World,
    source: LogSource,
    given: IngestSettings | None = None,
    writer: Writer | None = None,
) -> Consumer:
    return Consumer(
        given or settings(),
        source,
        LedgerClaims(world=world, owner="reader"),
        writer or AtOnce(world.ledger),
        clock=lambda: world.now,
    )


async def _given_all(consumer: Consumer, source: LogSource) -> Consumer:
    """Join the group, which gives the consumer every partition."""
    consumer.subscribe()
    await source.rebalance(PARTITIONS)
    return consumer


async def test_a_request_to_stop_is_heard_while_offsets_are_committed(world: World) -> None:
    """Before Python 3.12 `wait_for` swallows it where the commit is done in the same instant."""
    source = Told(world.log)
    world.log.append(PARTITIONS[0], measurement(1, 1))
    consumer = _consumer(world, source)
    source.given = PARTITIONS
    source.reader = asyncio.ensure_future(consumer.run())

    with pytest.raises(asyncio.CancelledError):
        await source.reader

    assert source.n_commits == 1
    assert set(world.ledger.counted) == {("urn:model", "e1")}


class Transactional(Told):
    """A log whose last offset is the marker of a transaction, behind what one may have begun.

    Of the marker a client tells by moving past it; of what is undecided it tells nothing.
    """

    n_undecided = 0

    def highwater(self, partition: TopicPartition) -> int | None:
        """Say where the log ends."""
        records = super().highwater(partition)
        assert records is not None
        return records + 1 + self.n_undecided

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """Say from where on it is undecided."""
        end = self.highwater(partition)
        assert end is not None
        return end - self.n_undecided

    async def position(self, partition: TopicPartition) -> int:
        """Stand behind the marker, once the records before it were given."""
        offset = await super().position(partition)
        return offset + (offset == LogSource.highwater(self, partition))


@pytest.mark.parametrize("n_undecided", [0, 3])
async def test_what_transactions_leave_in_a_log_does_not_wait(
    world: World, n_undecided: int
) -> None:
    """It would look like a record that is never stored, and the process would end for it."""
    source = Transactional(world.log)
    source.n_undecided = n_undecided
    world.log.append(PARTITIONS[0], measurement(1, 1))
    given = settings()
    group = given.ingest.model_copy(update={"allow_gaps": True})
    consumer = await _given_all(
        _consumer(world, source, given.model_copy(update={"ingest": group})), source
    )
    source.reader = asyncio.ensure_future(asyncio.sleep(3_600))

    for _ in range(10):
        world.now += STALLED_SECONDS / 4
        await consumer.turn()

    assert set(world.ledger.counted) == {("urn:model", "e1")}
    await consumer.check()
    labels = {"topic": PARTITIONS[0].topic, "partition": "0"}
    assert REGISTRY.get_sample_value("aivalue_ingest_kafka_lag_messages", labels) == 0
    assert REGISTRY.get_sample_value("aivalue_ingest_kafka_lag_seconds", labels) == 0


async def test_who_is_told_of_no_partition_is_not_ready_and_who_is_given_none_is(
    world: World,
) -> None:
    """More members than partitions are a standby; a group that says nothing may be stuck."""
    source = Told(world.log)
    consumer = _consumer(world, source)
    consumer.subscribe()

    async def complaint(seconds: float) -> str | None:
        world.now += seconds
        await consumer.turn()
        try:
            await consumer.check()
        except RuntimeError as error:
            return str(error)
        return None

    nothing = f"the group has assigned nothing for {STALLED_SECONDS:.0f} s"
    assert await complaint(STALLED_SECONDS - 1) is None
    assert await complaint(2) == nothing
    await source.rebalance(())
    assert await complaint(STALLED_SECONDS + 1) is None
    await source.rebalance(PARTITIONS)
    assert await complaint(1) is None


async def _storing(world: World, source: Told, writer: Writer) -> "asyncio.Task[None]":
    """Run a consumer up to where it has handed a batch over and only waits for it."""
    world.log.append(PARTITIONS[0], measurement(1, 1))
    source.given = PARTITIONS
    reader = asyncio.ensure_future(_consumer(world, source, writer=writer).run())
    for _ in range(30):
        await asyncio.sleep(0)
    assert writer.queue
    return reader


async def test_a_stop_waits_for_the_transaction_that_is_under_way(world: World) -> None:
    writer = Writer(world.ledger)
    reader = await _storing(world, Told(world.log), writer)

    reader.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    stopped_before = reader.done()
    writer.end_transaction(Outcome.COMMITTED)
    with pytest.raises(asyncio.CancelledError):
        await reader

    assert not stopped_before
    assert set(world.ledger.counted) == {("urn:model", "e1")}


async def test_who_is_told_twice_to_stop_gives_the_transaction_up(world: World) -> None:
    writer = Writer(world.ledger)
    reader = await _storing(world, Told(world.log), writer)

    for _ in range(2):
        reader.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await reader

    assert writer.queue[0].future.cancelled()


class Refusing(Writer):
    """PostgreSQL refuses most of a batch, and the first time goes away before anybody halts."""

    world: World
    n_refused = 0

    def submit(self, batch: Batch) -> "asyncio.Future[Stored]":
        """Refuse a batch."""
        future = super().submit(batch)
        self.queue.clear()
        future.set_exception(MassRefusal("a constraint is wrong"))
        self.n_refused += 1
        self.world.database_is_away = self.n_refused == 1
        return future


async def test_a_database_that_goes_away_while_partitions_halt_is_waited_for(
    world: World,
) -> None:
    """It ended the process once; the batch is read again, and then the partition halts."""
    source, writer = Told(world.log), Refusing(world.ledger)
    writer.world = world
    world.log.append(PARTITIONS[0], measurement(1, 1))
    consumer = await _given_all(_consumer(world, source, writer=writer), source)

    await consumer.turn()
    await consumer.check()
    world.database_is_away = False
    world.now += 60
    await consumer.turn()

    assert writer.n_refused == 2
    with pytest.raises(RuntimeError, match=r"partitions are halted: aivalue\.business\.v1/0$"):
        await consumer.check()
    assert not world.ledger.counted


class Uncommitted(LogSource):
    """A group that takes no commits, as while it is dealt out anew."""

    async def permit(self) -> int:
        """Give what there is."""
        await asyncio.sleep(0)
        return 50

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Refuse."""
        raise CommitFailedError


async def test_a_commit_to_kafka_that_fails_is_counted_and_nothing_waits_for_it(
    world: World,
) -> None:
    failed_before = _sample("aivalue_ingest_kafka_commit_failures_total")
    source = Uncommitted(world.log)
    consumer = await _given_all(_consumer(world, source), source)
    for number in range(2):
        world.log.append(PARTITIONS[0], measurement(number, 1))
        for _ in range(2):
            await consumer.turn()
            world.now += 1

    assert world.ledger.rows[1, 0].next_offset == 2
    assert _sample("aivalue_ingest_kafka_commit_failures_total") - failed_before == 2


async def test_offsets_that_nobody_wrote_are_counted_and_halt_their_partition(
    world: World,
) -> None:
    gaps_before = _sample("aivalue_ingest_offset_gaps_total")
    source = Uncommitted(world.log)
    consumer = await _given_all(_consumer(world, source), source)
    world.log.append(PARTITIONS[0], measurement(0, 1))
    await consumer.turn()
    for number in range(1, 4):
        world.log.append(PARTITIONS[0], measurement(number, 1))
    del world.log.records[PARTITIONS[0]][1:3]
    for _ in range(3):
        await consumer.turn()

    assert _sample("aivalue_ingest_offset_gaps_total") - gaps_before == 1
    with pytest.raises(RuntimeError, match=r"partitions are halted: aivalue\.business\.v1/0$"):
        await consumer.check()
    assert world.ledger.rows[1, 0].next_offset == 1


def _sample(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0
