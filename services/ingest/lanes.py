"""Lanes: transactions that run side by side in one process, each lane with an order of its own.

A partition is always in the same lane, so its batches are stored in the order they were read. What
takes back or replaces what other events say takes the turn of every lane, and so is stored alone.
"""

from collections.abc import Mapping
from typing import Final

from aiokafka import TopicPartition

from services.ingest.batch import Batch, Stretch, corrects

# While one waits for PostgreSQL, the thread serves the other.
# A third would share the interpreter with both and with decoding, which is what is scarce then.
LANES: Final = 2
# Whoever shares partitions with others has every second, third or fourth of them, since the group
# deals them out by turns: each needs some of both lanes. By even and odd numbers, two processes had
# one lane each.
_LANES_OF: Final = (0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1)
# What a transaction costs beside its records is more than so many of them cost.
TOGETHER_MAX: Final = 1_000


def lanes_of(batch: Batch) -> frozenset[int]:
    """Return the lanes whose turn a batch takes."""
    if batch.corrects:
        return frozenset(range(LANES))
    return frozenset(lane_of(stretch.origin.partition) for stretch in batch.stretches)


def parted(
    read: Mapping[TopicPartition, Stretch], *, together_max: int
) -> list[dict[TopicPartition, Stretch]]:
    """Part what was read of a tenant by lanes.

    Not what is stored alone, nor what is so little: then once, not twice.
    """
    n_records = sum(len(stretch.records) for stretch in read.values())
    if n_records <= together_max or any(corrects(stretch.events) for stretch in read.values()):
        return [dict(read)]
    parts: dict[int, dict[TopicPartition, Stretch]] = {}
    for partition, stretch in read.items():
        parts.setdefault(lane_of(partition.partition), {})[partition] = stretch
    return list(parts.values())


def lane_of(partition: int) -> int:
    """Return the lane that a partition is always in."""
    return _LANES_OF[partition % len(_LANES_OF)]
