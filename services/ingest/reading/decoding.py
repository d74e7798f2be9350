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

# What is read at once stays in the processor's cache between one column and the next.
TOGETHER: Final = 256
# Of so few, one by one is as fast as looking for the unusual one.
FEW: Final = 8


def decode_stretch(origin: Origin, records: Sequence[LogRecord], *, now: datetime) -> Stretch:
    """Decode every record; what is no event becomes a dead letter, its neighbours count."""
    decoding = _Decoding(origin=origin, now=now)
    for start in range(0, len(records), TOGETHER):
        decoding.read(records[start : start + TOGETHER])
    return stretch_of(origin, records, decoding.kept, decoding.events, decoding.dead)


@dataclass(slots=True, kw_only=True)
class _Decoding:
    origin: Origin
    now: datetime
    kept: list[LogRecord] = field(default_factory=list)
    events: Columns = field(default_factory=Columns)
    dead: list[DeadLetter] = field(default_factory=list)

    def read(self, records: Sequence[LogRecord]) -> None:
        """Read records: stretches of plain ones at once, what is between them one by one."""
        values = [record.value for record in records]
        headers = [record.headers for record in records]
        at = 0
        while at < len(records):
            plain = read_leading(values, headers, at, now=self.now)
            if plain:
                self.kept += records[at : at + len(plain)]
                self.events.extend(plain)
                at += len(plain)
            if at == len(records):
                return
            event = self._read_exactly(records[at])
            at += 1
            if event is None or _is_special(event):
                continue
            # A measurement that is only written in another way: so, perhaps, are its neighbours.
            self._read_in_halves(records[at:])
            return

    def _read_in_halves(self, records: Sequence[LogRecord]) -> None:
        plain = None
        if len(records) > FEW:
            values = [record.value for record in records]
            plain = read_plain(values, [record.headers for record in records], now=self.now)
        if plain is not None:
            self.kept += records
            self.events.extend(plain)
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
