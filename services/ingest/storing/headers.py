"""Headers of records as JSON text, and as a column of PostgreSQL's binary COPY."""

import base64
import functools
import struct
from typing import Final

import msgspec

from services.ingest.batch import Headers

_LENGTH = struct.Struct(">i").pack
# Their values are those of one event; all others come again in the next.
_OF_ONE_EVENT: Final = frozenset({"ce_id", "ce_time", "ce_subject", "ce_traceparent"})
_KNOWN_MAX: Final = 4_096


def headers_column(headers: Headers) -> bytes:
    """Write headers as a column: its length and its bytes."""
    if len(headers) == 1:
        # In structured mode every record has the same single header.
        return _single(headers[0])
    text = headers_json(headers)
    return _LENGTH(len(text)) + text


def headers_json(headers: Headers) -> bytes:
    """Write headers as a JSON array of pairs; a value that is not UTF-8 as {"base64": ..}."""
    return b"[%b]" % b",".join(
        [_written(pair) if pair[0] in _OF_ONE_EVENT else _remembered(pair) for pair in headers]
    )


def _written(pair: tuple[str, bytes | None]) -> bytes:
    name, value = pair
    try:
        return msgspec.json.encode((name, None if value is None else value.decode()))
    except UnicodeDecodeError:
        return msgspec.json.encode((name, {"base64": base64.b64encode(value or b"").decode()}))


_remembered = functools.lru_cache(_KNOWN_MAX)(_written)


@functools.lru_cache(_KNOWN_MAX)
def _single(pair: tuple[str, bytes | None]) -> bytes:
    text = headers_json([pair])
    return _LENGTH(len(text)) + text
