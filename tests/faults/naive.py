"""Sinks that everybody writes first: the controls that every fault must make lose or double.

Each keeps its events in one table without a key, so that whatever it stores twice is seen.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from aivalue.errors import InvalidEvent
from aivalue.events.kafka_binding import decode_record
from aivalue.runtime.clock import utc_now
from services.ingest.failpoints import failpoint
from tests.faults.tables import (
    NAIVE_ADVANCE,
    NAIVE_INSERT,
    NAIVE_LEASE,
    NAIVE_POSITIONS,
)

if TYPE_CHECKING:
    from tests.faults.worker import Task

LEASE_SECONDS = 0.5
PATIENCE_SECONDS = 0.5
CACHE_EVENTS = 50
# Where ByClock keeps its time among the offsets of partitions.
CLOCK = -1
RESTARTS_ON = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, KafkaError)
Ids = list[tuple[str]]


def identity(record: ConsumerRecord) -> tuple[str]:
    """Return what an event is known by."""
    event = decode_record(record.value, record.headers, now=utc_now())
    return (f"{event.source} {event.id}",)


class Naive:
    """Data, then offset, in two transactions: what the other controls change one thing of."""

    isolation: ClassVar[str] = "read_committed"
    reset: ClassVar[str] = "none"
    commits: ClassVar[bool] = False
    of_group: ClassVar[bool] = False

    def __init__(self, task: "Task", owner: str) -> None:
        self.task = task
        self.owner = owner
        self.topic = f"{task.prefix}aivalue.business.v1"
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=task.broker,
            client_id=owner,
            group_id=f"{task.prefix}naive" if self.commits or self.of_group else None,
            enable_auto_commit=self.commits,
            auto_commit_interval_ms=2_000,
            auto_offset_reset=self.reset,
            isolation_level=self.isolation,
            session_timeout_ms=task.session_timeout_ms,
            heartbeat_interval_ms=500,
            metadata_max_age_ms=1_000,
        )

    async def run(self) -> None:
        """Load every partition into one table, and begin again after every error."""
        await self.consumer.start()
        await self.subscribe()
        while True:
            with contextlib.suppress(*RESTARTS_ON):
                connection = await asyncpg.connect(
                    self.task.database, server_settings={"application_name": "ingest-naive"}
                )
                try:
                    await self._load(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(0.1)

    async def subscribe(self) -> None:
        """Take every partition."""
        while not (found := self.consumer.partitions_for_topic(self.topic)):
            await self.consumer.topics()
            await asyncio.sleep(0.05)
        self.consumer.assign([TopicPartition(self.topic, each) for each in found])

    async def _load(self, connection: asyncpg.Connection) -> None:
        await self.begin(connection)
        while True:
            try:
                polled = await self.consumer.getmany(
                    timeout_ms=50, max_records=self.task.batch_records_max
                )
            except OffsetOutOfRangeError as error:
                await self.out_of_range(error)
                continue
            await failpoint("after_poll")
            for partition, records in polled.items():
                ids = self.select(self.decode(records))
                await self.store(connection, ids, (partition.partition, records[-1].offset + 1))

    def decode(self, records: Sequence[ConsumerRecord]) -> Ids:
        """Read events; what is none is left out without a word."""
        ids: Ids = []
        for record in filter(self.wanted, records):
            with contextlib.suppress(InvalidEvent):
                ids.append(identity(record))
        return ids

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Go on where the table of offsets says."""
        known = {row["p"]: row["n"] for row in await connection.fetch(NAIVE_POSITIONS)}
        for each in self.consumer.assignment():
            self.consumer.seek(each, known.get(each.partition, 0))

    async def out_of_range(self, error: OffsetOutOfRangeError) -> None:
        """Begin again, which changes nothing."""
        raise error

    def wanted(self, record: ConsumerRecord) -> bool:
        """Take all."""
        return True

    def select(self, ids: Ids) -> Ids:
        """Take all."""
        return ids

    async def store(
        self, connection: asyncpg.Connection, ids: Ids, following: tuple[int, int]
    ) -> None:
        """Commit the data, then the offset."""
        await self.insert(connection, ids)
        await failpoint("after_pg_commit")
        await connection.execute(NAIVE_ADVANCE, *following)

    async def insert(self, connection: asyncpg.Connection, ids: Ids) -> None:
        """Commit the data."""
        async with connection.transaction():
            await connection.executemany(NAIVE_INSERT, ids)
            await failpoint("mid_insert")


class OffsetFirst(Naive):
    """Offset, then data."""

    async def store(
        self, connection: asyncpg.Connection, ids: Ids, following: tuple[int, int]
    ) -> None:
        """Commit the offset, then the data."""
        await connection.execute(NAIVE_ADVANCE, *following)
        await failpoint("after_pg_commit")
        await self.insert(connection, ids)


class AutoCommit(Naive):
    """Offsets in Kafka alone, committed by the client now and then; nothing known: from the start.

    The client's own default is every five seconds; here it is every two.
    """

    reset = "earliest"
    commits = True

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Let the client find where it was."""

    async def store(
        self, connection: asyncpg.Connection, ids: Ids, following: tuple[int, int]
    ) -> None:
        """Commit the data; the client sees to the rest."""
        await self.insert(connection, ids)


class ByHand(Naive):
    """Commits to Kafka behind the data, and starts over where no answer comes in time."""

    of_group = True

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Go on where Kafka says."""
        for each in self.consumer.assignment():
            self.consumer.seek(each, await self.consumer.committed(each) or 0)

    async def store(
        self, connection: asyncpg.Connection, ids: Ids, following: tuple[int, int]
    ) -> None:
        """Commit the data, then tell Kafka."""
        await self.insert(connection, ids)
        await failpoint("after_pg_commit")
        partition, offset = following
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.consumer.commit({TopicPartition(self.topic, partition): offset})


