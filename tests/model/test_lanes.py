"""Whether two lanes keep what one kept: the order of each partition, and who is halted."""

import itertools
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition

from services.ingest.batch import Batch, Stretch
from services.ingest.lanes import LANES, lane_of
from services.ingest.queries.partitions import Fenced
from services.ingest.reading.in_flight import BATCHES_MAX
from services.ingest.taxonomy import MassRefusal
from tests.model.ledger import Ledger
from tests.model.log import PARTITIONS
from tests.model.machine import SinkMachine, check
from tests.model.world import Outcome, Worker, World, Writer, measurement

N_ENDS = 6
N_SCHEDULES = 200


class Watched(Ledger):
    """Counts how often somebody is fenced."""

    n_fenced = 0

    def check_fence(self, stretch: Stretch) -> None:
        """Count, and fence as ever."""
        try:
            super().check_fence(stretch)
        except Fenced:
            self.n_fenced += 1
            raise


class ByTurns(Writer):
    """Gives every batch to the next lane, whatever its partitions: in each lane there is order."""

    n_submitted = 0

    def lanes_of(self, batch: Batch) -> frozenset[int]:
        """Take turns."""
        self.n_submitted += 1
        return frozenset({self.n_submitted % LANES})


def _claimed(world: World, partitions: Sequence[TopicPartition]) -> Worker:
    """Return a worker that has claimed partitions."""
    worker = world.start_worker()
    world.rebalance(worker, partitions)
    world.poll(worker, 1)
    return worker


def _world(writer: type[Writer]) -> tuple[World, Worker]:
    """Return a world with a worker that has claimed both partitions."""

    class Lanes(World):
        ledger_type = Watched
        writer_type = writer

    world = Lanes()
    worker = _claimed(world, PARTITIONS)
    for number in range(8 * N_ENDS):
        world.log.append(PARTITIONS[number % len(PARTITIONS)], measurement(number, 1))
    return world, worker


def _n_fenced(writer: type[Writer]) -> int:
    """Let lanes end in every order, account for all records, and count who was fenced."""
    n_fenced = 0
    for order in itertools.product(range(LANES), repeat=N_ENDS):
        world, worker = _world(writer)
        for lane in order:
            for _ in range(BATCHES_MAX):
                world.poll(worker, 1)
            world.end_transaction(worker, Outcome.COMMITTED, lane)
        assert isinstance(world.ledger, Watched)
        n_fenced += world.ledger.n_fenced
        world.drain()
        world.check()
        world.check_complete()
        world.close()
    return n_fenced


def test_in_whatever_order_lanes_end_nobody_is_fenced() -> None:
    assert _n_fenced(Writer) == 0


def test_batches_of_one_partition_in_both_lanes_are_fenced_and_read_again() -> None:
    """The fence answers for what the order of a lane only spares it."""
    assert _n_fenced(ByTurns) > 0


@pytest.mark.timeout(900)
def test_lanes_by_turns_lose_nothing_whatever_else_goes_wrong() -> None:
    class Spread(World):
        writer_type = ByTurns

    class SpreadMachine(SinkMachine):
        world_type = Spread

    assert check(SpreadMachine, n_schedules=N_SCHEDULES, n_steps=24) >= N_SCHEDULES


@pytest.mark.timeout(900)
def test_polls_that_are_stored_together_or_parted_lose_nothing_whatever_else_goes_wrong() -> None:
    class Together(World):
        together_max = 4

    class TogetherMachine(SinkMachine):
        world_type = Together

    assert check(TogetherMachine, n_schedules=N_SCHEDULES, n_steps=24) >= N_SCHEDULES


def test_a_poll_of_few_records_is_one_batch_for_both_lanes() -> None:
    class Together(World):
        together_max = 4

    world = Together()
    worker = _claimed(world, PARTITIONS)
    for number in range(8 * N_ENDS):
        world.log.append(PARTITIONS[number % len(PARTITIONS)], measurement(number, 1))

    world.poll(worker, 2)
    assert [each.lanes for each in worker.writer.queue] == [{0, 1}]
    world.poll(worker, 3)
    assert [each.lanes for each in worker.writer.queue] == [{0, 1}, {0}, {1}]
    world.close()


def test_a_full_lane_keeps_no_other_empty() -> None:
    world, worker = _world(Writer)
    for _ in range(BATCHES_MAX):
        world.poll(worker, 1)
    world.end_transaction(worker, Outcome.COMMITTED, 1)

    world.poll(worker, 1)

    # The first lane is full, and its third batch waits; that of the second does not wait behind it.
    lanes = [each.lanes for each in worker.writer.queue]
    assert (lanes.count(frozenset({0})), lanes.count(frozenset({1}))) == (BATCHES_MAX, BATCHES_MAX)
    world.close()


def test_nothing_is_read_for_a_lane_that_is_full_while_another_has_room() -> None:
    """Or what was read waits for the full lane, the loop with it, and the other runs empty."""
    world, worker = _world(Writer)
    for _ in range(BATCHES_MAX):
        world.poll(worker, 1)
    full, other = PARTITIONS[0], PARTITIONS[1]
    n_read = world.position(worker, full)

    for _ in range(N_ENDS):
        world.end_transaction(worker, Outcome.COMMITTED, lane_of(other.partition))
        world.poll(worker, 1)

    assert world.position(worker, full) == n_read
    assert world.position(worker, other) > n_read
    world.close()


