"""The log as the poll loop sees it: what is used of aiokafka's consumer, and no more."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from aiokafka import ConsumerRebalanceListener, TopicPartition

from services.ingest.batch import LogRecord

Polled = Mapping[TopicPartition, Sequence[LogRecord]]


class Source(Protocol):
    """A member of a consumer group; tests put a log of their own behind it."""

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Leave the group."""

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None:
        """Ask for a share of the topics' partitions."""

    def assignment(self) -> set[TopicPartition]:
        """Return what the group gave us."""

    def pause(self, *partitions: TopicPartition) -> None:
        """Read nothing from partitions until they are resumed."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Read from partitions again."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read from an offset on; raises IllegalStateError where the partition is not ours."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Polled:
        """Read what is there, of all partitions or of these; wait a little where nothing is."""

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return where the log of each partition begins."""

    def highwater(self, partition: TopicPartition) -> int | None:
        """Return where the log of an assigned partition ends, as far as is known."""

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """Return where transactions that go on begin in an assigned partition, as far as known."""

    async def position(self, partition: TopicPartition) -> int:
        """Return which offset of an assigned partition is read next."""

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """Return when an assigned partition was last answered; None where it never was."""

    async def topics(self) -> Collection[str]:
        """Ask the broker for its topics; raises KafkaError where none answers."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the group where we are."""
