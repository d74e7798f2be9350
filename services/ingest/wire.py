"""Events as the bytes of PostgreSQL's binary COPY, built in one pass.

A tuple per row that the driver encodes value by value costs three times as much. Columns that are
the same for a whole stretch come first, so that they are one prefix.
Format: a field count, then for each field its length (-1 for null) and its bytes.
"""

import base64
import struct
from collections.abc import Collection
from datetime import UTC, datetime

import msgspec

from aivalue.events.business import MeasurementRecorded
from aivalue.events.event import Event
from aivalue.events.topics import DATA_BY_TYPE
from services.ingest.batch import Batch, Headers, Stretch
from services.ingest.identities import Ids

STAGED_COLUMNS = (
    "log_id", "partition", "seq", "offset", "source_id", "event_id", "payload_sha256",
    "business_date", "series_id", "value", "numerator", "denominator", "decision",
)  # fmt: skip
EVENT_COLUMNS = (
    "tenant_id", "log_id", "partition", "received_at", "offset", "log_timestamp", "source_id",
    "time", "event_id", "type", "key", "value", "headers",
)  # fmt: skip
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i").pack
_BIGINT = struct.Struct(">iq").pack
_INTEGER = struct.Struct(">ii").pack
# seq, offset, source_id, and the length of the event's id.
_STAGED_HEAD = struct.Struct(">iiiqiqi").pack
# offset, log_timestamp, source_id, time, and the length of the event's id.
_EVENT_HEAD = struct.Struct(">iqiqiqiqi").pack
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_EPOCH_MICROSECONDS = 946_684_800_000_000


def staged(batch: Batch, ids: Ids) -> bytes:
    """Return every event as a row of STAGED_COLUMNS."""
    rows = [_SIGNATURE]
    seq = 0
    source_ids, series_ids = ids.sources, ids.series
    for stretch in batch.stretches:
        prefix = _staged_prefix(stretch)
        for record, event in stretch.events:
            event_id = event.id.encode()
            rows += (
                prefix,
                _STAGED_HEAD(4, seq, 8, record.offset, 8, source_ids[seq], len(event_id)),
                event_id,
                b"\0\0\0\x20",
                event.fingerprint,
                _INTEGER(4, event.day.toordinal() - _EPOCH_DAY),
                _measured(event, series_ids[seq]),
            )
            seq += 1
    rows.append(_TRAILER)
    return b"".join(rows)


def events(batch: Batch, ids: Ids, without: Collection[int]) -> bytes:
    """Return the events, but some, as rows of EVENT_COLUMNS."""
    rows = [_SIGNATURE]
    seq = 0
    source_ids = ids.sources
    for stretch in batch.stretches:
        prefix = _event_prefix(batch, stretch)
        for record, event in stretch.events:
            if seq not in without:
                event_id = event.id.encode()
                key, value = record.key, record.value
                rows += (
                    prefix,
                    _EVENT_HEAD(
                        8, record.offset,
                        8, max(record.timestamp, 0) * 1_000 - _EPOCH_MICROSECONDS,
                        8, source_ids[seq], 8, _microseconds(event.time), len(event_id),
                    ),
                    event_id,
                    _TYPES[event.type],
                    _NULL if key is None else _LENGTH(len(key)) + key,
                    _NULL if value is None else _LENGTH(len(value)) + value,
                    _headers(record.headers),
                )  # fmt: skip
            seq += 1
    rows.append(_TRAILER)
    return b"".join(rows)


def headers_json(headers: Headers) -> bytes:
    """Write headers as a JSON array of pairs; a value that is not UTF-8 as {"base64": ..}."""
    try:
        return msgspec.json.encode([(name, value.decode()) for name, value in headers])
    except UnicodeDecodeError:
        return msgspec.json.encode(
            [(name, {"base64": base64.b64encode(value).decode()}) for name, value in headers]
        )


def _measured(event: Event, series_id: int | None) -> bytes:
    """Return series, value, numerator, denominator and decision."""
    data = event.data
    if type(data) is not MeasurementRecorded or series_id is None:
        decision = getattr(data, "decision", None)
        return _NULL * 4 + (_NULL if decision is None else _text(decision))
    if data.value is not None:
        return _BIGINT(8, series_id) + _text(str(data.value)) + _NULL * 3
    parts = _text(str(data.numerator)) + _text(str(data.denominator))
    return _BIGINT(8, series_id) + _NULL + parts + _NULL


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded


def _staged_prefix(stretch: Stretch) -> bytes:
    place = _BIGINT(8, stretch.origin.log_id) + _INTEGER(4, stretch.origin.partition)
    return len(STAGED_COLUMNS).to_bytes(2, "big") + place


def _event_prefix(batch: Batch, stretch: Stretch) -> bytes:
    return (
        len(EVENT_COLUMNS).to_bytes(2, "big")
        + _text(batch.tenant)
        + _BIGINT(8, stretch.origin.log_id)
        + _INTEGER(4, stretch.origin.partition)
        + _BIGINT(8, _microseconds(batch.received_at))
    )


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
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_TYPES = {name: _text(name) for name in DATA_BY_TYPE}
# In structured mode every record has the same single header.
_KNOWN_HEADERS: dict[tuple[str, bytes], bytes] = {}
_KNOWN_HEADERS_MAX = 64
