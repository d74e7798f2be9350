"""Events as the bytes of PostgreSQL's binary COPY, built in one pass.

A tuple per row, encoded by the driver value by value, would be a second pass. Columns that are
the same for a whole stretch come first, so that they are one prefix.
Format: a field count, then for each field its length (-1 for null) and its bytes.
"""

import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from aivalue.events.columns import Columns
from services.ingest.batch import Batch, Stretch
from services.ingest.queries.storing import KEY_COLUMNS, STAGED_COLUMNS
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


def key_rows(batch: Batch, ids: Ids) -> list[bytes]:
    """Write every event for its key; the index is `seq`."""
    rows: list[bytes] = []
    tenant = _text(batch.tenant)
    for stretch in batch.stretches:
        own = slice(len(rows), len(rows) + len(stretch.kept))
        start = _fields(KEY_COLUMNS) + tenant + _place(stretch)
        names = [name.encode() for name in stretch.events.ids]
        rows += _key_rows(start, stretch, names, ids.sources[own], ids.series[own])
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


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded


_SERIES_AND_NULL = len(_BIGINT(8, 0)) + len(_NULL)
