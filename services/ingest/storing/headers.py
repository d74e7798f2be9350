"""Headers of records as JSON text, and as a column of PostgreSQL's binary COPY."""

import base64
import functools
import struct
from typing import Final

import msgspec

from services.ingest.batch import Headers

_LENGTH = struct.Struct(">i").pack
_KNOWN_MAX: Final = 64


def headers_column(headers: Headers) -> bytes:
    """Write headers as a column: its length and its bytes."""
    if len(headers) == 1:
        # In structured mode every record has the same single header.
        return _single(headers[0])
    text = headers_json(headers)
    return _LENGTH(len(text)) + text


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


@functools.lru_cache(_KNOWN_MAX)
def _single(pair: tuple[str, bytes | None]) -> bytes:
    text = headers_json([pair])
    return _LENGTH(len(text)) + text
