"""Whether the poll loop stops when it is told to, and says when the group tells it nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from aiokafka import TopicPartition

from services.ingest.batch import Batch
from services.ingest.reading.consumer import Consumer
from services.ingest.reading.progress import STALLED_SECONDS
from services.ingest.storing.keys import Stored
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


def _consumer(world: World, source: LogSource) -> Consumer:
    return Consumer(
        settings(),
        source,
        LedgerClaims(world=world, owner="reader"),
        AtOnce(world.ledger),
        clock=lambda: world.now,
    )


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
