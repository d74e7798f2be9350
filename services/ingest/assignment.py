"""Which partitions are ours: told by the group, claimed in PostgreSQL, in that order."""

import asyncio
import time

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from services.ingest import metrics
from services.ingest.failpoints import failpoint
from services.ingest.keys import Stored
from services.ingest.positions import Position, position_of
from services.ingest.queries import partitions
from services.ingest.settings import IngestSettings

REVOKE_SECONDS = 5.0
HALTED_SECONDS = 5.0
logger = structlog.get_logger()


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is not typed
    """Tracks the assigned partitions; the poll loop claims them, never the listener.

    aiokafka logs and forgets what a listener raises, so nothing that matters happens in one.
    """

    def __init__(self, settings: IngestSettings, pool: asyncpg.Pool, *, owner: str) -> None:
        self._settings = settings
        self._pool = pool
        self._owner = owner
        self._tenants = settings.tenants_by_topic()
        self.positions: dict[TopicPartition, Position] = {}
        self.unclaimed: set[TopicPartition] = set()
        self.halted: set[TopicPartition] = set()
        self._look_again_at = 0.0
        self.storing: set[asyncio.Future[Stored]] = set()

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Let what is being stored finish, for politeness; the fence is what protects."""
        await failpoint("in_revoked")
        for partition in revoked:
            self.positions.pop(partition, None)
        self.unclaimed.difference_update(revoked)
        self.halted.difference_update(revoked)
        if self.storing:
            await asyncio.wait(self.storing, timeout=REVOKE_SECONDS)

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Note what came; an eager rebalance brings everything anew."""
        await failpoint("in_assigned")
        metrics.REBALANCES.inc()
        metrics.ASSIGNED.set(len(assigned))
        self.forget(assigned)

    def forget(self, gone: list[TopicPartition] | None = None) -> None:
        """Distrust what is believed about partitions (all by default): claim them again."""
        for partition in list(self.positions) if gone is None else gone:
            self.positions.pop(partition, None)
            if partition not in self.halted:
                self.unclaimed.add(partition)

    def tenant(self, partition: TopicPartition) -> str:
        """Return whose topic it is."""
        return self._tenants[partition.topic]

    async def claim(self, consumer: AIOKafkaConsumer) -> None:
        """Claim what is unclaimed and begin reading each where PostgreSQL says."""
        if self.halted and time.monotonic() > self._look_again_at:
            # An operator may have let them go on.
            self._look_again_at = time.monotonic() + HALTED_SECONDS
            self.unclaimed |= self.halted
            self.halted.clear()
            metrics.HALTED.set(0)
        for partition in sorted(self.unclaimed):
            if partition not in consumer.assignment():
                self.unclaimed.discard(partition)
                continue
            await failpoint("in_claim")
            position = await self._claim(partition)
            self.unclaimed.discard(partition)
            if position is None:
                self._set_aside(consumer, partition)
                continue
            await failpoint("in_seek")
            if partition in consumer.assignment():
                await self._begin(consumer, partition, position)

    async def _claim(self, partition: TopicPartition) -> Position | None:
        tenant, topic = self.tenant(partition), partition.topic
        identity = self._settings.ingest.broker_identity
        async with self._pool.acquire() as connection, connection.transaction():
            log_id, known = await partitions.open_log(
                connection, tenant, topic, kind="kafka", identity=identity
            )
            if known != identity:
                log_id = await partitions.rotate_log(
                    connection, tenant, topic, identity=identity, reason="another broker"
                )
            claim = await partitions.claim(
                connection, tenant, topic, log_id, partition.partition, owner=self._owner
            )
        if claim is None:
            return None
        return position_of(claim, allow_gaps=self._settings.ingest.allow_gaps)

    async def _begin(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, position: Position
    ) -> None:
        offset = position.seek_offset
        if position.origin.next_offset == 0 and position.claim.tail_sha256 is None:
            # Nothing was ever read: begin where the log begins, whatever retention took before.
            offset = (await consumer.beginning_offsets([partition]))[partition]
        consumer.seek(partition, offset)
        consumer.resume(partition)
        self.positions[partition] = position

    async def halt(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, *, reason: str
    ) -> None:
        """Stop one partition for an operator; the others go on."""
        self._look_again_at = time.monotonic() + HALTED_SECONDS
        position = self.positions.pop(partition)
        logger.error("partition halted", topic=partition.topic, reason=reason)
        async with self._pool.acquire() as connection:
            await partitions.halt(
                connection,
                position.claim.tenant,
                position.origin.log_id,
                partition.partition,
                reason=reason,
            )
        self._set_aside(consumer, partition)

    def _set_aside(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        self.halted.add(partition)
        metrics.HALTED.set(len(self.halted))
        if partition in consumer.assignment():
            consumer.pause(partition)
