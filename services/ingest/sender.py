"""Who seems to have sent what is no event: as far as it says so, for its owner has to be told."""

import re
from collections.abc import Mapping

import msgspec

from aivalue.errors import InvalidEvent
from aivalue.events.attributes import is_identifier
from aivalue.events.http_binding import decode_header
from services.ingest.batch import Headers

_PREFIXES = {"ce_", "ce-"}
_NAME = re.compile("[cC][eE][_-](source|id)", re.ASCII)


class _Envelope(msgspec.Struct, gc=False):
    source: object = None
    id: object = None


_envelopes = msgspec.json.Decoder(_Envelope)


def supposed_sender(value: bytes | None, headers: Headers) -> tuple[str | None, str | None]:
    """Return the source and the id that a record gives, None where it gives none that could be.

    Nothing is made sure of: what is wrong with the record may be just that.
    """
    found = _beside(headers)
    if not found and not any(name[:3].lower() in _PREFIXES for name, _ in headers):
        found = _within(value)
    source, event_id = (
        each if isinstance(each := found.get(name), str) and is_identifier(each) else None
        for name in ("source", "id")
    )
    return source, event_id


def _beside(headers: Headers) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for name, text in headers:
        if text is None or _NAME.fullmatch(name) is None:
            continue
        try:
            said = decode_header(text.decode("latin-1")) if name[2] == "-" else text.decode()
            found[name[3:].lower()] = said
        except (UnicodeDecodeError, InvalidEvent):
            continue
    return found


def _within(value: bytes | None) -> Mapping[str, object]:
    try:
        envelope = _envelopes.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return {"source": envelope.source, "id": envelope.id}
