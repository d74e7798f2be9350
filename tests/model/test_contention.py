"""Whether two workers that both want a partition get anything done, however slow they are."""

from dataclasses import replace

import pytest

from services.ingest.queries.partitions import Claim, Refusal
from tests.model.ledger import Ledger
from tests.model.log import PARTITIONS
from tests.model.world import Outcome, World, measurement

N_RECORDS = 40
STEP_SECONDS = 0.2
LIMIT_SECONDS = 120.0
TRANSACTION_SECONDS = (0.5, 1.5, 2.5)


class NoLease(Ledger):
    """Lets every claim supersede the one before."""

    def claim(self, topic: str, partition: int, owner: str) -> Claim | Refusal:
        """Grant as if nobody had been heard of."""
        for place, row in self.rows.items():
            self.rows[place] = replace(row, owner=None)
        return super().claim(topic, partition, owner)


def seconds_to_finish(
    ledger: type[Ledger], *, transaction_seconds: float, patient: bool = True
) -> float | None:
    """Run two workers that both have every partition; None where they do not finish."""

    class Contended(World):
        ledger_type = ledger

        def backoff(self, n_failures: int) -> float:
            """Wait as the service does, or always the same short while."""
            return super().backoff(n_failures if patient else 0)

    world = Contended()
    begun = world.now
    try:
        for number in range(N_RECORDS):
            world.log.append(PARTITIONS[number % 2], measurement(number, 1))
        for _ in range(2):
            world.rebalance(world.start_worker(), PARTITIONS)
            world.now += transaction_seconds / 2
        since: dict[int, float] = {}
        while world.now - begun < LIMIT_SECONDS:
            for worker in world.workers:
                world.poll(worker, 5)
                if worker.writer.queue:
                    batch = id(worker.writer.queue[0].batch)
                    if world.now - since.setdefault(batch, world.now) >= transaction_seconds:
                        world.end_transaction(worker, Outcome.COMMITTED)
            world.now += STEP_SECONDS
            world.check()
            if world.ledger.n == N_RECORDS:
                return world.now - begun
        return None
    finally:
        world.close()


@pytest.mark.parametrize("transaction_seconds", TRANSACTION_SECONDS)
def test_two_workers_over_the_same_log_finish(transaction_seconds: float) -> None:
    assert seconds_to_finish(Ledger, transaction_seconds=transaction_seconds) is not None


def test_without_lease_and_patience_they_cost_each_other_much_of_the_time() -> None:
    now = before = 0.0
    for seconds in TRANSACTION_SECONDS:
        now += seconds_to_finish(Ledger, transaction_seconds=seconds) or LIMIT_SECONDS
        before += (
            seconds_to_finish(NoLease, transaction_seconds=seconds, patient=False) or LIMIT_SECONDS
        )

    assert before > 1.4 * now


def test_who_stands_by_for_one_partition_reads_the_others() -> None:
    """Kafka's client asks for positions of all, and while one has none it fetches nothing."""
    world = World()
    holder, other = world.start_worker(), world.start_worker()
    world.rebalance(holder, PARTITIONS[:1])
    world.poll(holder, 1)
    world.rebalance(other, PARTITIONS)
    world.poll(other, 1)
    world.log.append(PARTITIONS[1], measurement(1, 1))

    for _ in range(4):
        world.poll(holder, 1)
        world.poll(other, 1)

    assert [each.batch.stretches[0].origin.partition for each in other.writer.queue] == [1]
    world.close()
