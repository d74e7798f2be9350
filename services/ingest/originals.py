"""Read again what was kept of a record, whichever way it came."""

import base64
from collections.abc import Sequence
from datetime import datetime

import msgspec

from aivalue.events import http_binding
from aivalue.events.event import Event
from aivalue.events.kafka_binding import decode_record
from services.ingest.batch import Headers


def decode_original(value: bytes | None, headers: Headers, *, now: datetime) -> Event:
    """Decode the bytes of a record or of a part of a request.

    Raises
    ------
    InvalidEvent
        They hold no event we know.
    """
    if value is not None and any(name.startswith(http_binding.PREFIX) for name, _ in headers):
        texts = [(name, text.decode("latin-1")) for name, text in headers]
        return http_binding.decode_part(value, texts, now=now)
    return decode_record(value, headers, now=now)


def headers_of_event(text: str) -> Headers:
    """Read the headers of a stored event: text, or base64 where it was none."""
    pairs: Sequence[tuple[str, str | dict[str, str]]] = msgspec.json.decode(text)
    return [
        (name, said.encode() if isinstance(said, str) else base64.b64decode(said["base64"]))
        for name, said in pairs
    ]


def headers_of_letter(text: str) -> Headers:
    """Read the headers of a dead letter: base64, for they need not be text."""
    pairs: Sequence[tuple[str, str]] = msgspec.json.decode(text)
    return [(name, base64.b64decode(said)) for name, said in pairs]
