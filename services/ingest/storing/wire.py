"""Events as the bytes of PostgreSQL's binary COPY, built in one pass.

A tuple per row, encoded by the driver value by value, would be a second pass. Columns that are
the same for a whole stretch come first, so that they are one prefix.
Format: a field count, then for each field its length (-1 for null) and its bytes.
"""

import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aivalue.events.columns import Columns
from aivalue.events.instant import microseconds_since_1970
from aivalue.events.topics import DATA_BY_TYPE
from services.ingest.batch import Batch, Stretch, log_times
from services.ingest.queries.storing import EVENT_COLUMNS, KEY_COLUMNS, STAGED_COLUMNS
from services.ingest.storing.headers import headers_column
from services.ingest.storing.identities import Ids

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i").pack
Pack = Callable[..., bytes]
_BIGINT = struct.Struct(">iq").pack
_INTEGER = struct.Struct(">ii").pack
# PostgreSQL counts from the first day of 2000.
EPOCH_DAY = datetime(2000, 1, 1, tzinfo=UTC).toordinal()
_EPOCH_MICROSECONDS = 946_684_800_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The events of a batch as rows of two tables; the index is `seq`."""

    keys: list[bytes]
    events: list[bytes]


def rows_of(batch: Batch, ids: Ids) -> Rows:
    """Write every event for its key and for the raw events."""
    rows = Rows(keys=[], events=[])
    tenant, received = (
        _text(batch.tenant),
        _BIGINT(8, microseconds_since_1970(batch.received_at) - _EPOCH_MICROSECONDS),
    )
    seq = 0
    for stretch in batch.stretches:
        own = slice(seq, seq + len(stretch.kept))
        seq = own.stop
        start = tenant + _place(stretch)
        names = [name.encode() for name in stretch.events.ids]
        sources, series = ids.sources[own], ids.series[own]
        rows.keys.extend(_key_rows(_fields(KEY_COLUMNS) + start, stretch, names, sources, series))
        rows.events.extend(
            _event_rows(_fields(EVENT_COLUMNS) + start + received, stretch, names, sources)
        )
    return rows


def _key_rows(
    start: bytes,
    stretch: Stretch,
    names: Sequence[bytes],
    sources: Sequence[int],
    series: Sequence[int | None],
) -> list[bytes]:
    rows: list[bytes] = []
    events = stretch.events
    size, pack = -1, _key_packer(0, 0)
    for record, source_id, name, fingerprint, day, series_id in zip(
        stretch.kept, sources, names, events.fingerprints, events.days, series, strict=True
    ):
        if len(name) != size:
            size = len(name)
            pack = _key_packer(len(start), size)
        row = pack(
            start, 8, record.offset, 8, source_id, size, name, 32, fingerprint,
            4, day - EPOCH_DAY, 8, series_id or 0, -1,
        )  # fmt: skip
        if series_id is None:
            # Neither a series nor, as a rule, the name of a decision: rare, and so cut out again.
            row = row[:-_SERIES_AND_NULL] + _NULL + _decision(events, len(rows))
        rows.append(row)
    return rows


def _event_rows(
    start: bytes, stretch: Stretch, names: Sequence[bytes], sources: Sequence[int]
) -> list[bytes]:
    rows: list[bytes] = []
    events, records = stretch.events, stretch.kept
    kinds = [_TYPES[name] for name in events.types]
    n_name, n_key, last = 0, 0, b""
    pack = _event_packer(len(start), n_name, len(last), n_key)
    for record, logged_at, source_id, name, moment, kind in zip(
        records, log_times(records), sources, names, events.microseconds, kinds, strict=True
    ):
        key, value = record.key, record.value
        key_text = key or b""
        if len(name) != n_name or len(key_text) != n_key or kind is not last:
            n_name, n_key, last = len(name), len(key_text), kind
            pack = _event_packer(len(start), n_name, len(kind), n_key)
        head = pack(
            start, 8, record.offset, 8, logged_at * 1_000 - _EPOCH_MICROSECONDS,
            8, source_id, 8, moment - _EPOCH_MICROSECONDS, n_name, name, kind,
            -1 if key is None else n_key, key_text, -1 if value is None else len(value),
        )  # fmt: skip
        rows.append(head + (value or b"") + headers_column(record.headers))
    return rows


def staged_rows(batch: Batch, ids: Ids) -> list[bytes]:
    """Write every event for the staging table, which most batches do without."""
    rows: list[bytes] = []
    for stretch in batch.stretches:
        start = _fields(STAGED_COLUMNS) + _place(stretch)
        events = stretch.events
        for index, record in enumerate(stretch.kept):
            seq = len(rows)
            series_id = ids.series[seq]
            columns = (
                start, _BIGINT(8, record.offset), _BIGINT(8, ids.sources[seq]),
                _text(events.ids[index]), _LENGTH(32), events.fingerprints[index],
                _INTEGER(4, events.days[index] - EPOCH_DAY),
                _NULL if series_id is None else _BIGINT(8, series_id),
                _decision(events, index), _INTEGER(4, seq),
            )  # fmt: skip
            rows.append(b"".join(columns))
    return rows


def _fields(columns: Sequence[str]) -> bytes:
    return len(columns).to_bytes(2, "big")


def _place(stretch: Stretch) -> bytes:
    return _BIGINT(8, stretch.origin.log_id) + _INTEGER(4, stretch.origin.partition)


def stream(rows: Iterable[bytes]) -> bytes:
    """Make rows what COPY reads."""
    return b"".join((_SIGNATURE, *rows, _TRAILER))


def _decision(events: Columns, index: int) -> bytes:
    """Write which decision an event is about; a measurement is about none."""
    event = events.whole.get(index)
    decision = None if event is None else getattr(event.data, "decision", None)
    return _NULL if decision is None else _text(decision)


@functools.cache
def _key_packer(start: int, name: int) -> Pack:
    """Return what packs a row of `event_keys`, given the sizes of its start and of the id."""
    return struct.Struct(f">{start}siqiqi{name}si32siiiqi").pack


@functools.lru_cache(4_096)
def _event_packer(start: int, name: int, kind: int, key: int) -> Pack:
    """Return what packs a row of `events` up to its value's size, given the sizes before it."""
    return struct.Struct(f">{start}siqiqiqiqi{name}s{kind}si{key}si").pack


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded


_TYPES = {name: _text(name) for name in DATA_BY_TYPE}
_SERIES_AND_NULL = len(_BIGINT(8, 0)) + len(_NULL)
