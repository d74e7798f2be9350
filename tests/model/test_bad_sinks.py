"""Whether the model check would notice: sinks that break one rule each must be caught."""

from dataclasses import replace

import pytest

from aivalue.events.event import Event
from services.ingest.batch import Batch, Stretch
from services.ingest.queries.partitions import Claim, Fenced, Refusal
from services.ingest.reading.positions import Position
from services.ingest.storing.keys import Stored
from tests.model.ledger import Ledger
from tests.model.log import PARTITIONS
from tests.model.machine import SinkMachine, check
from tests.model.world import Outcome, World, Writer, measurement

N_SCHEDULES = 2_000


class NoFence(Ledger):
    """Stores whatever comes."""

    def check_fence(self, stretch: Stretch) -> None:
        """Let it pass."""


class NoOffset(Ledger):
    """Compares epochs alone."""

    def check_fence(self, stretch: Stretch) -> None:
        """Let the owner store anything."""
        row = self.rows[stretch.origin.log_id, stretch.origin.partition]
        if row.epoch != stretch.origin.epoch:
            raise Fenced


class Greatest(NoFence):
    """Moves the offset to the greatest ever seen in place of comparing and setting."""

    def advance(self, stretch: Stretch) -> None:
        """Never move back."""
        place = stretch.origin.log_id, stretch.origin.partition
        before = self.rows[place].next_offset
        super().advance(stretch)
        self.rows[place] = replace(
            self.rows[place], next_offset=max(before, stretch.following_offset)
        )


class NoDedup(Ledger):
    """Trusts offsets alone: a producer that sends twice is counted twice."""

    def known(self, event: Event) -> bytes | None:
        """Know nobody."""
        return None


class ForgetfulDedup(Ledger):
    """Remembers the last two identities, as a cache with an expiry does."""

    def known(self, event: Event) -> bytes | None:
        """Look among the youngest."""
        return dict(list(self.keys.items())[-2:]).get((event.source, event.id))


class NoFingerprint(Ledger):
    """Never looks whether the log is the one that was read."""

    def claim(self, topic: str, partition: int, owner: str) -> Claim | Refusal:
        """Grant without the proof."""
        granted = super().claim(topic, partition, owner)
        return replace(granted, tail_sha256=None) if isinstance(granted, Claim) else granted


class OffsetFirst(Writer):
    """Commits the offset in a transaction of its own, before the data."""

    def lose_connection(self, batch: Batch) -> None:
        """Die between the two."""
        for stretch in batch.stretches:
            self.ledger.check_fence(stretch)
            self.ledger.advance(stretch)


class DataFirst(Writer):
    """Commits the data, then the offset: what everybody writes first."""

    def lose_connection(self, batch: Batch) -> None:
        """Die between the two."""
        self.ledger.write(batch)


class LettersOutside(Writer):
    """Sends dead letters elsewhere, not in the transaction."""

    def lose_connection(self, batch: Batch) -> None:
        """Leave the letters where they were sent."""
        for stretch in batch.stretches:
            self.ledger.dead |= {
                (each.place.log_id, each.place.partition, each.place.offset): each.reason
                for each in stretch.dead
            }


class BlindRetry(Writer):
    """Sends the same batch again where the reply to COMMIT was lost, whatever the fence says."""

    def end_transaction(self, outcome: Outcome, lane: int = 0) -> None:
        """Retry at once."""
        batch = self.next_in(lane).batch
        super().end_transaction(outcome, lane)
        if outcome is Outcome.REPLY_LOST:
            self.store_again(batch)

    def store_again(self, batch: Batch) -> Stored:
        """Store what may be stored already."""
        for stretch in batch.stretches:
            self.ledger.advance(stretch)
        return self.ledger.write(batch)


@pytest.mark.parametrize(
    "part",
    [
        NoFence, NoOffset, Greatest, NoDedup, ForgetfulDedup, NoFingerprint,
        OffsetFirst, DataFirst, LettersOutside, BlindRetry,
    ],
    ids=lambda part: part.__name__,
)  # fmt: skip
@pytest.mark.timeout(900)
def test_a_sink_without_one_of_its_rules_is_caught(part: type[Ledger] | type[Writer]) -> None:
    class BadWorld(World):
        ledger_type = part if issubclass(part, Ledger) else Ledger
        writer_type = part if issubclass(part, Writer) else Writer

    class BadMachine(SinkMachine):
        world_type = BadWorld

    with pytest.raises(AssertionError):
        check(BadMachine, n_schedules=N_SCHEDULES, n_steps=24)


def _lost_of_a_replaced_topic() -> bool:
    """Create the topic anew under a worker that runs; say whether it was read."""
    world = World()
    try:
        worker = world.start_worker()
        world.rebalance(worker, PARTITIONS)
        for life in range(2):
            for number in range(2 + 2 * life):
                world.log.append(PARTITIONS[0], measurement(10 * life + number, 1))
            for _ in range(4):
                world.poll(worker, 50)
                while worker.writer.queue:
                    world.end_transaction(worker, Outcome.COMMITTED)
            if life == 0:
                world.create_topic_anew()
        kept = {record.life for _, _, record in world.ledger.records}  # type: ignore[attr-defined]
        return kept != {1}
    finally:
        world.close()


def test_a_topic_created_anew_under_a_running_worker_is_not_read() -> None:
    assert not _lost_of_a_replaced_topic()


def test_a_consumer_that_trusts_a_silent_log_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Position, "needs_proof", lambda _: False)

    assert _lost_of_a_replaced_topic()
