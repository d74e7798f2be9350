"""What fields of event data are made of: names, exact numbers, days and instants.

A measurement must mean the same in JSON, in Python and in PostgreSQL, so numbers are finite, of
bounded length and read from their decimal text, never through a float.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
OptionalName = Annotated[str, msgspec.Meta(max_length=200)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]

# As far as Python and PostgreSQL reach in UTC; an offset can point beyond.
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
MAGNITUDE_MAX = 30
DECIMAL_CHARACTERS_MAX = 80


class EventData(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """Base of all event data: immutable, closed (an unknown field is an error)."""


class InstantWindow(EventData, frozen=True, kw_only=True):
    """Half-open range of instants, [start, end)."""

    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        require_in_time("window", self.start, self.end)
        if not self.start < self.end:
            raise ValueError(f"window starts at {self.start} and ends at {self.end}")


def require_in_time(field: str, *moments: datetime | None) -> None:
    """Refuse an instant that is no year of UTC's.

    Raises
    ------
    ValueError
        Before the year 1 or after the year 9999.
    """
    for moment in moments:
        if moment is not None and not EARLIEST <= moment <= LATEST:
            raise ValueError(f"{field} must lie in the years 1 to 9999 in UTC, got {moment}")


def require_storable(field: str, number: Decimal | None) -> None:
    """Refuse a number that PostgreSQL's numeric would take and nobody could add up.

    Raises
    ------
    ValueError
        Not finite, beyond 1e30, finer than 1e-30, or longer than 80 characters.
    """
    if number is None:
        return
    if not number.is_finite():
        raise ValueError(f"{field} must be a finite number, got {number}")
    if not -MAGNITUDE_MAX <= number.adjusted() <= MAGNITUDE_MAX:
        raise ValueError(f"{field} must lie between 1e-30 and 1e30 in magnitude")
    if len(str(number)) > DECIMAL_CHARACTERS_MAX:
        raise ValueError(f"{field} has more than {DECIMAL_CHARACTERS_MAX} characters")
