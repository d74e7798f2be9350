"""Whether a topic created anew is noticed though the client still holds records of the old one.

Kafka's client asks a partition for more only once all it holds of it was taken. Where a transaction
hangs that takes as long, and what it asks for next may be of another log.
"""

from collections.abc import Callable, Sequence

import pytest
from aiokafka import TopicPartition

from tests.model.log import PARTITIONS, Log, LogRecord
from tests.model.machine import SinkMachine, check
from tests.model.world import Outcome, Source, World, measurement

N_SCHEDULES = 300
N_OLD = 10
FIRST = PARTITIONS[0]


class Holding(Source):
    """Asks for all there is of a partition, and again once it was taken or is not wanted."""

    def __init__(self, log: Log, clock: Callable[[], float]) -> None:
        super().__init__(log, clock)
        self.answers: dict[TopicPartition, tuple[int, Sequence[LogRecord]]] = {}

    def answered(self, partition: TopicPartition) -> Sequence[LogRecord]:
        """Return what is held where there is more to give of it."""
        held = self.answers.get(partition)
        if held is None or self._offsets[partition] >= len(held[1]):
            records = list(super().answered(partition))
            held = self.answers[partition] = int(1_000 * self.clock()), records
        return held[1]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Give nothing of what is held."""
        super().seek(partition, offset)
        self.answers.pop(partition, None)

    async def rebalance(self, partitions: Sequence[TopicPartition]) -> None:
        """Give nothing of what is held."""
        self.answers.clear()
        await super().rebalance(partitions)

    def highwater(self, partition: TopicPartition) -> int | None:
        """Say where the log ended when it last answered."""
        assert super().highwater(partition) is not None
        held = self.answers.get(partition)
        return None if held is None else len(held[1])

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """Say when it last answered."""
        assert super().last_poll_timestamp(partition) is not None
        held = self.answers.get(partition)
        return None if held is None else held[0]


class Held(World):
    source_type = Holding
    recreation_seconds = 6.0


def test_what_follows_held_records_is_proved_to_be_of_the_same_log() -> None:
    world = Held()
    worker = world.start_worker()
    world.rebalance(worker, [FIRST])
    for number in range(N_OLD):
        world.log.append(FIRST, measurement(number, 1))
    for _ in range(3):
        world.poll(worker, 1)
    assert 0 < world.position(worker, FIRST) < N_OLD

    world.create_topic_anew()
    for number in range(3 * N_OLD):
        world.log.append(FIRST, measurement(number, 2))
    for _ in range(3 * N_OLD):
        world.poll(worker, 2)
        while worker.writer.queue:
            world.end_transaction(worker, Outcome.COMMITTED)

    world.check()
    assert [row.halted for row in world.ledger.rows.values()] == [True]
    assert world.ledger.rows[1, 0].next_offset == N_OLD
    world.close()


@pytest.mark.timeout(900)
def test_who_holds_records_loses_nothing_whatever_else_goes_wrong() -> None:
    class HeldMachine(SinkMachine):
        world_type = Held

    assert check(HeldMachine, n_schedules=N_SCHEDULES, n_steps=24) >= N_SCHEDULES
