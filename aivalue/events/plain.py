"""The event nearly everybody sends, read in one pass: a measurement without unusual attributes.

Whatever is unusual in a record, wrong or merely rare, is left to `decode`, which decides; here is
no rule of its own, only a shorter way to the same event (a property test holds the two together).
"""

import hashlib
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from aivalue.events.business import MeasurementRecorded
from aivalue.events.event import Event
from aivalue.events.fields import Name

TYPE = MeasurementRecorded.TYPE
BYTES_MAX = 16 * 1024
_NAME_BYTES_MAX = 200
_SPECVERSION, _CONTENT_TYPE, _TYPE_BYTES = b"1.0", b"application/json", TYPE.encode()
_SAID = _TYPE_BYTES + b"\0"
_BACKSLASH, _DELETE = ord("\\"), 0x7F
_N_ATTRIBUTES = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = struct.Struct(">qi").pack


class _Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An envelope whose optional attributes, where there are any, are not stored."""

    specversion: Literal["1.0"]
    id: Name
    source: Name
    type: Literal["aivalue.measurement.recorded.v1"]
    time: str
    data: MeasurementRecorded
    datacontenttype: Literal["application/json"] | None = None
    subject: Name | None = None
    partitionkey: Name | None = None
    traceparent: Name | None = None


_decode_envelope = msgspec.json.Decoder(_Plain).decode
_decode_data = msgspec.json.Decoder(MeasurementRecorded).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


def read_structured(value: bytes, *, now: datetime) -> Event | None:
    """Read a plain event in JSON format; None where `decode_structured` must look."""
    if not value.isascii() or _BACKSLASH in value or _DELETE in value or len(value) > BYTES_MAX:
        return None
    try:
        envelope = _decode_envelope(value)
    except (msgspec.MsgspecError, RecursionError):
        return None
    event_id, source, time, data = envelope.id, envelope.source, envelope.time, envelope.data
    n_commas = 5 if envelope.datacontenttype is None else 6
    if envelope.subject is not None:
        n_commas += 1 + envelope.subject.count(",")
    if envelope.partitionkey is not None:
        n_commas += 1 + envelope.partitionkey.count(",")
    if envelope.traceparent is not None:
        n_commas += 1 + envelope.traceparent.count(",")
    canonical = _encode(data)
    # A member more than what was decoded, such as a key twice, leaves a comma more; a comma in a
    # name does too, and `decode` will tell.
    if value.count(b",") != canonical.count(b",") + n_commas:
        return None
    return _event(source, event_id, time, data, canonical, now)


def read_binary(
    value: bytes, headers: Sequence[tuple[str, bytes | None]], *, now: datetime
) -> Event | None:
    """Read a plain event in binary mode; None where `decode_binary` must look."""
    if len(headers) != _N_ATTRIBUTES or not value.isascii() or len(value) > BYTES_MAX:
        return None
    attributes = dict(headers)
    # An attribute twice leaves fewer, and then one of these is missing.
    try:
        source, event_id = _text(attributes["ce_source"]), _text(attributes["ce_id"])
        if (
            attributes["ce_type"] != _TYPE_BYTES
            or attributes["ce_specversion"] != _SPECVERSION
            or attributes["content-type"] != _CONTENT_TYPE
            or _BACKSLASH in value
            or not _is_plain_name(source)
            or not _is_plain_name(event_id)
        ):
            return None
        time = _text(attributes["ce_time"])
        data = _decode_data(value)
    except (KeyError, UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        return None
    canonical = _encode(data)
    if value.count(b",") != canonical.count(b","):
        return None
    return _event(source, event_id, time, data, canonical, now)


def _text(header: bytes | None) -> str:
    return (header or b"").decode()


def _is_plain_name(text: str) -> bool:
    return text.isascii() and text.isprintable() and 0 < len(text) <= _NAME_BYTES_MAX


def _event(
    source: str,
    event_id: str,
    time: str,
    data: MeasurementRecorded,
    canonical: bytes,
    now: datetime,
) -> Event | None:
    # RFC 3339 as nearly everybody writes it; fromisoformat checks the digits, and takes more.
    if time[4:17:3] != "--T::" or time[19:20] not in (".", "+", "-", "Z"):
        return None
    if time[-1] != "Z" and (time[-3] != ":" or time[-6] not in "+-"):
        return None
    try:
        instant = datetime.fromisoformat(time)
    except ValueError:
        return None
    if instant.tzinfo is None or instant.year == 1 or instant > now or data.business_date:
        return None
    since, day = instant - _EPOCH, instant.date()
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    said = _SAID + _MOMENT(microseconds, day.toordinal()) + canonical
    return Event(
        source, event_id, TYPE, instant, microseconds, day, data, hashlib.sha256(said).digest()
    )
