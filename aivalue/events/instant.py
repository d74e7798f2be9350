"""CloudEvents timestamps: RFC 3339 text to an instant and the calendar day it was written in."""

import re
from datetime import UTC, date, datetime, timedelta

from aivalue.errors import InvalidEvent

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = slice(17, 19)
_SIGNS = frozenset("+-")


def microseconds_since_1970(time: datetime) -> int:
    """Return an instant as a whole number."""
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant_and_day(text: str, *, attribute: str = "time") -> tuple[datetime, date]:
    """Read an instant; the day is the calendar date at the place that wrote it.

    More than six fraction digits are cut. A leap second counts as the second after it, as
    PostgreSQL does.

    Raises
    ------
    InvalidEvent
        Not RFC 3339, or without an offset: then nobody knows which instant is meant.
    """
    ends_in_z = text[-1:] == "Z"
    fraction = text[19:-1] if ends_in_z else text[19:-6]
    if (
        text[4:17:3] == "--T::"
        and (ends_in_z or (text[-3:-2] == ":" and text[-6:-5] in _SIGNS and text[-2] < "6"))
        and (not fraction or (fraction[0] == "." and fraction[1:].isdigit() and text.isascii()))
    ):
        # The form nearly everybody writes; fromisoformat checks the digits, but takes an offset
        # of 60 minutes and more for hours, and anything behind a point or six digits.
        try:
            instant = datetime.fromisoformat(text)
            # Only in the year 1 can an offset point before Python's first instant in UTC.
            if instant.tzinfo is not None and instant.year > 1:
                return instant, instant.date()
        except ValueError:
            pass
    return _exactly(text, attribute)


def _exactly(text: str, attribute: str) -> tuple[datetime, date]:
    if not _RFC_3339.fullmatch(text):
        raise _invalid(text, attribute)
    leap = text[_SECOND] == "60"
    if leap:
        text = text[:17] + "59" + text[19:]
    try:
        instant = datetime.fromisoformat(text.upper())
        day = instant.date()
        if leap:
            instant += timedelta(seconds=1)
        # Found out here, an offset beyond UTC's years stops nobody later.
        instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid(text, attribute) from error
    return instant, day


def _invalid(text: str, attribute: str) -> InvalidEvent:
    return InvalidEvent(
        f"{attribute} must be RFC 3339 with an offset, got {text[:64]!r}",
        reason="invalid_time",
        path=f"$.{attribute}",
    )
