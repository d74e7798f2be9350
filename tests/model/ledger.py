"""PostgreSQL in memory: what one transaction of ingest does, and what holds of all of them.

`Ledger` keeps the rules that SQL keeps in `services/ingest/queries`; a test drives both with the
same steps. Its methods are small so that a bad variant replaces exactly one of them.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from aivalue.events.business import EventRetracted, MeasurementRecorded
from aivalue.events.event import Event
from services.ingest.batch import Batch, DeadLetter, LogRecord, Origin, Stretch, tail_sha256_of
from services.ingest.queries.partitions import GENESIS, Claim, Fenced, Refusal
from services.ingest.reading.claims import LEASE_SECONDS
from services.ingest.storing.keys import Stored

TENANT = "acme"
Identity = tuple[str, str]
Place = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of `ingest.partitions`."""

    next_offset: int = 0
    tail_sha256: bytes | None = None
    head_hash: bytes = GENESIS
    epoch: int = 0
    owner: str | None = None
    renewed_at: float | None = None
    halted: bool = False


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    """A row of `ingest.batches`."""

    log_id: int
    partition: int
    first_offset: int
    next_offset: int
    consumed: int
    inserted: int
    duplicate: int
    dead: int
    sha256: bytes
    prev_hash: bytes
    hash: bytes


