"""Bytes to event: the one place where untrusted input becomes a typed value.

Kafka and HTTP bindings reduce a message to one of two shapes, a JSON envelope or attributes
beside a body; both end in the same checks and the same fingerprint.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec

from aivalue.errors import InvalidEvent
from aivalue.events import strict_json
from aivalue.events.attributes import (
    IDENTIFIER_LENGTH_MAX,
    REQUIRED,
    Attributes,
    from_mapping,
    invalid,
    require_acceptable,
    require_strings,
)
from aivalue.events.business import BackfillReverted, EventRetracted
from aivalue.events.event import Event
from aivalue.events.fields import EventData
from aivalue.events.instant import instant_and_day, microseconds_since_1970
from aivalue.events.topics import DATA_BY_TYPE

FUTURE_TOLERANCE = timedelta(minutes=5)
EVENT_BYTES_MAX = 256 * 1024
_FINAL = (EventRetracted, BackfillReverted)
_JSON_TYPES = ("application/json", "text/json")
_NO_DATA = msgspec.Raw()


class _Envelope(Attributes, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    data: msgspec.Raw = _NO_DATA
    data_base64: str | None = None


_envelopes = msgspec.json.Decoder(_Envelope)
_encoder = msgspec.json.Encoder(order="deterministic")
_decoders = {name: msgspec.json.Decoder(data) for name, data in DATA_BY_TYPE.items()}
_MOMENT = struct.Struct(">qi").pack
_TYPES = {name: name.encode() + b"\0" for name in DATA_BY_TYPE}


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
        n_keys: int | None = _n_keys(envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Read exactly, there is nothing left to suspect.
        envelope, n_keys = _exact_envelope(value), None
    if envelope.data_base64 is not None:
        if envelope.data != _NO_DATA:
            raise InvalidEvent("data and data_base64 exclude each other", reason="schema")
        strict_json.parse(value)
        body = _from_base64(envelope.data_base64)
        return _event(envelope, body, body, 0, now)
    return _event(envelope, bytes(envelope.data), value, n_keys, now)


def decode_binary(attributes: Mapping[str, str], body: bytes | None, *, now: datetime) -> Event:
    """Read an event whose attributes stand beside its data.

    `attributes` are names without their protocol's prefix; `datacontenttype` is among them.

    Raises
    ------
    InvalidEvent
        As `decode_structured`.
    """
    _require_size(body)
    try:
        known = Attributes(**attributes)
    except TypeError:  # an attribute is missing, or an extension of the producer's own
        known = from_mapping(attributes)
    return _event(known, body, body, 0, now)


def _event(
    attributes: Attributes,
    body: bytes | None,
    original: bytes | None,
    n_keys: int | None,
    now: datetime,
) -> Event:
    """Read an event; `original` holds the body and `n_keys` more keys, None if it was checked."""
    require_acceptable(attributes)
    canonical, data = _data(attributes, body)
    if (
        n_keys is not None
        and original is not None
        and strict_json.is_suspect(original, canonical, n_keys=n_keys)
    ):
        strict_json.parse(original)
    time, day = instant_and_day(attributes.time)
    if time > now:
        _require_past(time, now, "time", attributes.time)
    business_date: date | None = getattr(data, "business_date", None)
    # The date line: somewhere it is tomorrow already.
    if business_date is not None and business_date > now.date() + timedelta(days=1):
        raise InvalidEvent(
            f"business_date {business_date} lies in the future",
            reason="time_in_future",
            path="$.data.business_date",
        )
    microseconds = microseconds_since_1970(time)
    moment = _MOMENT(microseconds, day.toordinal())
    said = _TYPES[attributes.type] + moment + canonical
    event = Event(
        attributes.source, attributes.id, attributes.type, time, microseconds,
        business_date or day, data, hashlib.sha256(said).digest(),
    )  # fmt: skip
    return event if _is_plain(attributes) else _with_options(event, attributes, said, now)


def _is_plain(attributes: Attributes) -> bool:
    """Whether there is none of the optional attributes, as in nearly every event."""
    return (
        attributes.subject is None
        and attributes.partitionkey is None
        and attributes.traceparent is None
        and attributes.tracestate is None
        and attributes.supersedes is None
        and attributes.recordedtime is None
        and attributes.sequence is None
        and attributes.backfillid is None
        and attributes.dataschema is None
        and attributes.correlationid is None
        and attributes.causationid is None
    )


def _n_keys(envelope: _Envelope) -> int:
    """Count the keys of an envelope outside its data."""
    if envelope.data_base64 is None and _is_plain(envelope):
        return len(REQUIRED) + 1 + (envelope.datacontenttype is not None)
    return strict_json.count_keys(_encoder.encode(envelope)) - strict_json.count_keys(
        bytes(envelope.data)
    )


def _with_options(event: Event, attributes: Attributes, said: bytes, now: datetime) -> Event:
    require_strings(attributes)
    if attributes.supersedes == attributes.id:
        raise invalid("supersedes", "names the event itself")
    for name in ("supersedes", "sequence", "backfillid"):
        if len(getattr(attributes, name) or "") > IDENTIFIER_LENGTH_MAX:
            raise invalid(name, f"must have at most {IDENTIFIER_LENGTH_MAX} characters")
    if attributes.backfillid is not None and isinstance(event.data, _FINAL):
        raise invalid("backfillid", "cannot stand on what takes events back: that is final")
    recorded = None
    if attributes.recordedtime is not None:
        recorded, _ = instant_and_day(attributes.recordedtime, attribute="recordedtime")
        # It orders corrections: one from the future would win for ever.
        _require_past(recorded, now, "recordedtime", attributes.recordedtime)
    if attributes.supersedes is not None:
        said += f"\0{attributes.supersedes}\0{attributes.recordedtime}".encode()
    return msgspec.structs.replace(
        event,
        fingerprint=hashlib.sha256(said).digest(),
        supersedes=attributes.supersedes,
        recordedtime=recorded,
        sequence=attributes.sequence,
        backfillid=attributes.backfillid,
    )


def _require_past(instant: datetime, now: datetime, attribute: str, text: str) -> None:
    if instant > now + FUTURE_TOLERANCE:
        raise InvalidEvent(
            f"{attribute} is {text}, more than 5 minutes ahead of the clock",
            reason="time_in_future",
            path=f"$.{attribute}",
        )


def _data(attributes: Attributes, body: bytes | None) -> tuple[bytes, EventData]:
    decoder = _decoders.get(attributes.type)
    if decoder is None:
        raise invalid("type", f"{attributes.type[:100]!r} is not known", reason="unknown_type")
    content_type = attributes.datacontenttype
    if content_type is not None and content_type != _JSON_TYPES[0] and not _is_json(content_type):
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        # Arithmetic's is of an exponent that no Decimal has.
        strict_json.parse(body)
        raise InvalidEvent(str(error), reason="not_json", path="$.data") from error
    return _encoder.encode(data), data


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
