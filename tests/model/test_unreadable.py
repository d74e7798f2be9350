"""A record that the client cannot read halts its partition, at its offset, and nothing else."""

import gzip
import struct
import zlib

import cramjam
import pytest
from aiokafka.errors import CorruptRecordException

from tests.model.log import PARTITIONS
from tests.model.world import Outcome, Worker, World, measurement

FIRST, SECOND = PARTITIONS
NOT_UTF8 = UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid")


def world_with(n_records: int) -> tuple[World, Worker]:
    """Return a world of so many records in each partition, and the worker that is given both."""
    world = World()
    worker = world.start_worker()
    world.rebalance(worker, PARTITIONS)
    for number in range(n_records):
        world.log.append(FIRST, measurement(number, 1))
        world.log.append(SECOND, measurement(100 + number, 1))
    return world, worker


def work(world: World, worker: Worker, *, n_polls: int) -> None:
    """Let the worker read and store."""
    for _ in range(n_polls):
        world.poll(worker, 50)
        while worker.writer.queue:
            world.end_transaction(worker, Outcome.COMMITTED)


def stored_up_to(world: World) -> dict[int, int]:
    """Return the next offset of each partition, as the ledger has it."""
    return {place[1]: row.next_offset for place, row in world.ledger.rows.items()}


@pytest.mark.parametrize(
    "error",
    [
        NOT_UTF8,
        CorruptRecordException("Invalid CRC"),
        cramjam.DecompressionError("snappy: corrupt input"),
        gzip.BadGzipFile("CRC check failed"),
        EOFError("Compressed file ended"),
        zlib.error("Error -3 while decompressing data"),
        struct.error("unpack requires a buffer of 4 bytes"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_only_what_stands_behind_an_unreadable_record_waits(error: Exception) -> None:
    world, worker = world_with(8)
    # The first partition is given, and lost, in the poll that fails over the second.
    world.log.unreadable[SECOND, 5] = error

    work(world, worker, n_polls=40)

    assert worker.alive, world.deaths
    assert stored_up_to(world) == {0: 8, 1: 5}
    halted = {place[1] for place, row in world.ledger.rows.items() if row.halted}
    assert halted == {1}
    world.check()

    # The other partition goes on, many records a poll.
    for number in range(50, 60):
        world.log.append(FIRST, measurement(number, 1))
    work(world, worker, n_polls=4)
    assert stored_up_to(world) == {0: 18, 1: 5}
    world.check()
    world.close()


def test_once_retention_has_taken_it_an_operator_lets_the_partition_go_on() -> None:
    world = World()
    worker = world.start_worker()
    world.rebalance(worker, PARTITIONS)
    for number in range(4):
        world.log.append(SECOND, measurement(number, 1))
    world.log.unreadable[SECOND, 3] = NOT_UTF8
    work(world, worker, n_polls=20)
    assert stored_up_to(world)[1] == 3

    world.log.expire(SECOND)
    world.log.append(SECOND, measurement(9, 1))
    world.drain()

    world.check()
    world.check_complete()
    world.close()


def test_a_partition_may_be_taken_away_while_the_record_is_looked_for() -> None:
    world, worker = world_with(4)
    world.log.unreadable[FIRST, 3] = NOT_UTF8
    # Up to where one record each is read, and a poll of the first partition is under way.
    work(world, worker, n_polls=6)

    world.rebalance(worker, [SECOND])
    work(world, worker, n_polls=30)

    assert worker.alive, world.deaths
    assert stored_up_to(world) == {0: 1, 1: 4}
    world.check()
    world.close()


def test_bytes_that_were_only_garbled_on_their_way_halt_nothing() -> None:
    """Read again, they are as they were sent."""
    world, worker = world_with(8)
    world.log.unreadable[SECOND, 5] = CorruptRecordException("Invalid CRC")
    work(world, worker, n_polls=3)
    assert stored_up_to(world)[1] < 5

    world.log.unreadable.clear()
    work(world, worker, n_polls=40)

    assert worker.alive, world.deaths
    assert stored_up_to(world) == {0: 8, 1: 8}
    assert not any(row.halted for row in world.ledger.rows.values())
    world.check()
    world.close()
