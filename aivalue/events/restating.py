"""What an event says, whatever the digits of its numbers: 3.10 is 3.1, and 3.100000000000.

Fingerprints are of what was written. A file holds a number with the zeros of its column, a
spreadsheet with none: who sends one table from both must not be told that it says two things.
"""

import hashlib
from decimal import Context, Decimal

import msgspec

from aivalue.events.event import Event
from aivalue.events.fields import DECIMAL_CHARACTERS_MAX

_EXACT = Context(prec=DECIMAL_CHARACTERS_MAX)
_encoder = msgspec.json.Encoder()


def say_the_same(one: Event, other: Event) -> bool:
    """Whether two events differ in the digits of their numbers alone."""
    return _said(one) == _said(other)


def digest_of_said(event: Event) -> bytes:
    """Return 32 bytes that are equal for events that say the same."""
    return hashlib.sha256(_encoder.encode(_plain(_said(event)))).digest()


def _said(event: Event) -> tuple[object, ...]:
    # Decimals are compared as numbers, everything else as it is written.
    data = msgspec.to_builtins(event.data, builtin_types=(Decimal,))
    return (
        event.type, event.microseconds, event.day, event.supersedes,
        event.recordedtime, data,
    )  # fmt: skip


def _plain(said: object) -> object:
    match said:
        case Decimal():
            # Of a zero that is negative nothing is negative.
            return str(said.normalize(_EXACT)) if said else "0"
        case dict():
            return [[name, _plain(each)] for name, each in sorted(said.items())]
        case tuple() | list():
            return [_plain(each) for each in said]
    return said
