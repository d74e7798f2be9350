"""What one transaction stores: records of one tenant, each either an event or a dead letter."""

import bisect
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from aivalue.errors import InvalidEvent
from aivalue.events.business import BackfillReverted, EventRetracted, MeasurementRecorded
from aivalue.events.columns import Columns
from aivalue.events.event import Event

Headers = Sequence[tuple[str, bytes | None]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_999
_CORRECTING = (EventRetracted, BackfillReverted)


class LogRecord(Protocol):
    """A record as Kafka's client hands it over; it is kept as it is, for speed."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Record(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """A record that does not come from Kafka's client."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in which log, at which time."""

    log_id: int
    partition: int
    offset: int
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that is not counted, and why."""

    place: Place
    record: LogRecord
    reason: str
    message: str
    path: str = "$"
    source: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A partition as it was claimed: whose it is and what comes next."""

    log_id: int
    partition: int
    epoch: int
    next_offset: int
    head_hash: bytes
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive records of one partition, decoded; `kept` are those that are events.

    Records may start later than `origin.next_offset` where a transactional producer left control
    records between. `sha256` is over what all the records say, and `hash` links it to the origin's
    `head_hash`: whoever changes one record changes every later hash.
    """

    origin: Origin
    records: Sequence[LogRecord]
    kept: Sequence[LogRecord]
    events: Columns
    dead: Sequence[DeadLetter]
    sha256: bytes
    hash: bytes

    @property
    def following_offset(self) -> int:
        """Where the next batch begins: Kafka stores the offset of the next record, hence + 1."""
        return self.records[-1].offset + 1

    @property
    def following(self) -> Origin:
        """Return the partition as it stands once this is stored."""
        return Origin(
            log_id=self.origin.log_id,
            partition=self.origin.partition,
            epoch=self.origin.epoch,
            next_offset=self.following_offset,
            head_hash=self.hash,
            topic=self.origin.topic,
        )


@dataclass(slots=True, kw_only=True)
class Batch:
    """Stretches of one tenant.

    Attributes
    ----------
    may_take_long :
        Nobody waits behind it: a request of its own, not the next part of a log.
    records :
        Those that are events.
    events :
        What they say; `seq` is the index here and in `records`.
    special :
        `seq` of what is more than a measurement; nearly always nothing.
    ends :
        Of each stretch, how many events there are up to its end.
    corrects :
        One of them takes back or replaces what others say.
    """

    tenant: str
    received_at: datetime
    stretches: Sequence[Stretch]
    may_take_long: bool = False
    records: Sequence[LogRecord] = field(init=False)
    events: Columns = field(init=False)
    special: list[int] = field(init=False)
    corrects: bool = field(init=False)
    ends: list[int] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.stretches) == 1:
            # Nothing is added to them any more.
            self.records, self.events = self.stretches[0].kept, self.stretches[0].events
        else:
            self.records = list(itertools.chain.from_iterable(each.kept for each in self.stretches))
            self.events = Columns()
            for stretch in self.stretches:
                self.events.extend(stretch.events)
        self.special = [
            seq
            for seq, event in self.events.whole.items()
            if type(event.data) is not MeasurementRecorded
            or event.supersedes is not None
            or event.backfillid is not None
        ]
        self.corrects = corrects(self.events)
        self.ends = list(itertools.accumulate(len(each.kept) for each in self.stretches))

    def event(self, seq: int) -> Event:
        """Return one event whole."""
        return self.events.event(seq)

    @property
    def n_records(self) -> int:
        """Count what was read."""
        return sum(len(stretch.records) for stretch in self.stretches)

    def stretch_number(self, seq: int) -> int:
        """Return the index of the stretch that holds an event."""
        return bisect.bisect_right(self.ends, seq)

    def place(self, seq: int) -> Place:
        """Return where an event stands."""
        origin = self.stretches[self.stretch_number(seq)].origin
        return place_of(origin, self.records[seq])


def corrects(events: Columns) -> bool:
    """Whether one of the events takes back or replaces what others say."""
    return any(
        event.supersedes is not None or type(event.data) in _CORRECTING
        for event in events.whole.values()
    )


def stretch_of(
    origin: Origin,
    records: Sequence[LogRecord],
    kept: Sequence[LogRecord],
    events: Columns,
    dead: Sequence[DeadLetter],
) -> Stretch:
    """Bind records to their place and to what was read before."""
    said = events.fingerprints
    if dead:
        digests = dict(zip((record.offset for record in kept), said, strict=True))
        digests.update((letter.place.offset, sha256_of(letter.record)) for letter in dead)
        said = [digests[record.offset] for record in records]
    sha256 = hashlib.sha256(b"".join(said)).digest()
    return Stretch(
        origin=origin,
        records=records,
        kept=kept,
        events=events,
        dead=dead,
        sha256=sha256,
        hash=chained(
            origin.head_hash,
            sha256,
            log_id=origin.log_id,
            partition=origin.partition,
            first_offset=origin.next_offset,
            next_offset=records[-1].offset + 1,
        ),
    )


def chained(
    before: bytes,
    sha256: bytes,
    *,
    log_id: int,
    partition: int,
    first_offset: int,
    next_offset: int,
) -> bytes:
    """Return the hash of a batch: of the one before, of what was read, and of where."""
    place = f"{log_id}/{partition}/{first_offset}/{next_offset}"
    return hashlib.sha256(before + sha256 + place.encode()).digest()


def dead_letter_of(origin: Origin, record: LogRecord, error: InvalidEvent) -> DeadLetter:
    """Set a record aside with what is wrong with it."""
    return DeadLetter(
        place=place_of(origin, record),
        record=record,
        reason=error.reason,
        message=str(error),
        path=error.path,
    )


def place_of(origin: Origin, record: LogRecord) -> Place:
    """Return where a record of a partition stands."""
    return Place(
        log_id=origin.log_id,
        partition=origin.partition,
        offset=record.offset,
        timestamp=_EPOCH + timedelta(milliseconds=log_ms(record)),
    )


def log_ms(record: LogRecord) -> int:
    """Return when the log says it took a record, as far as there are years for it.

    Where producers say when, one may say it in microseconds, or say nothing: -1.
    """
    return min(max(record.timestamp, 0), _LAST_MS)


def tail_sha256_of(record: LogRecord) -> bytes:
    """Fingerprint a record and when its log took it: the same event sent again is another record.

    A topic created anew and filled by the same producers may hold the same bytes at the same place.
    """
    return hashlib.sha256(
        sha256_of(record) + record.timestamp.to_bytes(8, "big", signed=True)
    ).digest()


def sha256_of(record: LogRecord) -> bytes:
    """Fingerprint a record's bytes, to recognise it when it is read again."""
    digest = hashlib.sha256()
    for part in (record.key, record.value, *(text for pair in record.headers for text in pair)):
        encoded = b"\xff" if part is None else part if isinstance(part, bytes) else part.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.digest()
