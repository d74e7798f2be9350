"""CloudEvents over HTTP: binary, structured and batched content modes (binding, section 3)."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import unquote_to_bytes

import msgspec

from aivalue.errors import InvalidEvent
from aivalue.events.decode import decode_binary, decode_structured
from aivalue.events.event import Event

BATCH_JSON = "application/cloudevents-batch+json"
STRUCTURED_JSON = "application/cloudevents+json"
PREFIX = "ce-"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')

Decode = Callable[[datetime], Event]
Headers = Sequence[tuple[str, str]]


class UnsupportedContent(InvalidEvent):
    """The media type is no content mode that we read; HTTP answers 415."""


def split_request(headers: Headers, body: bytes) -> list[tuple[bytes, Headers]]:
    """Return one (value, headers) per event, as they are kept and decoded one by one.

    Raises
    ------
    UnsupportedContent
        A media type that carries no event we read.
    InvalidEvent
        A batch that is not a JSON array: nothing in it can be told apart. Or the content type
        stands in a header of its own, which the binding forbids.
    """
    content_type = next((text for name, text in headers if name.lower() == "content-type"), "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == BATCH_JSON:
        try:
            items = msgspec.json.decode(body, type=list[msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InvalidEvent(f"a batch is a JSON array: {error}", reason="not_json") from error
        as_structured = [("content-type", STRUCTURED_JSON)]
        return [(bytes(item), as_structured) for item in items]
    kept = [
        (name.lower(), text)
        for name, text in headers
        if name.lower() == "content-type" or name.lower().startswith(PREFIX)
    ]
    if media_type == STRUCTURED_JSON:
        return [(body, [("content-type", content_type)])]
    if any(name == PREFIX + "datacontenttype" for name, _ in kept):
        raise InvalidEvent("ce-datacontenttype must not be sent", reason="duplicate_key")
    has_attributes = any(name.startswith(PREFIX) for name, _ in kept)
    if media_type.startswith("application/cloudevents") or not has_attributes:
        raise UnsupportedContent(
            f"send {STRUCTURED_JSON}, {BATCH_JSON}, or ce- headers; got {content_type[:80]!r}",
            reason="unsupported_format",
        )
    return [(body, kept)]


def is_structured(headers: Headers) -> bool:
    """Whether a part of a split request is a whole event in JSON."""
    return headers[0] == ("content-type", STRUCTURED_JSON) or not any(
        name.startswith(PREFIX) for name, _ in headers
    )


def decode_part(value: bytes, headers: Headers, *, now: datetime) -> Event:
    """Read one part of a split request.

    Raises
    ------
    InvalidEvent
        The part holds no event we know.
    """
    if is_structured(headers):
        return decode_structured(value, now=now)
    attributes: dict[str, str] = {}
    for name, text in headers:
        attribute = "datacontenttype" if name == "content-type" else name[len(PREFIX) :]
        if attribute in attributes:
            raise InvalidEvent(f"header {name} does not belong here", reason="duplicate_key")
        attributes[attribute] = text if name == "content-type" else decode_header(text)
    return decode_binary(attributes, value, now=now)


def decode_header(text: str) -> str:
    """Undo quoting, then one round of percent-encoding (binding, section 3.1.3.2).

    `text` is the header's bytes, a character each. Those that should have been percent-encoded
    and were not are UTF-8 all the same.

    Raises
    ------
    InvalidEvent
        The bytes are not UTF-8.
    """
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeError as error:
        raise InvalidEvent(f"header value {text[:40]!r}: {error}", reason="not_utf8") from error
