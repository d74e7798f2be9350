"""Read again what was kept of a record, whichever way it came."""

import base64
from collections.abc import Sequence
from datetime import datetime

import msgspec

from aivalue.events import http_binding
from aivalue.events.event import Event
from aivalue.events.kafka_binding import CONTENT_TYPE, decode_record
from services.ingest.batch import Headers


def decode_original(value: bytes | None, headers: Headers, *, kind: str, now: datetime) -> Event:
    """Decode the bytes of a record, or of a part of a request; `kind` is that of their log.

    A log that PostgreSQL keeps holds parts of requests, and records of Kafka that were replayed.

    Raises
    ------
    InvalidEvent
        They hold no event we know.
    """
    if kind == "http" and value is not None and _is_binary_request(headers):
        texts = [(name, (text or b"").decode("latin-1")) for name, text in headers]
        return http_binding.decode_part(value, texts, now=now)
    return decode_record(value, headers, now=now)


def _is_binary_request(headers: Headers) -> bool:
    names = {name for name, _ in headers} - {CONTENT_TYPE}
    return bool(names) and all(name.startswith(http_binding.PREFIX) for name in names)


def headers_of_event(text: str) -> Headers:
    """Read the headers of a stored event: text, or base64 where it was none."""
    pairs: Sequence[tuple[str, str | dict[str, str] | None]] = msgspec.json.decode(text)
    return [
        (name, base64.b64decode(said["base64"]) if isinstance(said, dict) else _encoded(said))
        for name, said in pairs
    ]


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def headers_of_letter(text: str) -> Headers:
    """Read the headers of a dead letter."""
    pairs: Sequence[tuple[str, str | None]] = msgspec.json.decode(text)
    return [(name, None if said is None else base64.b64decode(said)) for name, said in pairs]


def headers_text(headers: Headers) -> str:
    """Write the headers of a dead letter: base64, for they need not be text, least of all here."""
    pairs = [
        (name, None if said is None else base64.b64encode(said).decode()) for name, said in headers
    ]
    return msgspec.json.encode(pairs).decode()
