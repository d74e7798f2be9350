"""Events as the bytes of PostgreSQL's binary COPY, built in one pass.

A tuple per row, encoded by the driver value by value, would be a second pass. Columns that are
the same for a whole stretch come first, so that they are one prefix.
Format: a field count, then for each field its length (-1 for null) and its bytes.
"""

import base64
import functools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from aivalue.events.event import Event
from aivalue.events.topics import DATA_BY_TYPE
from services.ingest.batch import Batch, Headers, LogRecord, Stretch, log_ms
from services.ingest.queries.storing import EVENT_COLUMNS, KEY_COLUMNS, STAGED_COLUMNS
from services.ingest.storing.identities import Ids

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i").pack
Pack = Callable[..., bytes]
_BIGINT = struct.Struct(">iq").pack
_INTEGER = struct.Struct(">ii").pack
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    keys: list[bytes] = []
    events: list[bytes] = []
    identified = zip(ids.sources, ids.series, strict=True)
    id_bytes = 0
    measured, identity_of, head_of = _packers(id_bytes)
    tenant = _text(batch.tenant)
    received = _BIGINT(8, _microseconds(batch.received_at))
    for stretch in batch.stretches:
        place = _place(stretch)
        key_start = len(KEY_COLUMNS).to_bytes(2, "big") + tenant + place
        event_start = len(EVENT_COLUMNS).to_bytes(2, "big") + tenant + place + received
        for (record, event), (source_id, series_id) in zip(
            stretch.events, identified, strict=False
        ):
            event_id = event.id.encode()
            if len(event_id) != id_bytes:
                id_bytes = len(event_id)
                measured, identity_of, head_of = _packers(id_bytes)
            offset = record.offset
            day = event.day.toordinal() - EPOCH_DAY
            if series_id is None:
                keys.append(key_start + identity_of(
                    8, offset, 8, source_id, id_bytes, event_id, 32, event.fingerprint,
                    4, day, -1,
                ) + _decision(event))  # fmt: skip
            else:
                keys.append(key_start + measured(
                    8, offset, 8, source_id, id_bytes, event_id, 32, event.fingerprint,
                    4, day, 8, series_id, -1,
                ))  # fmt: skip
            head = head_of(
                8, offset, 8, log_ms(record) * 1_000 - _EPOCH_MICROSECONDS,
                8, source_id, 8, event.microseconds - _EPOCH_MICROSECONDS, id_bytes, event_id,
            )  # fmt: skip
            events.append(event_start + head + _TYPES[event.type] + _original(record))
    return Rows(keys=keys, events=events)


def staged_rows(batch: Batch, ids: Ids) -> list[bytes]:
    """Write every event for the staging table, which most batches do without."""
    rows: list[bytes] = []
    identified = zip(ids.sources, ids.series, strict=True)
    for stretch in batch.stretches:
        start = len(STAGED_COLUMNS).to_bytes(2, "big") + _place(stretch)
        for (record, event), (source_id, series_id) in zip(
            stretch.events, identified, strict=False
        ):
            columns = (
                start, _BIGINT(8, record.offset), _BIGINT(8, source_id), _text(event.id),
                _LENGTH(32), event.fingerprint, _INTEGER(4, event.day.toordinal() - EPOCH_DAY),
                _NULL if series_id is None else _BIGINT(8, series_id), _decision(event),
                _INTEGER(4, len(rows)),
            )  # fmt: skip
            rows.append(b"".join(columns))
    return rows


def _place(stretch: Stretch) -> bytes:
    return _BIGINT(8, stretch.origin.log_id) + _INTEGER(4, stretch.origin.partition)


def stream(rows: Iterable[bytes]) -> bytes:
    """Make rows what COPY reads."""
    return b"".join((_SIGNATURE, *rows, _TRAILER))


def _decision(event: Event) -> bytes:
    decision = getattr(event.data, "decision", None)
    return _NULL if decision is None else _text(decision)


def _original(record: LogRecord) -> bytes:
    """Write key, value and headers."""
    key, value = record.key, record.value
    return b"".join(
        (
            _NULL if key is None else _LENGTH(len(key)) + key,
            _NULL if value is None else _LENGTH(len(value)) + value,
            _headers(record.headers),
        )
    )


@functools.cache
def _packers(id_bytes: int) -> tuple[Pack, Pack, Pack]:
    """Return what packs columns around an id of so many bytes; there are 800 lengths.

    From the offset to the decision, with a series and without; from the offset to the event's id.
    """
    layouts = (">iqiqi{}si32siiiqi", ">iqiqi{}si32siii", ">iqiqiqiqi{}s")
    with_series, without, head = (struct.Struct(each.format(id_bytes)).pack for each in layouts)
    return with_series, without, head


def headers_json(headers: Headers) -> bytes:
    """Write headers as a JSON array of pairs; a value that is not UTF-8 as {"base64": ..}."""
    try:
        # As nearly all are: half the price of looking at each.
        return msgspec.json.encode([(name, value.decode()) for name, value in headers])  # type: ignore[union-attr]
    except (AttributeError, UnicodeDecodeError):
        return msgspec.json.encode([(name, _said(value)) for name, value in headers])


def _said(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded


def _headers(headers: Headers) -> bytes:
    if len(headers) == 1:
        known = _KNOWN_HEADERS.get(headers[0])
        if known is not None:
            return known
    encoded = headers_json(headers)
    if len(headers) == 1 and len(_KNOWN_HEADERS) < _KNOWN_HEADERS_MAX:
        _KNOWN_HEADERS[headers[0]] = _LENGTH(len(encoded)) + encoded
    return _LENGTH(len(encoded)) + encoded


def _microseconds(time: datetime) -> int:
    since = time - _EPOCH
    return (
        (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds - _EPOCH_MICROSECONDS
    )


_TYPES = {name: _text(name) for name in DATA_BY_TYPE}
# In structured mode every record has the same single header.
_KNOWN_HEADERS: dict[tuple[str, bytes | None], bytes] = {}
_KNOWN_HEADERS_MAX = 64
