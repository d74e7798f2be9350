"""Times of a series on a calendar: where observations stand, which seasons they can show.

Times that are all ISO dates are read as days, weeks or months; anything else just counts up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import gcd
from typing import Literal

import numpy as np

from aivalue.effects.panel import Floats, Integers
from aivalue.errors import NotEstimable

Step = Literal["day", "week", "month", "none"]
WEEK = 7
YEAR: dict[Step, float] = {"day": 365.25, "week": 365.25 / 7, "month": 12.0, "none": 0.0}
WEEKS_BEFORE_MIN = 4  # Weekdays are told apart by four weeks.
YEARS_BEFORE_MIN = 0.98
YEARS_FOR_TWO_WAVES = 1.9
MONTHS_FOR_LEVELS = 36  # A level per calendar month needs three of each before.


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Attributes of times.

    Attributes
    ----------
    position : shape (n,)
        In steps since the first.
    holidays : shape (n, 1), or None
        Share of each step that is a holiday.
    """

    step: Step
    position: Floats
    holidays: Floats | None

    def cycles(self, n_before: int) -> tuple[float, ...]:
        """Return the seasons that this many observations before can tell apart."""
        found: list[float] = []
        if self.step == "day" and n_before >= WEEKS_BEFORE_MIN * WEEK:
            found.append(float(WEEK))
        year = YEAR[self.step]
        if not year:
            return ()
        if self.step == "month":
            return (12.0,) if n_before >= MONTHS_FOR_LEVELS else ()
        if n_before >= YEARS_BEFORE_MIN * year:
            found.append(year)
        if n_before >= YEARS_FOR_TWO_WAVES * year:
            found.append(year / 2)
        return tuple(found)


def calendar_of(times: Sequence[str], index: Integers, *, holidays: Sequence[str] = ()) -> Calendar:
    """Read times in ascending order; `index` counts them where they are no dates.

    Raises
    ------
    NotEstimable
        Holidays are given, but times are no dates.
    """
    try:
        days = [date.fromisoformat(time) for time in times]
    except ValueError:
        if holidays:
            raise NotEstimable("holidays need times that are dates (YYYY-MM-DD)") from None
        return Calendar(step="none", position=index.astype(np.float64), holidays=None)
    ordinal = np.array([day.toordinal() for day in days])
    step = _step_of(days, ordinal)
    if step == "none":
        return Calendar(step=step, position=index.astype(np.float64), holidays=None)
    if step == "month":
        position = np.array([day.year * 12 + day.month for day in days], np.float64)
    else:
        position = ordinal / (WEEK if step == "week" else 1)
    position = position - position[0]
    return Calendar(step=step, position=position, holidays=_shares(days, step, holidays))


def _step_of(days: Sequence[date], ordinal: Integers) -> Step:
    gaps = np.diff(ordinal)
    if len(gaps) == 0:
        return "none"
    if all(day.day == days[0].day for day in days):
        return "month"
    common = gcd(*(int(gap) for gap in gaps))
    if common % WEEK == 0:
        return "week"
    return "day" if common == 1 else "none"


def _shares(days: Sequence[date], step: Step, holidays: Sequence[str]) -> Floats | None:
    if not holidays:
        return None
    try:
        given = [date.fromisoformat(day) for day in holidays]
    except ValueError as error:
        raise NotEstimable(f"a holiday is written YYYY-MM-DD: {error}") from None
    share = np.zeros(len(days))
    for row, day in enumerate(days):
        if step == "month":
            inside = [one for one in given if (one.year, one.month) == (day.year, day.month)]
            share[row] = len(inside) / 30
        else:
            length = WEEK if step == "week" else 1
            inside = [one for one in given if 0 <= (one - day).days < length]
            share[row] = len(inside) / length
    return share[:, None] if share.any() else None