class Newest(AutoCommit):
    """As AutoCommit, with the client's own default: where nothing is known, from the end."""

    reset = "latest"


class Member(AutoCommit):
    """A member of a group that commits by itself, as every tutorial has it."""

    async def subscribe(self) -> None:
        """Ask the group."""
        self.consumer.subscribe([self.topic])


class NewestMember(Member):
    """As Member, with the client's own default: what is unknown begins at its end."""

    reset = "latest"


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is not typed
    """Reads offsets from the database where partitions are assigned."""

    def __init__(self, naive: "FromListener") -> None:
        self._naive = naive

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Nothing to do."""

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Begin where the table says; aiokafka logs and forgets what is raised here."""
        await failpoint("in_assigned")
        connection = await asyncpg.connect(self._naive.task.database)
        try:
            await Naive.begin(self._naive, connection)
        finally:
            await connection.close()


class FromListener(Naive):
    """Offsets in the database, read by the rebalance listener, as the reference shows it."""

    reset = "latest"
    commits = True

    async def subscribe(self) -> None:
        """Ask the group."""
        self.consumer.subscribe([self.topic], listener=Listener(self))

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Leave it to the listener."""


class Uncommitted(AutoCommit):
    """Reads what a transaction wrote before it is known how it ends: the client's own default."""

    isolation = "read_uncommitted"


class Lease(Naive):
    """Data and offset in one transaction, guarded by a lease that is looked at before, no fence."""

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Wait for the lease, then go on where the table says."""
        while not await self._hold(connection):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        await super().begin(connection)

    async def _hold(self, connection: asyncpg.Connection) -> bool:
        return bool(await connection.fetchval(NAIVE_LEASE, self.owner, LEASE_SECONDS))

    async def store(
        self, connection: asyncpg.Connection, ids: Ids, following: tuple[int, int]
    ) -> None:
        """Look at the lease, then store: a pause between the two is all it takes."""
        if not await self._hold(connection):
            raise ConnectionAbortedError
        await failpoint("before_tx")
        async with connection.transaction():
            await connection.executemany(NAIVE_INSERT, ids)
            await connection.execute(NAIVE_ADVANCE, *following)


class BlindRetry(Naive):
    """Data and offset in one transaction, which is sent again where no reply comes in time."""

    async def store(
        self, connection: asyncpg.Connection, ids: Ids, following: tuple[int, int]
    ) -> None:
        """Try until a reply comes."""
        while True:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS), connection.transaction():
                    await connection.executemany(NAIVE_INSERT, ids)
                    await connection.execute(NAIVE_ADVANCE, *following)
            except (TimeoutError, *RESTARTS_ON):
                connection.terminate()
                connection = await asyncpg.connect(
                    self.task.database, server_settings={"application_name": "ingest-naive"}
                )
            else:
                return


class Cache(Naive):
    """Knows the last events it saw, as a cache with an expiry does."""

    def __init__(self, task: "Task", owner: str) -> None:
        super().__init__(task, owner)
        self._seen: dict[tuple[str], None] = {}

    def select(self, ids: Ids) -> Ids:
        """Leave out what is remembered."""
        new = [each for each in ids if each not in self._seen]
        self._seen |= dict.fromkeys(new)
        self._seen = dict.fromkeys(list(self._seen)[-CACHE_EVENTS:])
        return new


class Skipping(Naive):
    """Goes on to the next batch where one cannot be read."""

    def decode(self, records: Sequence[ConsumerRecord]) -> Ids:
        """Read all or nothing."""
        try:
            return [identity(record) for record in records]
        except InvalidEvent:
            return []


class ByClock(Naive):
    """Takes what is younger than its own clock was after the last batch."""

    def __init__(self, task: "Task", owner: str) -> None:
        super().__init__(task, owner)
        self._since = 0

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read everything again, for what is younger."""
        known = dict(await connection.fetch(NAIVE_POSITIONS))
        self._since = known.get(CLOCK, 0)
        await self.consumer.seek_to_beginning()

    def wanted(self, record: ConsumerRecord) -> bool:
        """Leave out what must have been read before."""
        return int(record.timestamp) > self._since

    async def store(
        self, connection: asyncpg.Connection, ids: Ids, following: tuple[int, int]
    ) -> None:
        """Commit the data, and what the clock says."""
        await self.insert(connection, ids)
        await connection.execute(NAIVE_ADVANCE, CLOCK, int(time.time() * 1_000))


class Beginning(Naive):
    """Offsets in the database; where Kafka has not what was asked for, from where it begins."""

    async def out_of_range(self, error: OffsetOutOfRangeError) -> None:
        """Go on with what there is."""
        await self.consumer.seek_to_beginning(*error.args[0])


KINDS: dict[str, type[Naive]] = {
    "data, then offset": Naive,
    "offset, then data": OffsetFirst,
    "offsets in Kafka alone": AutoCommit,
    "from the newest on": Newest,
    "data, then Kafka": ByHand,
    "member of a group": Member,
    "member, from the newest on": NewestMember,
    "offsets read by the listener": FromListener,
    "reads what is not committed": Uncommitted,
    "a lease and no fence": Lease,
    "blind retry": BlindRetry,
    "dedup by a cache": Cache,
    "skips a batch that fails": Skipping,
    "by its clock": ByClock,
    "from the beginning": Beginning,
}


async def run(kind: str, task: "Task", owner: str) -> None:
    """Run a control until it is killed."""
    await KINDS[kind](task, owner).run()