def test_a_record_of_an_idle_lane_does_not_wait_for_the_transaction_of_another() -> None:
    world = World()
    worker = _claimed(world, PARTITIONS)
    world.log.append(PARTITIONS[0], measurement(0, 1))
    world.poll(worker, 1)
    world.poll(worker, 1)

    world.log.append(PARTITIONS[1], measurement(1, 1))
    for _ in range(4):
        world.poll(worker, 1)

    assert [each.lanes for each in worker.writer.queue] == [{0}, {1}]
    world.close()


def test_a_silent_partition_does_not_keep_another_waiting_whose_lane_was_full() -> None:
    """All but one partition may be silent: once its lane has room, it is read on."""

    class Lanes(World):
        ledger_type = Watched

    world = Lanes()
    worker = _claimed(world, PARTITIONS)
    for number in range(4 * N_ENDS):
        world.log.append(PARTITIONS[0], measurement(number, 1))

    for _ in range(8 * N_ENDS):
        world.poll(worker, 1)
        world.end_transaction(worker, Outcome.COMMITTED, lane_of(PARTITIONS[0].partition))

    assert world.ledger.rows[1, 0].next_offset == 4 * N_ENDS
    world.close()


@pytest.mark.parametrize("n_batches", [1, BATCHES_MAX])
@pytest.mark.parametrize("n_empty_polls", [1, 2])
def test_a_lane_whose_transaction_hangs_keeps_the_loop_from_reading_for_no_other(
    n_batches: int, n_empty_polls: int
) -> None:
    """Also where there was nothing to read for a moment: what comes then does not wait for it."""
    world, hanging, other = World(), *PARTITIONS
    worker = _claimed(world, PARTITIONS)
    for number in range(n_batches):
        world.log.append(hanging, measurement(number, 1))
    for _ in range(n_batches):
        world.poll(worker, 1)
    for _ in range(n_empty_polls):
        world.poll(worker, 1)

    world.log.append(other, measurement(100, 1))
    # It was silent for long: first the log is proved.
    for _ in range(2):
        world.poll(worker, 1)
    world.end_transaction(worker, Outcome.COMMITTED, lane_of(other.partition))
    world.poll(worker, 1)

    assert {place[1]: row.next_offset for place, row in world.ledger.rows.items()} == {0: 0, 1: 1}
    world.check()
    world.close()


class Refusing(Writer):
    """Refuses all of the second lane, as PostgreSQL would whose constraint is wrong."""

    def end_transaction(self, outcome: Outcome, lane: int = 0) -> None:
        """Refuse, or carry out."""
        waiting = self.next_in(lane)
        if waiting.lanes == {1}:
            self.queue.remove(waiting)
            waiting.future.set_exception(MassRefusal("refused"))
        else:
            super().end_transaction(outcome, lane)


def test_a_mass_refusal_halts_the_partitions_of_its_batch_not_those_of_the_oldest() -> None:
    world, worker = _world(Refusing)
    world.poll(worker, 1)
    assert [each.lanes for each in worker.writer.queue] == [{0}, {1}]

    world.end_transaction(worker, Outcome.COMMITTED, 1)
    world.poll(worker, 1)
    for _ in range(4):
        world.end_transaction(worker, Outcome.COMMITTED, 0)
    world.now += 20
    for _ in range(4):
        world.poll(worker, 50)
        world.end_transaction(worker, Outcome.COMMITTED, 0)

    halted = {place[1] for place, row in world.ledger.rows.items() if row.halted}
    assert halted == {1}
    assert world.ledger.rows[1, 0].next_offset == len(world.log.records[PARTITIONS[0]])
    world.check()
    world.close()


def test_what_one_lane_committed_while_the_other_failed_counts_once() -> None:
    world, worker = _world(Writer)
    world.poll(worker, 1)
    assert [each.lanes for each in worker.writer.queue] == [{0}, {1}]

    world.end_transaction(worker, Outcome.ROLLED_BACK, 0)
    world.poll(worker, 1)
    # It starts over only once the other lane's batch has ended, and that one ends well.
    world.end_transaction(worker, Outcome.COMMITTED, 1)

    assert world.ledger.rows[1, 1].next_offset == 1
    world.drain()
    world.check()
    world.check_complete()
    world.close()


@pytest.mark.parametrize("n_batches", [1, BATCHES_MAX])
@pytest.mark.parametrize("n_empty_polls", [0, 1, 2])
@pytest.mark.parametrize("given", [PARTITIONS[:1], PARTITIONS])
def test_a_topic_created_anew_while_a_transaction_goes_on_is_not_read_as_the_old_one(
    n_batches: int, n_empty_polls: int, given: Sequence[TopicPartition]
) -> None:
    """Who waits for a lane does not listen, and what nobody listened to is silence, too."""
    world = World()
    worker = _claimed(world, given)
    for number in range(n_batches):
        world.log.append(PARTITIONS[0], measurement(number, 1))
    for _ in range(n_batches + n_empty_polls):
        world.poll(worker, 1)

    world.create_topic_anew()
    for number in range(3 * N_ENDS):
        world.log.append(PARTITIONS[0], measurement(number, 2))
    for _ in range(2 * N_ENDS):
        world.end_transaction(worker, Outcome.COMMITTED, lane_of(PARTITIONS[0].partition))
        world.poll(worker, 1)
        world.check()

    assert [row.halted for row in world.ledger.rows.values()].count(True) == 1
    world.close()
