"""Canonical form: equal meaning, equal bytes, equal SHA-256.

JSON with sorted keys and no white space; decimals as plain text without exponent or trailing
zeros, so that 0.1 and 0.10 are one value.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, JsonValue

from aivalue.kpis.series import plain

# Named by pydantic, which could not follow a recursive alias of ours.
Json = JsonValue


def body_of(definition: BaseModel) -> dict[str, Json]:
    """Write a definition as JSON carries it: every field, defaults included."""
    return {name: _json(getattr(definition, name)) for name in type(definition).model_fields}


def canonical_bytes(value: Json) -> bytes:
    """Write JSON in the one form that is hashed."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def sha256_of(value: Json) -> str:
    """Digest of the canonical form."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def _json(value: object) -> Json:
    match value:
        case BaseModel():
            return body_of(value)
        case Mapping():
            return {str(key): _json(each) for key, each in value.items()}
        case tuple() | list():
            return [_json(each) for each in value]
        case Decimal() | date():
            return plain(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            raise TypeError(f"a definition holds a {type(value).__name__}, which JSON has not")
