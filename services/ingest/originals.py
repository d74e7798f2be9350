"""Records as they are kept, and read again, whichever way they came."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import cramjam
import msgspec

from aivalue.events import http_binding
from aivalue.events.event import Event
from aivalue.events.kafka_binding import CONTENT_TYPE, decode_record
from services.ingest.batch import Headers, LogRecord, Record

try:
    from aivalue.events.bare_record import messagepack
except ImportError:

    def messagepack(records: Sequence[object]) -> memoryview | None:  # noqa: ARG001
        """Say that none is bare: not compiled, records are what aiokafka makes of them."""
        return None


# More takes longer and saves nothing worth it.
_LEVEL: Final = 1
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(list[Record])


def pack(records: Sequence[LogRecord]) -> bytes:
    """Write records, byte for byte: a zstd frame of a MessagePack array of arrays, one a record.

    Side by side they are a tenth of what they are one by one.
    """
    written: bytes | memoryview | None = messagepack(list(records))
    if written is None:
        written = _encode(
            [(each.offset, each.timestamp, each.key, each.value, each.headers) for each in records]
        )
    return bytes(cramjam.zstd.compress(written, _LEVEL))


def unpack(originals: bytes) -> list[Record]:
    """Read what `pack` wrote.

    Raises
    ------
    ValueError
        It did not write this.
    """
    try:
        return _decoder.decode(memoryview(cramjam.zstd.decompress(originals)))
    except (cramjam.DecompressionError, msgspec.MsgspecError) as error:
        raise ValueError(f"no run of records: {error}") from error


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


def headers_of_letter(text: str) -> Headers:
    """Read the headers of a dead letter."""
    pairs: Sequence[tuple[str, str | None]] = msgspec.json.decode(text)
    return [(name, None if said is None else base64.b64decode(said)) for name, said in pairs]


def headers_text(headers: Headers) -> str:
    """Write the headers of a dead letter: base64, for they need not be text, least of all here."""
    return msgspec.json.encode([(name, base64_of(said)) for name, said in headers]).decode()


def base64_of(said: bytes | None) -> str | None:
    """Write bytes for JSON."""
    return None if said is None else base64.b64encode(said).decode()
