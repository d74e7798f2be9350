"""Months are named by their first day and never lose a day at their ends."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.money.month import (
    days_shared,
    fiscal_year,
    month_end,
    month_of,
    month_plus,
    months_between,
)

days = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@settings(deadline=None)
@given(days, days)
def test_months_share_out_every_day_of_a_window_once(start: date, end: date) -> None:
    shared = [days_shared(start, end, month=month) for month in months_between(start, end)]

    assert sum(shared) == max(0, (end - start).days)
    assert all(shared)


@settings(deadline=None)
@given(days, st.integers(-600, 600))
def test_moving_by_months_can_be_undone(day: date, n_months: int) -> None:
    month = month_of(day)

    assert month_plus(month_plus(month, n_months), -n_months) == month


def test_the_last_day_of_february_follows_leap_years() -> None:
    assert month_end(date(2024, 2, 1)) == date(2024, 2, 29)
    assert month_end(date(2025, 2, 1)) == date(2025, 2, 28)
    assert month_end(date(2024, 12, 1)) == date(2024, 12, 31)


def test_a_fiscal_year_is_named_by_the_year_it_ends_in() -> None:
    assert fiscal_year(date(2024, 3, 1), start_month=4) == 2024
    assert fiscal_year(date(2024, 4, 1), start_month=4) == 2025
    assert fiscal_year(date(2024, 12, 1), start_month=1) == 2024
