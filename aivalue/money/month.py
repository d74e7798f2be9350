"""Calendar months, named by their first day: the grain in which finance reads value and cost."""

from collections.abc import Iterator
from datetime import date, timedelta


def month_of(day: date) -> date:
    """Return the first day of the month a day lies in."""
    return date(day.year, day.month, 1)


def next_month(month: date) -> date:
    """Return the first day of the following month, which is also the month's exclusive end."""
    return month_plus(month, 1)


def month_plus(month: date, n_months: int) -> date:
    """Move by whole months, backwards if negative."""
    years, index = divmod(month.month - 1 + n_months, 12)
    return date(month.year + years, index + 1, 1)


def month_end(month: date) -> date:
    """Return the last day, on which all flows of the month are dated."""
    return next_month(month) - timedelta(days=1)


def months_between(start: date, end: date) -> Iterator[date]:
    """Yield every month that shares a day with the half-open window [start, end)."""
    month = month_of(start)
    while month < end and start < end:
        yield month
        month = next_month(month)


def days_shared(start: date, end: date, *, month: date) -> int:
    """Count the days of the half-open window [start, end) that lie in the month."""
    return max(0, (min(end, next_month(month)) - max(start, month)).days)


def fiscal_year(month: date, *, start_month: int) -> int:
    """Name the fiscal year by the calendar year in which it ends."""
    return month.year if start_month == 1 or month.month < start_month else month.year + 1
