"""A log in memory: two partitions, retention, and a topic that can be created anew."""

from collections.abc import Collection, Mapping, Sequence

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError

from aivalue.events.encode import Message
from services.ingest.batch import Record
from services.ingest.reading.source import Polled

TOPIC = "aivalue.business.v1"
PARTITIONS = (TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1))


class LogRecord(Record, kw_only=True):
    """A record that knows which life of the topic it belongs to."""

    life: int


class Log:
    """What producers wrote; `begins` moves with retention, `life` with every re-creation."""

    def __init__(self) -> None:
        self.life = 1
        self.records: dict[TopicPartition, list[LogRecord]] = {each: [] for each in PARTITIONS}
        self.begins = dict.fromkeys(PARTITIONS, 0)
        # Records that the client cannot read, and what it raises for each.
        self.unreadable: dict[tuple[TopicPartition, int], Exception] = {}

    def append(self, partition: TopicPartition, message: Message) -> None:
        """Acknowledge a record."""
        self.records[partition].append(
            LogRecord(
                offset=len(self.records[partition]),
                timestamp=1_772_000_000_000 + 1_000 * self.life + len(self.records[partition]),
                key=message.key,
                value=message.value,
                headers=message.headers,
                life=self.life,
            )
        )

    def expire(self, partition: TopicPartition) -> None:
        """Let retention take everything that is there."""
        self.begins[partition] = len(self.records[partition])

    def create_anew(self) -> None:
        """Delete the topic and create it again, empty."""
        self.life += 1
        self.records = {each: [] for each in PARTITIONS}
        self.begins = dict.fromkeys(PARTITIONS, 0)

    def held(self) -> list[tuple[TopicPartition, LogRecord]]:
        """Return every record that can still be read."""
        return [
            (partition, record)
            for partition in PARTITIONS
            for record in self.records[partition][self.begins[partition] :]
        ]


class LogSource:
    """A member of a group; what it is assigned is decided by `rebalance`, what it gets by a test.

    `permit` is asked before a poll returns; it says how many records may be given.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._assigned: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._offsets: dict[TopicPartition, int] = {}
        self._listener: ConsumerRebalanceListener | None = None
        self.wait: object = None
        self._n_answers = 0

    async def start(self) -> None:
        """Connect: nothing to do."""

    async def stop(self) -> None:
        """Leave: nothing to do."""

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None:
        """Note who wants to know."""
        assert TOPIC in topics
        self._listener = listener

    async def rebalance(self, partitions: Sequence[TopicPartition]) -> None:
        """Take everything away and give something else, as the eager protocol does."""
        assert self._listener is not None
        await self._listener.on_partitions_revoked(sorted(self._assigned))
        self._assigned = set(partitions)
        self._paused.clear()
        self._offsets.clear()
        await self._listener.on_partitions_assigned(sorted(self._assigned))

    def assignment(self) -> set[TopicPartition]:
        """Return what the group gave."""
        return set(self._assigned)

    def pause(self, *partitions: TopicPartition) -> None:
        """Hold back."""
        self._require(partitions)
        self._paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Give again."""
        self._require(partitions)
        self._paused.difference_update(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Stand at an offset."""
        self._require([partition])
        self._offsets[partition] = offset

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Polled:
        """Give as many records as the test allows."""
        assert timeout_ms > 0
        n_records = min(await self.permit(), max_records)
        polled: dict[TopicPartition, Sequence[LogRecord]] = {}
        wanted = set(partitions) or self._assigned
        for partition in sorted(wanted & self._assigned - self._offsets.keys()):
            # Paused or not: aiokafka looks for all positions before it fetches anything.
            raise NoOffsetForPartitionError(partition)
        for partition in sorted(wanted & self._assigned - self._paused):
            offset, records = self._offsets[partition], self.answered(partition)
            if not self._log.begins[partition] <= offset <= len(records):
                if polled:
                    # As aiokafka does: what was fetched is given first, the error the next time.
                    break
                raise OffsetOutOfRangeError({partition: offset})
            given = records[offset : offset + n_records]
            for record in given:
                error = self._log.unreadable.get((partition, record.offset))
                if error is not None:
                    # As aiokafka does: what was read before it is gone, and the client moves on.
                    self._offsets[partition] = record.offset
                    raise error
            if given:
                polled[partition] = given
                self._offsets[partition] = offset + len(given)
        return polled

    def answered(self, partition: TopicPartition) -> Sequence[LogRecord]:
        """Return what the broker had when it last answered: this client asks every time."""
        return self._log.records[partition]

    async def permit(self) -> int:
        """Say how many records of each partition may be given now."""
        raise NotImplementedError

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Say where the log begins."""
        return {each: self._log.begins[each] for each in partitions}

    def highwater(self, partition: TopicPartition) -> int | None:
        """Say where the log ends; of others aiokafka asserts that they are assigned."""
        assert partition in self._assigned, "Partition is not assigned"
        return len(self._log.records[partition])

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """Say that no transaction goes on."""
        return self.highwater(partition)

    async def position(self, partition: TopicPartition) -> int:
        """Say where it stands."""
        self._require([partition])
        return self._offsets[partition]

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """Say that a partition was answered just now."""
        assert partition in self._assigned, "Partition is not assigned"
        self._n_answers += 1
        return self._n_answers

    async def topics(self) -> Collection[str]:
        """Name the topic."""
        return {TOPIC}

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget it: nobody reads Kafka's own offsets."""

    def _require(self, partitions: Sequence[TopicPartition]) -> None:
        if not self._assigned.issuperset(partitions):
            raise IllegalStateError(f"{partitions} are not assigned")
