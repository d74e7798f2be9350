"""Times of a series on a calendar: where observations stand, which seasons they can show.

Times that are all dates, midnights, months or quarters are read as days, weeks, months or several
months; anything else just counts up.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import gcd
from typing import Literal

import numpy as np

from aivalue.effects.panel import Floats, Integers
from aivalue.errors import NotEstimable

Step = Literal["day", "week", "month", "none"]
WEEK = 7
MONTHS = 12
YEAR: dict[Step, float] = {"day": 365.25, "week": 365.25 / 7, "none": 0.0}
WEEKS_BEFORE_MIN = 4  # Weekdays are told apart by four weeks.
YEARS_BEFORE_MIN = 0.98
YEARS_FOR_TWO_WAVES = 1.9
YEARS_FOR_LEVELS = 3  # A level per calendar month needs three of each before.
_MONTH = re.compile(r"((?:19|20)\d\d)[-/.]?(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"(\d{4})[-/. ]?[Qq]([1-4])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Attributes of times.

    Attributes
    ----------
    year : float
        Its length in steps, 0 where there is none.
    position : shape (n,)
        In steps since the first.
    holidays : shape (n, 1), or None
        Share of each step that is a holiday.
    """

    step: Step
    year: float
    position: Floats
    holidays: Floats | None

    def cycles(self, n_before: int) -> tuple[float, ...]:
        """Return the seasons that this many observations before can tell apart."""
        found: list[float] = []
        if self.step == "day" and n_before >= WEEKS_BEFORE_MIN * WEEK:
            found.append(float(WEEK))
        if not self.year:
            return ()
        if self.step == "month":
            return (self.year,) if n_before >= YEARS_FOR_LEVELS * self.year else ()
        if n_before >= YEARS_BEFORE_MIN * self.year:
            found.append(self.year)
        if n_before >= YEARS_FOR_TWO_WAVES * self.year:
            found.append(self.year / 2)
        return tuple(found)


def calendar_of(times: Sequence[str], index: Integers, *, holidays: Sequence[str] = ()) -> Calendar:
    """Read times in ascending order; `index` counts them where they are no dates.

    Raises
    ------
    NotEstimable
        Holidays are given, but times are no dates.
    """
    try:
        days = [_day_of(time) for time in times]
    except ValueError:
        if holidays:
            raise NotEstimable("holidays need times that are dates (YYYY-MM-DD)") from None
        return _counted(index)
    if len(days) < 2:  # noqa: PLR2004 - one has no step
        return _counted(index)
    if _are_months(days):
        return _of_months(days, index, holidays)
    ordinal = np.array([day.toordinal() for day in days])
    common = gcd(*(int(gap) for gap in np.diff(ordinal)))
    if common % WEEK and common != 1:
        return _counted(index)
    step: Step = "day" if common % WEEK else "week"
    length = 1 if step == "day" else WEEK
    ends = [day + timedelta(days=length) for day in days]
    return Calendar(
        step=step,
        year=YEAR[step],
        position=(ordinal - ordinal[0]) / length,
        holidays=_shares(days, ends, holidays),
    )


def _day_of(text: str) -> date:
    """Read a day, the midnight it begins with, or the first day of a month or a quarter."""
    month = _MONTH.fullmatch(text)
    if month:
        return date(int(month[1]), int(month[2]), 1)
    quarter = _QUARTER.fullmatch(text)
    if quarter:
        return date(int(quarter[1]), 3 * int(quarter[2]) - 2, 1)
    moment = datetime.fromisoformat(text)
    if moment.time() != time.min:
        raise ValueError(f"{text} is within a day")
    return moment.date()


def _counted(index: Integers) -> Calendar:
    return Calendar(step="none", year=0.0, position=index.astype(np.float64), holidays=None)


def _are_months(days: Sequence[date]) -> bool:
    """Whether all are the same day of their month, or all its last."""
    return len({day.day for day in days}) == 1 or _are_ends(days)


def _are_ends(days: Sequence[date]) -> bool:
    return all((day + timedelta(days=1)).day == 1 for day in days)


def _of_months(days: Sequence[date], index: Integers, holidays: Sequence[str]) -> Calendar:
    month = np.array([day.year * MONTHS + day.month - 1 for day in days])
    length = gcd(*(int(gap) for gap in np.diff(month)))
    if MONTHS % length or length == MONTHS:
        return _counted(index)
    # Quarters that are named by their last day end with its month.
    first = month - (length - 1 if _are_ends(days) else 0)
    return Calendar(
        step="month",
        year=MONTHS / length,
        position=(month - month[0]) / length,
        holidays=_shares(_firsts(first), _firsts(first + length), holidays),
    )


def _firsts(months: Integers) -> list[date]:
    return [date(int(month) // MONTHS, int(month) % MONTHS + 1, 1) for month in months]


def _shares(starts: Sequence[date], ends: Sequence[date], holidays: Sequence[str]) -> Floats | None:
    """Return which share of each step, from its start until before its end, is a holiday."""
    if not holidays:
        return None
    try:
        given = [date.fromisoformat(day) for day in holidays]
    except ValueError as error:
        raise NotEstimable(f"a holiday is written YYYY-MM-DD: {error}") from None
    share = np.array(
        [
            sum(start <= day < end for day in given) / (end - start).days
            for start, end in zip(starts, ends, strict=True)
        ]
    )
    return share[:, None] if share.any() else None
