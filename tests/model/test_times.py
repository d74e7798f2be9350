"""Whether what is shown of a transaction is when it ended, not when the loop came to notice."""

import time

import pytest
from prometheus_client import REGISTRY

from services.ingest import metrics
from tests.model.log import PARTITIONS
from tests.model.world import POLL_SECONDS, Outcome, World, measurement

SECONDS_OF_TRANSACTION = 0.03
SECONDS_OF_WAITING = 5.0


def _seconds_of_storing() -> float:
    seconds = REGISTRY.get_sample_value(
        "aivalue_ingest_event_processing_seconds_sum", {"stage": "store"}
    )
    return seconds or 0.0


def test_a_poll_that_waits_makes_no_transaction_longer_nor_later() -> None:
    world = World()
    worker = world.start_worker()
    world.rebalance(worker, PARTITIONS)
    world.poll(worker, 1)
    world.log.append(PARTITIONS[0], measurement(0, 1))
    before = _seconds_of_storing()
    world.poll(worker, 1)

    world.now += SECONDS_OF_TRANSACTION
    world.end_transaction(worker, Outcome.COMMITTED)
    world.now += SECONDS_OF_WAITING
    world.poll(worker, 1)

    assert _seconds_of_storing() - before == pytest.approx(SECONDS_OF_TRANSACTION)
    committed_at = time.time() - SECONDS_OF_WAITING - POLL_SECONDS
    assert metrics.LAST_COMMIT._value.get() == pytest.approx(committed_at, abs=1)
    world.close()
