"""Which partitions are ours: told by the group, claimed in PostgreSQL, in that order."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from services.ingest import metrics
from services.ingest.failpoints import failpoint
from services.ingest.queries.partitions import Claim, Refusal
from services.ingest.reading.claims import RENEW_SECONDS, Claims
from services.ingest.reading.positions import Position, position_of
from services.ingest.reading.source import Polled, Source
from services.ingest.settings import IngestSettings
from services.ingest.storing.keys import Stored

REVOKE_SECONDS: Final = 5.0
LOOK_AGAIN_SECONDS: Final = {Refusal.HALTED: 5.0, Refusal.HELD: 0.5}
logger = structlog.get_logger()


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is not typed
    """Tracks the assigned partitions; the poll loop claims them, never the listener.

    aiokafka logs and forgets what a listener raises, so nothing that matters happens in one.
    """

    def __init__(
        self, settings: IngestSettings, claims: Claims, *, clock: Callable[[], float]
    ) -> None:
        self._claims = claims
        self._clock = clock
        self._allow_gaps = settings.ingest.allow_gaps
        self._tenants = settings.tenants_by_topic()
        self.positions: dict[TopicPartition, Position] = {}
        self.unclaimed: set[TopicPartition] = set()
        # Refused for now, each with the time at which to ask again.
        self._refused: dict[TopicPartition, tuple[Refusal, float]] = {}
        self._renew_at = 0.0
        # Since when the group has told nothing; having been given no partition is an answer too.
        self.untold_since: float | None = clock()
        self.storing: set[asyncio.Future[Stored]] = set()

    @property
    def halted(self) -> set[TopicPartition]:
        """Partitions that an operator has to look at."""
        return {each for each, (refusal, _) in self._refused.items() if refusal is Refusal.HALTED}

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Let what is being stored finish, for politeness; the fence is what protects."""
        await failpoint("in_revoked")
        self.untold_since = self._clock()
        given_up = self._drop(revoked)
        self.unclaimed.difference_update(revoked)
        for partition in revoked:
            self._refused.pop(partition, None)
        if self.storing:
            await asyncio.wait(self.storing, timeout=REVOKE_SECONDS)
        await self._claims.release(given_up)

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Note what came; an eager rebalance brings everything anew."""
        await failpoint("in_assigned")
        self.untold_since = None
        metrics.REBALANCES.inc()
        metrics.ASSIGNED.set(len(assigned))
        self._drop(assigned)
        self.unclaimed.update(assigned)

    def forget(self) -> None:
        """Distrust what is believed about every partition: claim it again."""
        self.unclaimed.update(self.positions)
        self.positions.clear()

    async def release(self) -> None:
        """Give everything up, at the end."""
        await self._claims.release(self._drop(list(self.positions)))

    def tenant(self, partition: TopicPartition) -> str:
        """Return whose topic it is."""
        return self._tenants[partition.topic]

    async def renew(self) -> None:
        """Tell PostgreSQL that we are alive, and hear what is not ours any more.

        A log may have been rotated, or a partition halted, while nothing was read from it.
        """
        if self._clock() < self._renew_at:
            return
        self._renew_at = self._clock() + RENEW_SECONDS
        claims = {id(each.claim): partition for partition, each in self.positions.items()}
        superseded = await self._claims.renew([each.claim for each in self.positions.values()])
        for claim in superseded:
            partition = claims[id(claim)]
            if self.positions.pop(partition, None) is not None:
                self.unclaimed.add(partition)

    async def claim(self, source: Source) -> None:
        """Claim what is unclaimed and begin reading each where PostgreSQL says."""
        now = self._clock()
        for partition, (_, again_at) in list(self._refused.items()):
            if now >= again_at:
                # The lease may be over, or an operator may have let it go on.
                del self._refused[partition]
                self.unclaimed.add(partition)
        # Also what the listener was not told of: what it raises is logged and forgotten.
        self.unclaimed.update(source.assignment() - self.positions.keys() - self._refused.keys())
        for partition in sorted(self.unclaimed):
            if partition not in source.assignment():
                self.unclaimed.discard(partition)
                continue
            await failpoint("in_claim")
            claim = await self._claims.claim(
                self.tenant(partition), partition.topic, partition.partition
            )
            if isinstance(claim, Refusal):
                self._set_aside(source, partition, claim)
            else:
                await failpoint("in_seek")
                await self._begin(source, partition, claim)
            # Last: whatever failed before leaves it to be claimed again.
            self.unclaimed.discard(partition)
        self._show_refused()

    async def _begin(self, source: Source, partition: TopicPartition, claim: Claim) -> None:
        position = position_of(claim, allow_gaps=self._allow_gaps)
        start = await _start(source, partition, position)
        if partition in source.assignment():
            source.seek(partition, start)
            source.resume(partition)
            self.positions[partition] = position

    async def prove_again(self, source: Source, partition: TopicPartition) -> None:
        """Read again from the start of what proves that the log is the one we know."""
        start = await _start(source, partition, self.positions[partition])
        if partition in self.positions and partition in source.assignment():
            source.seek(partition, start)

    async def halt(self, source: Source, partition: TopicPartition, *, reason: str) -> None:
        """Stop one partition for an operator; the others go on."""
        position = self.positions.pop(partition, None)
        if position is None:
            # It was taken from us meanwhile; its reader will find the same.
            return
        logger.error("partition halted", topic=partition.topic, reason=reason)
        # Paused first: should PostgreSQL be away, the claim that follows finds the same.
        self.unclaimed.add(partition)
        await self._claims.halt(position.claim, reason=reason)
        self.unclaimed.discard(partition)
        self._set_aside(source, partition, Refusal.HALTED)
        self._show_refused()

    def lag(self, source: Source, partition: TopicPartition) -> int:
        """Count the records of a claimed partition that are known of and not read yet."""
        position = self.positions[partition]
        return behind(source, partition, max(position.origin.next_offset, position.passed))

    async def out_of_range(self, source: Source, partition: TopicPartition) -> None:
        """Begin a partition where its log begins now, or halt it: what was read may be gone."""
        beginning = (await source.beginning_offsets([partition]))[partition]
        position = self.positions.get(partition)
        if position is None:
            return
        restart = position.restart(beginning)
        if restart is not None:
            source.seek(partition, restart)
            return
        reason = f"offset {position.seek_offset} is out of range, the log begins at {beginning}"
        await self.halt(source, partition, reason=reason)

    def waiting(self, source: Source) -> dict[TopicPartition, int]:
        """Count the records that wait in every claimed partition."""
        return {each: self.lag(source, each) for each in self.positions}

    async def listened(
        self,
        source: Source,
        polled: Polled,
        *,
        asked: Collection[TopicPartition],
        seconds: float,
    ) -> None:
        """Note who said something in a poll, and who nothing.

        Who waits behind others that spoke is not silent, nor is who was not asked; nobody by name
        are all.
        """
        for partition in polled.keys() & self.positions.keys() & source.assignment():
            # At once: the client may hear more as soon as anybody waits.
            self.positions[partition].heard(
                answered_ms=source.last_poll_timestamp(partition), end=source.highwater(partition)
            )
        for partition, position in list(self.positions.items()):
            if asked and partition not in asked:
                continue
            if position.allow_gaps and partition not in polled and self.lag(source, partition):
                position.passed = await _passed(source, partition)
            waits_behind_others = partition not in polled and bool(polled)
            if not waits_behind_others or not self.lag(source, partition):
                position.silent_seconds += seconds
            if partition not in polled:
                elsewhere = position.probe()
                if elsewhere is not None:
                    source.seek(partition, elsewhere)

    def quiet(self, source: Source) -> set[TopicPartition]:
        """Return the claimed partitions of which no more is known than was read."""
        return {each for each in self.positions if not self.lag(source, each)}

    def unheard(self, quiet: Iterable[TopicPartition], *, seconds: float) -> None:
        """Note that nobody listened to partitions that had said all: silent, as far as is known."""
        for partition in quiet:
            position = self.positions.get(partition)
            if position is not None:
                position.silent_seconds += seconds

    def _drop(self, partitions: list[TopicPartition]) -> list[Claim]:
        dropped = [self.positions.pop(each, None) for each in partitions]
        return [position.claim for position in dropped if position is not None]

    def _set_aside(self, source: Source, partition: TopicPartition, refusal: Refusal) -> None:
        if partition in source.assignment():
            source.pause(partition)
            self._refused[partition] = (refusal, self._clock() + LOOK_AGAIN_SECONDS[refusal])

    def _show_refused(self) -> None:
        n_halted = len(self.halted)
        metrics.HALTED.set(n_halted)
        metrics.STANDING_BY.set(len(self._refused) - n_halted)


async def _passed(source: Source, partition: TopicPartition) -> int:
    """Say up to where the client has given all there is.

    Where it stands before transactions that go on, nothing can be read until they end.
    """
    offset = await source.position(partition)
    stable, end = source.last_stable_offset(partition), source.highwater(partition)
    if end is not None and stable is not None and 0 <= stable <= offset:
        return end
    return offset


def behind(source: Source, partition: TopicPartition, offset: int) -> int:
    """Count the records from an offset on that are known of.

    None of a partition that a rebalance has just taken: aiokafka asserts that it is assigned.
    """
    if partition not in source.assignment():
        return 0
    return max((source.highwater(partition) or 0) - offset, 0)


def observe_positions(source: Source, following: Mapping[TopicPartition, int]) -> None:
    """Show how far partitions are stored, and how far behind their ends that is."""
    for partition, offset in following.items():
        lag = behind(source, partition, offset)
        metrics.observe_position(partition.topic, partition.partition, offset, lag=lag)


async def _start(source: Source, partition: TopicPartition, position: Position) -> int:
    if position.never_read:
        # Whatever retention took before.
        return (await source.beginning_offsets([partition]))[partition]
    return position.seek_offset
