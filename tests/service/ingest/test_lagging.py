"""Whether each partition tells how long its records have waited, and none that is another's."""

from types import SimpleNamespace
from typing import cast

from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from services.ingest.batch import Batch
from services.ingest.reading.lagging import Lag

FIRST, SECOND = TopicPartition("lagging", 0), TopicPartition("lagging", 1)


class Clock:
    """A clock that stands until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _batch_until(*seconds: int) -> Batch:
    stretches = [
        SimpleNamespace(records=[SimpleNamespace(timestamp=each * 1_000)]) for each in seconds
    ]
    return cast("Batch", SimpleNamespace(stretches=stretches))


def _seconds(partition: TopicPartition) -> float | None:
    labels = {"topic": partition.topic, "partition": str(partition.partition)}
    return REGISTRY.get_sample_value("aivalue_ingest_kafka_lag_seconds", labels)


def test_each_partition_waits_for_itself() -> None:
    clock = Clock()
    lag = Lag(clock=clock)

    lag.stored(_batch_until(940, 990), [FIRST, SECOND])
    n = lag.observe({FIRST: 3, SECOND: 0}, assigned={FIRST, SECOND})

    assert (n, _seconds(FIRST), _seconds(SECOND)) == (3, 60, 0)


def test_what_waited_before_we_came_waits_since_we_came() -> None:
    clock = Clock()
    lag = Lag(clock=clock)

    lag.observe({FIRST: 1}, assigned={FIRST})
    clock.now += 7
    lag.observe({FIRST: 1}, assigned={FIRST})

    assert _seconds(FIRST) == 7


def test_what_cannot_be_claimed_goes_on_waiting() -> None:
    """While PostgreSQL is away no partition is claimed, and nothing is caught up for that."""
    clock = Clock()
    lag = Lag(clock=clock)

    lag.stored(_batch_until(999), [FIRST])
    lag.observe({FIRST: 2}, assigned={FIRST})
    clock.now += 600
    lag.observe({}, assigned={FIRST})

    assert _seconds(FIRST) == 601


def test_what_is_read_and_not_stored_waits() -> None:
    """A database that hangs takes the last records into a transaction that does not end."""
    clock = Clock()
    lag = Lag(clock=clock)

    lag.observe({FIRST: 0}, assigned={FIRST})
    clock.now += 1
    n = lag.observe({FIRST: 0}, assigned={FIRST}, in_flight={FIRST: 2})
    clock.now += 600
    lag.observe({}, assigned={FIRST})

    assert (n, _seconds(FIRST)) == (0, 601)


def test_what_comes_after_a_rest_has_not_waited_for_as_long_as_the_rest() -> None:
    clock = Clock()
    lag = Lag(clock=clock)

    lag.stored(_batch_until(1_000), [FIRST])
    clock.now += 3_600
    lag.observe({FIRST: 0}, assigned={FIRST})
    clock.now += 1
    lag.observe({FIRST: 1}, assigned={FIRST})

    assert _seconds(FIRST) == 1


def test_a_partition_that_another_reads_is_not_told_of() -> None:
    lag = Lag(clock=Clock())

    lag.observe({FIRST: 2, SECOND: 2}, assigned={FIRST, SECOND})
    lag.observe({SECOND: 2}, assigned={SECOND})

    assert _seconds(FIRST) is None
    assert _seconds(SECOND) == 0
