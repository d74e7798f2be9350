"""Bytes to event: the one place where untrusted input becomes a typed value.

Kafka and HTTP bindings reduce a message to one of two shapes, a JSON envelope or attributes
beside a body; both end in the same checks and the same fingerprint.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec

from aivalue.errors import InvalidEvent
from aivalue.events import strict_json
from aivalue.events.attributes import (
    KNOWN,
    Attributes,
    from_mapping,
    invalid,
    require_acceptable,
    require_strings,
)
from aivalue.events.event import Event
from aivalue.events.fields import EventData
from aivalue.events.instant import instant_and_day
from aivalue.events.topics import DATA_BY_TYPE

FUTURE_TOLERANCE = timedelta(minutes=5)
EVENT_BYTES_MAX = 256 * 1024
_JSON_TYPES = ("application/json", "text/json")
_NO_DATA = msgspec.Raw()


class _Envelope(Attributes, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    data: msgspec.Raw = _NO_DATA
    data_base64: str | None = None


_OPTIONAL = tuple(name for name in Attributes.__struct_fields__[5:] if name != "datacontenttype")
_envelopes = msgspec.json.Decoder(_Envelope)
_encoder = msgspec.json.Encoder(order="deterministic")
_decoders = {name: msgspec.json.Decoder(data) for name, data in DATA_BY_TYPE.items()}


def decode_structured(value: bytes, *, now: datetime) -> Event:
    """Read an event in JSON format (`application/cloudevents+json`).

    Raises
    ------
    InvalidEvent
        Not an event we know; `reason` and `path` say what and where.
    """
    _require_size(value)
    try:
        envelope = _envelopes.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        envelope = _exact_envelope(value)
    else:
        if strict_json.is_suspect(value, _encoder.encode(envelope)):
            envelope = _exact_envelope(value)
    body = bytes(envelope.data)
    if envelope.data_base64 is not None:
        if body:
            raise InvalidEvent("data and data_base64 exclude each other", reason="schema")
        body = _from_base64(envelope.data_base64)
    return _event(envelope, body, now=now)


def decode_binary(attributes: Mapping[str, str], body: bytes | None, *, now: datetime) -> Event:
    """Read an event whose attributes stand beside its data.

    `attributes` are names without their protocol's prefix; `datacontenttype` is among them.

    Raises
    ------
    InvalidEvent
        As `decode_structured`.
    """
    _require_size(body)
    if not KNOWN.issuperset(attributes) or None in (
        attributes.get("id"), attributes.get("source"), attributes.get("type"),
        attributes.get("time"), attributes.get("specversion"),
    ):  # fmt: skip
        known = from_mapping(attributes)
    else:
        known = Attributes(**attributes)
    return _event(known, body, now=now)


def _event(attributes: Attributes, body: bytes | None, *, now: datetime) -> Event:
    require_acceptable(attributes)
    data = _data(attributes, body)
    time, day = instant_and_day(attributes.time)
    if time > now + FUTURE_TOLERANCE:
        raise InvalidEvent(
            f"time is {attributes.time}, more than 5 minutes ahead of the clock",
            reason="time_in_future",
            path="$.time",
        )
    recorded = None
    for name in _OPTIONAL:
        if getattr(attributes, name) is not None:
            require_strings(attributes)
            if attributes.recordedtime is not None:
                recorded, _ = instant_and_day(attributes.recordedtime, attribute="recordedtime")
            break
    canonical, typed = data
    if attributes.supersedes == attributes.id:
        raise invalid("supersedes", "names the event itself")
    business_date = getattr(typed, "business_date", None)
    if business_date is not None and business_date > _latest_date(now):
        raise InvalidEvent(
            f"business_date {business_date} lies in the future",
            reason="time_in_future",
            path="$.data.business_date",
        )
    return Event(
        source=attributes.source,
        id=attributes.id,
        type=attributes.type,
        time=time,
        day=business_date or day,
        data=typed,
        fingerprint=_fingerprint(attributes, time, day, canonical),
        supersedes=attributes.supersedes,
        recordedtime=recorded,
        sequence=attributes.sequence,
        backfillid=attributes.backfillid,
    )


def _latest_date(now: datetime) -> date:
    # The date line: somewhere it is tomorrow already.
    return now.date() + timedelta(days=1)


def _data(attributes: Attributes, body: bytes | None) -> tuple[bytes, EventData]:
    decoder = _decoders.get(attributes.type)
    if decoder is None:
        raise invalid("type", f"{attributes.type[:100]!r} is not known", reason="unknown_type")
    content_type = attributes.datacontenttype
    if content_type is not None and not _is_json(content_type):
        raise invalid(
            "datacontenttype",
            f"must be JSON, got {content_type[:60]!r}",
            reason="unsupported_format",
        )
    if not body:
        raise InvalidEvent(f"{attributes.type} needs data", reason="no_data", path="$.data")
    try:
        data = decoder.decode(body)
    except msgspec.ValidationError as error:
        strict_json.parse(body)
        message, _, path = str(error).partition(" - at `$")
        where = "$.data" + path.rstrip("`")
        raise InvalidEvent(message, reason="schema", path=where) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        strict_json.parse(body)
        raise InvalidEvent(str(error), reason="not_json", path="$.data") from error
    canonical = _encoder.encode(data)
    if strict_json.is_suspect(body, canonical):
        strict_json.parse(body)
    return canonical, data


def _fingerprint(attributes: Attributes, time: datetime, day: date, canonical: bytes) -> bytes:
    said = (
        f"{attributes.type}\0{time.timestamp():.6f}\0{day}\0{attributes.supersedes}\0"
        f"{attributes.recordedtime}\0"
    )
    return hashlib.sha256(said.encode() + canonical).digest()


def _exact_envelope(value: bytes) -> _Envelope:
    """Read an envelope slowly: for unknown extensions, and to say exactly what is wrong."""
    members = strict_json.parse(value)
    if not isinstance(members, dict):
        raise InvalidEvent("a structured event is a JSON object", reason="not_json")
    payload = {name: members.pop(name) for name in ("data", "data_base64") if name in members}
    known = from_mapping(members)
    encoded = payload.get("data_base64")
    if encoded is not None and not isinstance(encoded, str):
        raise InvalidEvent("data_base64 must be a string", reason="schema", path="$.data_base64")
    raw = msgspec.json.decode(value, type=dict[str, msgspec.Raw]).get("data", _NO_DATA)
    return _Envelope(
        **{name: getattr(known, name) for name in Attributes.__struct_fields__},
        data=raw,
        data_base64=encoded,
    )


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in _JSON_TYPES or media_type.endswith(("+json", "/json"))


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidEvent(
            f"data_base64 is not base64: {error}", reason="schema", path="$.data_base64"
        ) from error


def _require_size(value: bytes | None) -> None:
    if value is not None and len(value) > EVENT_BYTES_MAX:
        raise InvalidEvent(
            f"event has {len(value)} bytes, at most {EVENT_BYTES_MAX} are read", reason="too_large"
        )