@dataclass(kw_only=True)
class Ledger:
    """What is committed.

    Attributes
    ----------
    keys : fingerprint of what was stored under each identity
    counted : value of every measurement that counts now
    withdrawn : identities that a retraction named, whether they came or not
    n, total : running statistics, never recomputed
    dead : reason of every dead letter, by its place
    """

    clock: Callable[[], float]
    log_id: int = 1
    rows: dict[tuple[int, int], Row] = field(default_factory=dict)
    batches: list[BatchRow] = field(default_factory=list)
    keys: dict[Identity, bytes] = field(default_factory=dict)
    counted: dict[Identity, int] = field(default_factory=dict)
    withdrawn: set[Identity] = field(default_factory=set)
    dead: dict[Place, str] = field(default_factory=dict)
    records: list[tuple[int, int, LogRecord]] = field(default_factory=list)
    n: int = 0
    total: int = 0

    def claim(self, topic: str, partition: int, owner: str) -> Claim | Refusal:
        """Grant a partition of the open log, unless it is halted or held."""
        row = self.rows.get((self.log_id, partition), Row())
        if row.halted:
            return Refusal.HALTED
        held = row.renewed_at is not None and self.clock() - row.renewed_at < LEASE_SECONDS
        if row.owner not in {None, owner} and held:
            return Refusal.HELD
        row = replace(row, epoch=row.epoch + 1, owner=owner, renewed_at=self.clock())
        self.rows[self.log_id, partition] = row
        origin = Origin(
            log_id=self.log_id,
            partition=partition,
            epoch=row.epoch,
            next_offset=row.next_offset,
            head_hash=row.head_hash,
        )
        return Claim(tenant=TENANT, topic=topic, origin=origin, tail_sha256=row.tail_sha256)

    def renew(self, origin: Origin) -> bool:
        """Renew a lease; say whether it still is the owner's."""
        place = origin.log_id, origin.partition
        if self.rows[place].epoch != origin.epoch:
            return False
        self.rows[place] = replace(self.rows[place], renewed_at=self.clock())
        return True

    def release(self, origin: Origin) -> None:
        """Give a partition up."""
        place = origin.log_id, origin.partition
        if self.rows[place].epoch == origin.epoch:
            self.rows[place] = replace(self.rows[place], owner=None)

    def halt(self, origin: Origin) -> None:
        """Stop a partition, if it still is its finder's."""
        place = origin.log_id, origin.partition
        row = self.rows[place]
        if row.epoch == origin.epoch:
            self.rows[place] = replace(row, halted=True, epoch=row.epoch + 1, owner=None)

    def rotate(self) -> None:
        """Open the next incarnation of the log; event keys still apply."""
        for place, row in self.rows.items():
            if place[0] == self.log_id:
                self.rows[place] = replace(row, epoch=row.epoch + 1)
        self.log_id += 1

    def resume(self, partition: int) -> None:
        """Let a halted partition go on."""
        place = self.log_id, partition
        self.rows[place] = replace(self.rows[place], halted=False)

    def store(self, batch: Batch) -> Stored:
        """Do all that a transaction does, or raise and do nothing."""
        for stretch in batch.stretches:
            self.check_fence(stretch)
        for stretch in batch.stretches:
            self.advance(stretch)
        return self.write(batch)

    def check_fence(self, stretch: Stretch) -> None:
        """Compare epoch and offset, as the statement that moves them does."""
        row = self.rows[stretch.origin.log_id, stretch.origin.partition]
        expected = (stretch.origin.epoch, stretch.origin.next_offset)
        if row.halted or (row.epoch, row.next_offset) != expected:
            raise Fenced

    def advance(self, stretch: Stretch) -> None:
        """Move the offset, with what proves the log and the chain."""
        place = stretch.origin.log_id, stretch.origin.partition
        self.rows[place] = replace(
            self.rows[place],
            next_offset=stretch.following_offset,
            head_hash=stretch.hash,
            tail_sha256=tail_sha256_of(stretch.records[-1]),
            renewed_at=self.clock(),
        )

    def write(self, batch: Batch) -> Stored:
        """Store events, count them, set the rest aside, and write the batches' rows."""
        stored = Stored()
        for seq, event in enumerate(batch.events):
            known = self.known(event)
            if known is None:
                self.insert(event)
            elif known == event.fingerprint:
                stored.duplicates.add(seq)
            else:
                stored.refused[seq] = "id_conflict"
        stored.dead = [letter for stretch in batch.stretches for letter in stretch.dead]
        stored.dead += [
            DeadLetter(place=batch.place(seq), record=batch.records[seq], reason=reason, message="")
            for seq, reason in stored.refused.items()
        ]
        self.bury(stored.dead)
        for number, stretch in enumerate(batch.stretches):
            self._record(batch, stored, number, stretch)
        return stored

    def known(self, event: Event) -> bytes | None:
        """Return what was stored under the event's identity."""
        return self.keys.get((event.source, event.id))

    def insert(self, event: Event) -> None:
        """Store an event, and count it if it is a measurement that nobody withdrew."""
        identity = event.source, event.id
        self.keys[identity] = event.fingerprint
        if isinstance(event.data, MeasurementRecorded):
            if identity not in self.withdrawn:
                self._count(identity, int(event.data.value or 0))
        elif isinstance(event.data, EventRetracted):
            target = event.data.source, event.data.id
            self.withdrawn.add(target)
            if target in self.counted:
                self.n -= 1
                self.total -= self.counted.pop(target)

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Set dead letters aside, each place once."""
        for letter in letters:
            place = letter.place.log_id, letter.place.partition, letter.place.offset
            assert place not in self.dead, f"two dead letters of {place}"
            self.dead[place] = letter.reason

    def _count(self, identity: Identity, value: int) -> None:
        self.n += 1
        self.total += value
        self.counted[identity] = value

    def _record(self, batch: Batch, stored: Stored, number: int, stretch: Stretch) -> None:
        origin = stretch.origin
        of_stretch = [s for s in range(len(batch.events)) if batch.stretch_number(s) == number]
        duplicate = sum(seq in stored.duplicates for seq in of_stretch)
        refused = sum(seq in stored.refused for seq in of_stretch)
        self.batches.append(
            BatchRow(
                log_id=origin.log_id,
                partition=origin.partition,
                first_offset=origin.next_offset,
                next_offset=stretch.following_offset,
                consumed=len(stretch.records),
                inserted=len(of_stretch) - duplicate - refused,
                duplicate=duplicate,
                dead=len(stretch.dead) + refused,
                sha256=stretch.sha256,
                prev_hash=origin.head_hash,
                hash=stretch.hash,
            )
        )
        self.records += [(origin.log_id, origin.partition, each) for each in stretch.records]

    def check(self) -> None:
        """Hold the books to what is true after every step, whatever died."""
        ends: dict[tuple[int, int], int] = {}
        heads: dict[tuple[int, int], bytes] = {}
        for batch in self.batches:
            place = batch.log_id, batch.partition
            assert batch.consumed == batch.inserted + batch.duplicate + batch.dead
            assert place not in ends or ends[place] == batch.first_offset, "a gap or an overlap"
            assert heads.get(place, GENESIS) == batch.prev_hash, "the chain is broken"
            said = f"{place[0]}/{place[1]}/{batch.first_offset}/{batch.next_offset}"
            linked = hashlib.sha256(batch.prev_hash + batch.sha256 + said.encode()).digest()
            assert linked == batch.hash, "the chain is broken"
            ends[place], heads[place] = batch.next_offset, batch.hash
        for place, row in self.rows.items():
            assert row.next_offset == ends.get(place, 0), "an offset without its batch"
        assert sum(batch.inserted for batch in self.batches) == len(self.keys), "stored twice"
        assert sum(batch.dead for batch in self.batches) == len(self.dead), "a letter too many"
        assert (self.n, self.total) == (len(self.counted), sum(self.counted.values()))
