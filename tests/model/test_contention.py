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


class NoLease(Ledger):
    """Lets every claim supersede the one before."""

    def claim(self, topic: str, partition: int, owner: str) -> Claim | Refusal:
        """Grant as if nobody had been heard of."""
        for place, row in self.rows.items():
            self.rows[place] = replace(row, owner=None)
        return super().claim(topic, partition, owner)


def seconds_to_finish(ledger: type[Ledger], *, transaction_seconds: float) -> float | None:
    """Run two workers that both have every partition; None where they do not finish."""

    class Contended(World):
        ledger_type = ledger

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
                    batch = id(worker.writer.queue[0][1])
                    if world.now - since.setdefault(batch, world.now) >= transaction_seconds:
                        world.end_transaction(worker, Outcome.COMMITTED)
            world.now += STEP_SECONDS
            world.check()
            if world.ledger.n == N_RECORDS:
                return world.now - begun
        return None
    finally:
        world.close()


@pytest.mark.parametrize("transaction_seconds", [0.5, 1.5, 2.5])
def test_two_workers_over_the_same_log_finish(transaction_seconds: float) -> None:
    assert seconds_to_finish(Ledger, transaction_seconds=transaction_seconds) is not None


def test_without_the_lease_they_would_take_far_longer_or_never_finish() -> None:
    with_lease = seconds_to_finish(Ledger, transaction_seconds=2.5)
    without = seconds_to_finish(NoLease, transaction_seconds=2.5)

    assert with_lease is not None
    assert without is None or without > 1.5 * with_lease
