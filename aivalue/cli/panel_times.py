"""Times of a table: text that sorts in the order of time, or the line that keeps it from doing so.

Numbers sort by value and ISO dates as text. Other text must have the year first and one shape,
such as 2024-07, 2024Q3 or 2024-W05: February is before January in text, and 10 before 9.
"""

import re
from datetime import datetime

from aivalue.cli.console import WRONG_CALL, fail

_DIGIT = re.compile(r"\d")
_YEAR_FIRST = re.compile(r"\d{4}(?!\d)")


def times_of(rows: list[dict[str, str]], name: str) -> list[str]:
    """Read the column of times."""
    times = [row[name].strip() for row in rows]
    if "" in times:
        fail(f"line {times.index('') + 2}: {name} is empty, needs a time", status=WRONG_CALL)
    distinct = dict.fromkeys(times)
    if all(map(_is_number, distinct)) or all(map(_is_date, distinct)):
        return times
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


def _is_number(time: str) -> bool:
    try:
        return float(time) == float(time)  # Not NaN.
    except ValueError:
        return False


def _is_date(time: str) -> bool:
    try:
        datetime.fromisoformat(time)
    except ValueError:
        return False
    return True
