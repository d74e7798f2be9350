"""Schedules that once lost an event: each stays as a case of its own."""

from tests.model.log import PARTITIONS
from tests.model.world import Outcome, World, measurement


def test_a_topic_created_anew_before_anything_was_read_is_read_from_its_beginning() -> None:
    first = PARTITIONS[0]
    world = World()
    worker = world.start_worker()
    # Retention took the only record, so reading is to begin at offset 1.
    world.log.append(first, measurement(3, 1))
    world.log.expire(first)
    world.rebalance(worker, PARTITIONS)
    for _ in range(2):
        world.poll(worker, 50)

    world.create_topic_anew()
    for number in range(3):
        world.log.append(first, measurement(number, 1))
    for _ in range(4):
        world.poll(worker, 50)
        while worker.writer.queue:
            world.end_transaction(worker, Outcome.COMMITTED)

    # The record at offset 0 is one of the new topic.
    world.drain()
    world.check()
    world.check_complete()
    world.close()


def test_a_log_of_as_many_records_as_were_read_of_the_old_one_is_not_taken_for_read() -> None:
    """The model's own mistake: who drains waits for the lease of the dead, and then looks first."""
    first = PARTITIONS[0]
    world = World()
    worker = world.start_worker()
    world.rebalance(worker, PARTITIONS)
    world.log.append(first, measurement(1, 1))
    for _ in range(2):
        world.poll(worker, 50)
    world.end_transaction(worker, Outcome.COMMITTED)

    world.create_topic_anew()
    world.log.append(first, measurement(2, 1))
    # A lease that is just renewed, and nothing read.
    world.poll(worker, 0)
    world.poll(worker, 0)

    world.drain()
    world.check()
    world.check_complete()
    world.close()
