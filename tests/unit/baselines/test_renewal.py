"""A baseline ages, and ends where the process or the KPI becomes another."""

from datetime import date, timedelta

import pytest

from aivalue.baselines.renewal import Renewal, Standing, renewal_of, years_after
from aivalue.kpis.definition import Kpi, Window

WINDOW = Window(start=date(2023, 1, 1), end=date(2024, 1, 1))
KPI = Kpi(
    key="k", process="p", name="K", unit="min", better_when="lower", aggregation="mean"
)  # fmt: skip


def renewal(
    today: date = date(2024, 6, 1), *, redesigned_on: date | None = None, kpi: Kpi = KPI
) -> Renewal:
    return renewal_of(WINDOW, frozen_kpi=KPI, kpi=kpi, redesigned_on=redesigned_on, today=today)


@pytest.mark.parametrize(
    ("today", "standing"),
    [
        (date(2024, 12, 31), "current"),
        (date(2025, 1, 1), "due"),
        (date(2025, 12, 31), "due"),
        (date(2026, 1, 1), "expired"),
    ],
)
def test_it_is_due_after_a_year_and_expired_after_two(today: date, standing: Standing) -> None:
    assert renewal(today).standing == standing


def test_a_redesigned_process_ends_it_at_once() -> None:
    found = renewal(redesigned_on=date(2024, 3, 1))

    assert found.standing == "expired"
    assert found.reasons == ["the process has worked another way since 2024-03-01"]


@pytest.mark.parametrize("day", [WINDOW.start, WINDOW.start - timedelta(days=100)])
def test_a_redesign_before_it_changes_nothing(day: date) -> None:
    assert renewal(redesigned_on=day).standing == "current"


def test_a_kpi_of_another_meaning_ends_it() -> None:
    found = renewal(kpi=KPI.model_copy(update={"unit": "h"}))

    assert found.standing == "expired"
    assert found.reasons == ["the KPI has changed in unit"]


def test_a_kpi_of_another_name_is_the_same() -> None:
    assert renewal(kpi=KPI.model_copy(update={"name": "Renamed"})).standing == "current"


def test_29_february_has_its_anniversary_a_day_early() -> None:
    assert years_after(date(2024, 2, 29), 2) == date(2026, 2, 28)
