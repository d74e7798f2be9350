"""How many records wait in each partition, and for how long what waits has waited."""

import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from aiokafka import TopicPartition

from services.ingest import metrics
from services.ingest.batch import Batch, log_ms


class Lag:
    """Keeps the log's time of the newest record stored: what waits behind it is younger."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._stored_through: dict[TopicPartition, float] = {}
        self._waiting: dict[TopicPartition, int] = {}

    def stored(self, batch: Batch, partitions: Iterable[TopicPartition]) -> None:
        """Note a batch that is stored, and which partition each of its stretches is from."""
        for partition, stretch in zip(partitions, batch.stretches, strict=True):
            self._stored_through[partition] = log_ms(stretch.records[-1]) / 1_000

    def observe(
        self,
        waiting: Mapping[TopicPartition, int],
        *,
        assigned: AbstractSet[TopicPartition],
        in_flight: Mapping[TopicPartition, int] | None = None,
    ) -> int:
        """Show how long records have waited in each partition; count those that wait to be read.

        What is read and `in_flight` waits as well, until it is stored.
        What is assigned and not claimed, as while PostgreSQL is away, stands as it was last seen.
        """
        now = self._clock()
        for gone in self._waiting.keys() - assigned:
            # Whoever reads it now tells of it.
            del self._waiting[gone]
            self._stored_through.pop(gone, None)
            metrics.forget_lag(gone.topic, gone.partition)
        handed = in_flight or {}
        self._waiting |= {each: n + handed.get(each, 0) for each, n in waiting.items()}
        for partition, n in self._waiting.items():
            if not n:
                # What comes from now on is younger than now.
                self._stored_through[partition] = now
            # Of what waited before we came, only that it still waits is known.
            through = self._stored_through.setdefault(partition, now)
            metrics.observe_lag(partition.topic, partition.partition, max(now - through, 0))
            if partition in waiting:
                metrics.observe_waiting(partition.topic, partition.partition, n)
        return sum(waiting.values())
