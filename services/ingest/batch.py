"""What one transaction stores: records of one tenant, each either an event or a dead letter."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aivalue.errors import InvalidEvent
from aivalue.events.event import Event

Headers = Sequence[tuple[str, bytes]]
Decode = Callable[[bytes | None, Headers], Event]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a log, as it was received."""

    log_id: int
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def timestamp(self) -> datetime:
        """When the log took it."""
        return _EPOCH + timedelta(milliseconds=max(self.timestamp_ms, 0))

    def sha256(self) -> bytes:
        """Fingerprint of the bytes, to recognise the record when it is read again."""
        digest = hashlib.sha256()
        for part in (self.key, self.value, *(text for pair in self.headers for text in pair)):
            encoded = (
                b"\xff" if part is None else part if isinstance(part, bytes) else part.encode()
            )
            digest.update(len(encoded).to_bytes(8, "big"))
            digest.update(encoded)
        return digest.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that is not counted, and why."""

    record: Record
    reason: str
    message: str
    path: str = "$"
    source: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive records of one partition: from what was expected next to the last one read.

    `next_offset` is the position before the first record; records may start later where a
    transactional producer left control records between. `sha256` is over all the records, and
    `hash` links it to `head_hash`, the hash of the stretch before: whoever changes one record
    changes every later hash.
    """

    log_id: int
    partition: int
    epoch: int
    next_offset: int
    head_hash: bytes
    records: Sequence[Record]
    sha256: bytes
    hash: bytes

    @property
    def following_offset(self) -> int:
        """Where the next batch begins: Kafka stores the offset of the next record, hence + 1."""
        return self.records[-1].offset + 1


@dataclass(slots=True, kw_only=True)
class Batch:
    """Decoded stretches of one tenant; `events` and `dead` together hold every record once."""

    tenant: str
    received_at: datetime
    stretches: Sequence[Stretch]
    events: list[tuple[Record, Event]] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)

    @property
    def n_records(self) -> int:
        """Count what was read."""
        return sum(len(stretch.records) for stretch in self.stretches)


def decode_batch(
    tenant: str, stretches: Sequence[Stretch], decode: Decode, *, received_at: datetime
) -> Batch:
    """Decode every record; what is no event becomes a dead letter, its neighbours count."""
    batch = Batch(tenant=tenant, received_at=received_at, stretches=stretches)
    for stretch in stretches:
        for record in stretch.records:
            try:
                batch.events.append((record, decode(record.value, record.headers)))
            except InvalidEvent as error:
                batch.dead.append(dead_letter_of(record, error))
    return batch


def dead_letter_of(record: Record, error: InvalidEvent) -> DeadLetter:
    """Set a record aside with what is wrong with it."""
    return DeadLetter(record=record, reason=error.reason, message=str(error), path=error.path)


def stretch_of(
    *,
    log_id: int,
    partition: int,
    epoch: int,
    next_offset: int,
    head_hash: bytes,
    records: Sequence[Record],
) -> Stretch:
    """Bind records to their place and to what was read before them."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(record.offset.to_bytes(8, "big"))
        digest.update(record.sha256())
    place = f"{log_id}/{partition}/{next_offset}/{records[-1].offset + 1}".encode()
    sha256 = digest.digest()
    return Stretch(
        log_id=log_id,
        partition=partition,
        epoch=epoch,
        next_offset=next_offset,
        head_hash=head_hash,
        records=records,
        sha256=sha256,
        hash=hashlib.sha256(head_hash + sha256 + place).digest(),
    )
