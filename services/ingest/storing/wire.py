"""Events as the bytes of PostgreSQL's binary COPY, built in one pass.

A tuple per row, encoded by the driver value by value, would be a second pass. Columns that are
the same for a whole stretch come first, so that they are one prefix.
Format: a field count, then for each field its length (-1 for null) and its bytes.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import partial

from aivalue.events.columns import Columns
from services.ingest.batch import Batch, Stretch
from services.ingest.queries.storing import EPOCH_DAY, KEY_COLUMNS, STAGED_COLUMNS
from services.ingest.storing import rows as written
from services.ingest.storing.identities import Ids

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i").pack
_BIGINT = struct.Struct(">iq").pack
_INTEGER = struct.Struct(">ii").pack


def key_rows(batch: Batch, ids: Ids, seqs: Sequence[int]) -> bytes:
    """Write events for their keys, in this order."""
    tenant = _text(batch.tenant)
    return written.key_rows(
        [_fields(KEY_COLUMNS) + tenant + _place(stretch) for stretch in batch.stretches],
        batch.ends,
        batch.records,
        batch.events,
        ids,
        seqs,
        partial(_without_series, batch.events),
    )


def staged_rows(batch: Batch, ids: Ids, seqs: Iterable[int]) -> list[bytes]:
    """Write events for the staging table, which most batches do without."""
    starts = [_fields(STAGED_COLUMNS) + _place(stretch) for stretch in batch.stretches]
    events = batch.events
    rows: list[bytes] = []
    for seq in seqs:
        series_id = ids.series[seq]
        columns = (
            starts[batch.stretch_number(seq)], _BIGINT(8, batch.records[seq].offset),
            _BIGINT(8, ids.sources[seq]), _text(events.ids[seq]),
            _LENGTH(32), events.fingerprints[seq], _INTEGER(4, events.days[seq] - EPOCH_DAY),
            _NULL if series_id is None else _BIGINT(8, series_id),
            _decision(events, seq), _INTEGER(4, seq),
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


def _without_series(events: Columns, index: int) -> bytes:
    return _NULL + _decision(events, index)


def _decision(events: Columns, index: int) -> bytes:
    """Write which decision an event is about; a measurement is about none."""
    event = events.whole.get(index)
    decision = None if event is None else getattr(event.data, "decision", None)
    return _NULL if decision is None else _text(decision)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded
