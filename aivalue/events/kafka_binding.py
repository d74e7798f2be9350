"""CloudEvents on Kafka: which mode a record is in, and where its attributes are.

Structured where the content type says CloudEvents, binary otherwise (binding, section 3); the
record's key is the producer's and is not read.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from aivalue.errors import InvalidEvent
from aivalue.events.columns import Columns
from aivalue.events.decode import decode_binary, decode_structured
from aivalue.events.event import Event
from aivalue.events.plain import read_binary, read_structured

CONTENT_TYPE = "content-type"
STRUCTURED_JSON = b"application/cloudevents+json"
PREFIX = "ce_"
_CLOUDEVENTS = b"application/cloudevents"
_END_OF_TYPE = frozenset({b"", b";", b" "})
# As producers write it, to be recognised at once.
_STRUCTURED_HEADERS = frozenset(
    (CONTENT_TYPE, STRUCTURED_JSON + parameters)
    for parameters in (b"", b"; charset=UTF-8", b"; charset=utf-8", b";charset=utf-8")
)
_CONFLUENT_MAGIC = b"\x00"

try:
    from aivalue.events.scanning import Scanner
except ImportError:
    # Not compiled, for want of a compiler: `plain` reads the same events, more slowly.
    SCANNER = None
else:
    SCANNER = Scanner(_STRUCTURED_HEADERS)

Headers = Sequence[tuple[str, bytes | None]]


class Said(Protocol):
    """What is read of a record."""

    @property
    def value(self) -> bytes | None:
        """Its data, or all of the event."""

    @property
    def headers(self) -> Headers:
        """What stands beside it."""


def read_leading(records: Sequence[Said], start: int, end: int, *, now: datetime) -> Columns:
    """Read the plain events that some of the records begin with: perhaps all, perhaps none."""
    return Columns() if SCANNER is None else SCANNER.leading(records, start, end, now)


def read_plain(records: Sequence[Said], *, now: datetime) -> Columns | None:
    """Read the events in records where all are of the plain kind; None where one may not be."""
    found = read_leading(records, 0, len(records), now=now)
    if len(found) == len(records):
        return found
    headers = [record.headers for record in records]
    present = [value for record in records if (value := record.value) is not None]
    if len(present) != len(records):
        return None
    is_structured = (
        set(map(len, headers)) == {1} and {each[0] for each in headers} <= _STRUCTURED_HEADERS
    )
    if is_structured:
        return read_structured(present, now=now)
    return read_binary(present, headers, now=now)


def decode_record(value: bytes | None, headers: Headers, *, now: datetime) -> Event:
    """Read the event in a record.

    Raises
    ------
    InvalidEvent
        The record holds no event we know.
    """
    content_type = b""
    for name, found in headers:
        if name == CONTENT_TYPE or name.lower() == CONTENT_TYPE:
            content_type = found or b""
            break
    if content_type[:23].lower() == _CLOUDEVENTS:
        mode = content_type[:28].lower()
        if mode != STRUCTURED_JSON or content_type[28:29] not in _END_OF_TYPE:
            raise InvalidEvent(
                f"event format {content_type[:80]!r} is not read", reason="unsupported_format"
            )
        if value is None:
            raise InvalidEvent("a structured record needs a value", reason="no_data")
        return decode_structured(value, now=now)
    return decode_binary(_attributes(value, headers), value, now=now)


def _attributes(value: bytes | None, headers: Headers) -> dict[str, str]:
    """Return the attributes; Kafka's null is that of JSON, no attribute at all."""
    attributes: dict[str, str] = {}
    n_others, name = 0, ""
    try:
        for name, found in headers:
            if found is None:
                n_others += 1
            elif name[:3] == PREFIX:
                attributes[name[3:]] = found.decode()
            elif name.lower() == CONTENT_TYPE:
                attributes["datacontenttype"] = found.decode()
            else:
                n_others += 1
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"header {name}: {error}", reason="not_utf8") from error
    if len(attributes) + n_others != len(headers):
        raise InvalidEvent("an attribute stands in two headers", reason="duplicate_key")
    if not attributes and value is not None and value[:1] == _CONFLUENT_MAGIC:
        raise InvalidEvent("framed for a schema registry", reason="confluent_framed")
    return attributes
