"""CloudEvents 1.0 context attributes: which there are, and what makes one acceptable."""

import re
from collections.abc import Mapping

import msgspec

from aivalue.errors import InvalidEvent

SPECVERSION = "1.0"
IDENTIFIER_LENGTH_MAX = 200
INTEGER_MAX = 2**31 - 1
_NAME = re.compile(r"[a-z0-9]{1,40}", re.ASCII)
# What a CloudEvents String must not hold: controls, non-characters, lone surrogates.
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
)


class Attributes(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """The attributes we act upon or know the meaning of; `time` is ours to require."""

    specversion: str
    id: str
    source: str
    type: str
    time: str
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    recordedtime: str | None = None
    sequence: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    supersedes: str | None = None
    backfillid: str | None = None


KNOWN = frozenset(Attributes.__struct_fields__)
REQUIRED = ("specversion", "id", "source", "type", "time")


def require_acceptable(attributes: Attributes) -> None:
    """Check what the hot path needs checked of every event.

    Raises
    ------
    InvalidEvent
        Another spec version, an empty or overlong identifier, or text that is not a String.
    """
    if attributes.specversion != SPECVERSION:
        raise invalid(
            "specversion",
            f"must be {SPECVERSION}, got {attributes.specversion[:20]!r}",
            reason="unsupported_specversion",
        )
    event_id, source = attributes.id, attributes.source
    if not 0 < len(event_id) <= IDENTIFIER_LENGTH_MAX:
        raise invalid("id", f"must have 1 to {IDENTIFIER_LENGTH_MAX} characters")
    if not 0 < len(source) <= IDENTIFIER_LENGTH_MAX:
        raise invalid("source", f"must have 1 to {IDENTIFIER_LENGTH_MAX} characters")
    if not (event_id.isascii() and event_id.isprintable()) and _FORBIDDEN.search(event_id):
        raise invalid("id", "holds a control or non-character")
    if not (source.isascii() and source.isprintable()) and _FORBIDDEN.search(source):
        raise invalid("source", "holds a control or non-character")


def is_identifier(text: str) -> bool:
    """Whether a text can be the source or the id of an event."""
    return 0 < len(text) <= IDENTIFIER_LENGTH_MAX and not _FORBIDDEN.search(text)


def require_strings(attributes: Attributes) -> None:
    """Check the optional attributes; only called where there are any.

    Raises
    ------
    InvalidEvent
        An empty attribute, or text that is not a CloudEvents String.
    """
    for name in Attributes.__struct_fields__:
        text = getattr(attributes, name)
        if text is None:
            continue
        if not text:
            raise invalid(name, "must not be empty")
        if _FORBIDDEN.search(text):
            raise invalid(name, "holds a control or non-character")


def from_mapping(found: Mapping[str, object]) -> Attributes:
    """Read attributes one by one, saying exactly what is wrong; null means absent.

    Raises
    ------
    InvalidEvent
        A required attribute is missing, a name or a value is outside the specification.
    """
    present = {name: value for name, value in found.items() if value is not None}
    for name, value in present.items():
        _require_valid(name, value)
    for name in REQUIRED:
        if name not in present:
            raise invalid(name, "is missing", reason="missing_attribute")
    texts = {name: str(value) for name, value in present.items() if name in KNOWN}
    attributes = Attributes(**texts)
    require_acceptable(attributes)
    require_strings(attributes)
    return attributes


def invalid(name: str, problem: str, *, reason: str = "invalid_attribute") -> InvalidEvent:
    """Build the error about one attribute."""
    return InvalidEvent(f"attribute {name} {problem}", reason=reason, path=f"$.{name}")


def _require_valid(name: str, value: object) -> None:
    if not _NAME.fullmatch(name) or name == "data":
        raise invalid(name[:40], "is not a name of lower-case letters and digits")
    if name in KNOWN and not isinstance(value, str):
        raise invalid(name, f"must be a string, got {type(value).__name__}", reason="schema")
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            raise invalid(name, "holds a control or non-character")
    elif isinstance(value, bool):
        pass
    elif not isinstance(value, int) or not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
        raise invalid(name, "must be a string, a boolean or a 32-bit integer")
