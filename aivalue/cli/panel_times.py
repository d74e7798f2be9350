"""Times of a table: text that sorts in the order of time, or the line that keeps it from doing so.

Numbers sort by value and dates as ISO text, which others are written as. Other text must have the
year first and one shape, such as 2024-07, 2024Q3 or 2024-W05: February is before January in text,
and 10 before 9. One time that is written in two ways is one time.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, time

from aivalue.cli.console import WRONG_CALL, fail

_DIGIT = re.compile(r"\d")
_YEAR_FIRST = re.compile(r"\d{4}(?!\d)")
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")


def times_of(rows: list[dict[str, str]], name: str) -> list[str]:
    """Read the column of times."""
    times = [row[name].strip() for row in rows]
    if "" in times:
        fail(f"line {times.index('') + 2}: {name} is empty, needs a time", status=WRONG_CALL)
    distinct = dict.fromkeys(times)
    written = _as_numbers(distinct)
    if written is None:
        written = _as_dates(distinct, times, name)
    if written is not None:
        return [written[time] for time in times]
    shapes = {_DIGIT.sub("0", time) for time in distinct}
    odd = next((time for time in distinct if not _YEAR_FIRST.match(time)), None)
    if odd is None and len(shapes) > 1:
        usual = _DIGIT.sub("0", times[0])
        odd = next(time for time in distinct if _DIGIT.sub("0", time) != usual)
    if odd is not None:
        fail(
            f'line {times.index(odd) + 2}: {name} is "{odd}": times need to be numbers or dates '
            "(2024-07-31), or to have one shape with the year first (2024-07, 2024Q3)",
            status=WRONG_CALL,
        )
    return times


def _as_numbers(texts: Iterable[str]) -> dict[str, str] | None:
    """Write each number in the shortest of the ways it is written here; None if any is no number.

    A column of whole numbers with a gap somewhere comes out of many programs as 1.0, 2.0.
    """
    ways: dict[float, list[str]] = {}
    for text in texts:
        value = _number(text)
        if value is None:
            return None
        ways.setdefault(value, []).append(text)
    shortest = {
        value: min(same, key=lambda text: (len(text), text)) for value, same in ways.items()
    }
    return {text: shortest[value] for value, same in ways.items() for text in same}


def _number(text: str) -> float | None:
    """Read a number, a whole one exactly: nanoseconds since 1970 are beyond what a float holds."""
    for read in (int, float):
        try:
            value = read(text)
        except ValueError:
            continue
        return None if math.isnan(value) else value
    return None


def _as_dates(texts: Iterable[str], times: list[str], name: str) -> dict[str, str] | None:
    """Write days and moments so that text sorts as time; None if any is neither."""
    iso = {text: _DAY.sub(_padded, text, count=1) for text in texts}
    try:
        moments = {text: datetime.fromisoformat(each) for text, each in iso.items()}
    except ValueError:
        return None
    zoned = {text: moment.tzinfo is not None for text, moment in moments.items()}
    if len(set(zoned.values())) > 1:
        odd = next(text for text in times if zoned[text] != zoned[times[0]])
        has = "has an offset from UTC and others have none"
        lacks = "has no offset from UTC and others have one"
        said = has if zoned[odd] else lacks
        fail(f'line {times.index(odd) + 2}: {name} is "{odd}": it {said}', status=WRONG_CALL)
    if all(moment.time() == time.min for moment in moments.values()):
        if len({_DIGIT.sub("0", each) for each in iso.values()}) > 1 or any(zoned.values()):
            return {text: moment.date().isoformat() for text, moment in moments.items()}
        return iso
    if any(zoned.values()):
        moments = {text: moment.astimezone(UTC) for text, moment in moments.items()}
    return {text: moment.isoformat() for text, moment in moments.items()}


def _padded(day: re.Match[str]) -> str:
    return f"{day[1]}-{int(day[2]):02d}-{int(day[3]):02d}"
