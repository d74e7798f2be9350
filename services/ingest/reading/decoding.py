"""Records to events: many at once where they are plain, one by one where something is unusual."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aivalue.errors import InvalidEvent
from aivalue.events.business import MeasurementRecorded
from aivalue.events.columns import Columns
from aivalue.events.event import Event
from aivalue.events.kafka_binding import decode_record, read_leading, read_plain
from services.ingest.batch import (
    DeadLetter,
    LogRecord,
    Origin,
    Stretch,
    dead_letter_of,
    stretch_of,
)

# So many may be written in the same unusual way.
TOGETHER: Final = 256
# Of so few, one by one is as fast as looking for the unusual one.
FEW: Final = 8


def decode_stretch(origin: Origin, records: Sequence[LogRecord], *, now: datetime) -> Stretch:
    """Decode every record; what is no event becomes a dead letter, its neighbours count."""
    plain = read_leading(records, 0, len(records), now=now)
    if len(plain) == len(records):
        return stretch_of(origin, records, records, plain, [])
    decoding = _Decoding(origin=origin, now=now)
    decoding.take(records, 0, plain)
    at = len(plain)
    while at < len(records):
        at = decoding.read_on(records, at)
    return stretch_of(origin, records, decoding.kept, decoding.events, decoding.dead)


@dataclass(slots=True, kw_only=True)
class _Decoding:
    origin: Origin
    now: datetime
    kept: list[LogRecord] = field(default_factory=list)
    events: Columns = field(default_factory=Columns)
    dead: list[DeadLetter] = field(default_factory=list)

    def take(self, records: Sequence[LogRecord], start: int, plain: Columns) -> None:
        """Keep what was read of the records from one on."""
        self.kept += records[start : start + len(plain)]
        self.events.extend(plain)

    def read_on(self, records: Sequence[LogRecord], at: int) -> int:
        """Read one that is not plain, and plain ones behind it; return where to read on."""
        event = self._read_exactly(records[at])
        at += 1
        if event is not None and not _is_special(event):
            # A measurement that is only written in another way: so, perhaps, are its neighbours.
            self._read_in_halves(records[at : at + TOGETHER])
            at = min(at + TOGETHER, len(records))
        plain = read_leading(records, at, len(records), now=self.now)
        self.take(records, at, plain)
        return at + len(plain)

    def _read_in_halves(self, records: Sequence[LogRecord]) -> None:
        plain = read_plain(records, now=self.now) if len(records) > FEW else None
        if plain is not None:
            self.take(records, 0, plain)
        elif len(records) > FEW:
            half = len(records) // 2
            self._read_in_halves(records[:half])
            self._read_in_halves(records[half:])
        else:
            for record in records:
                self._read_exactly(record)

    def _read_exactly(self, record: LogRecord) -> Event | None:
        try:
            event = decode_record(record.value, record.headers, now=self.now)
        except InvalidEvent as error:
            self.dead.append(dead_letter_of(self.origin, record, error))
            return None
        self.kept.append(record)
        self.events.append(event)
        return event


def _is_special(event: Event) -> bool:
    """Whether no short way reads such an event, however it is written."""
    return (
        type(event.data) is not MeasurementRecorded
        or event.supersedes is not None
        or event.backfillid is not None
    )
