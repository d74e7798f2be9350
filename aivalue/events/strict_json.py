"""What fast JSON readers let pass and a ledger must not: a key twice, text no database holds.

msgspec keeps the last of two equal keys and says nothing. Where every key of the original is one
of the decoded value's, the two have the same number of keys, so counting finds a suspect for a
tenth of a microsecond and only suspects are read again, slowly and exactly.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from aivalue.errors import InvalidEvent

DEPTH_MAX = 64
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_KEY_END = b'":'
_BACKSLASH = ord("\\")
# Longer ones are no int's: how many digits Python converts is a setting, of 640 at least.
_INT_CHARACTERS_MAX = 640


def is_suspect(original: bytes, canonical: bytes, *, n_keys: int = 0) -> bool:
    """Whether the original may hold what its decoded value does not show.

    No false negatives: without a backslash a quote can only open or close a string, and one that
    is not followed by whitespace is followed by a colon exactly where it closes a key.

    Parameters
    ----------
    canonical :
        The decoded value, written without whitespace.
    n_keys :
        Keys that the original has besides those.
    """
    if original.count(_KEY_END) != canonical.count(_KEY_END) + n_keys or _BACKSLASH in original:
        return True
    # Compact JSON has no whitespace to look for, and one split tells.
    return len(original.split(None, 1)) > 1 and (
        b'" ' in original or b'"\n' in original or b'"\t' in original or b'"\r' in original
    )


def count_keys(canonical: bytes) -> int:
    """Count the keys of JSON that was written without whitespace or escapes."""
    return canonical.count(_KEY_END)


def parse(raw: bytes) -> object:
    """Read JSON exactly; slow.

    Raises
    ------
    InvalidEvent
        Not UTF-8, not JSON, a key twice in one object, NaN or an infinity, an exponent that no
        Decimal has, a string with NUL or a lone surrogate, or nested deeper than 64.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent(str(error), reason="not_utf8") from error
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_decimal,
            parse_int=_integer,
        )
    except RecursionError as error:
        raise InvalidEvent("nested too deeply", reason="too_deep") from error
    except ValueError as error:
        raise InvalidEvent(str(error), reason="not_json") from error
    _require_storable(value, depth=0)
    return value


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidEvent(f"key {twice!r} stands twice", reason="duplicate_key")
    return members


def _constant(name: str) -> NoReturn:
    raise InvalidEvent(f"{name} is not JSON", reason="not_json")


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _INT_CHARACTERS_MAX else Decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise InvalidEvent(
            f"number {text[:40]} has too long an exponent", reason="schema"
        ) from error


def _require_storable(value: object, *, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise InvalidEvent(f"nested deeper than {DEPTH_MAX}", reason="too_deep")
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise InvalidEvent("text with NUL or a lone surrogate", reason="invalid_text")
    elif isinstance(value, dict):
        for name, member in value.items():
            _require_storable(name, depth=depth)
            _require_storable(member, depth=depth + 1)
    elif isinstance(value, list):
        for member in value:
            _require_storable(member, depth=depth + 1)
