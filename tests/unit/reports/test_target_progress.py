"""A target is judged on its own months, in its own kind, and never on an effect that is missing."""

from datetime import date
from decimal import Decimal

import pytest

from aivalue.kpis.definition import Target
from aivalue.reports.evidence import Evidence
from aivalue.reports.target_progress import TargetProgress, months_judged, target_progress
from tests.unit.reports.builders import AS_OF, REFUSED, evidence, interval, target


def progress(
    aim: Target, found: Evidence | None, *, as_of: date = AS_OF, **judged: Evidence
) -> TargetProgress:
    return target_progress(aim, evidence=found, judged=judged, as_of=as_of)


def test_a_fall_of_what_should_fall_counts_towards_a_relative_target() -> None:
    reached = progress(target(), evidence())

    assert (reached.attained, reached.low, reached.high) == (0.12, 0.08, 0.16)
    assert reached.progress == pytest.approx(1.2)
    assert (reached.status, reached.met_at_low) == ("met", False)


def test_a_rise_of_what_should_fall_is_progress_below_zero() -> None:
    reached = progress(target(), evidence(relative=interval(0.05, 0.01, 0.09)))

    assert reached.progress == pytest.approx(-0.5)
    assert reached.status == "missed"


def test_an_absolute_target_is_read_in_the_unit_of_the_kpi() -> None:
    reached = progress(target(kind="absolute", amount=Decimal("0.5")), evidence())

    assert (reached.attained, reached.met_at_low) == (0.9, True)


def test_percentage_points_are_hundredths_of_a_share() -> None:
    share = evidence(better_when="higher", unit="share", average=interval(0.02, 0.01, 0.03))

    reached = progress(target(kind="percentage_points", amount=Decimal(4)), share)

    assert reached.attained == 2.0
    assert reached.progress == 0.5


def test_a_target_is_missed_only_once_it_is_due() -> None:
    aim = target(amount=Decimal("0.5"))

    assert progress(aim, evidence(), as_of=date(2024, 6, 30)).status == "open"
    assert progress(aim, evidence(), as_of=date(2024, 7, 1)).status == "missed"


@pytest.mark.parametrize("found", [None, REFUSED, evidence(relative=None)])
def test_without_an_effect_progress_is_unknown_and_not_zero(found: Evidence | None) -> None:
    reached = progress(target(), found)

    assert (reached.attained, reached.progress, reached.status) == (None, None, "unknown")


def test_the_effect_of_the_months_before_the_due_date_decides() -> None:
    later = evidence(relative=interval(-0.02, -0.05, 0.01))

    assert progress(target(), evidence(), faster=later).attained == 0.02


@pytest.mark.parametrize(
    ("as_of", "start", "end"),
    [
        (date(2024, 7, 15), date(2024, 4, 1), date(2024, 7, 1)),
        (date(2026, 1, 1), date(2024, 4, 1), date(2024, 7, 1)),
        (date(2024, 3, 15), date(2023, 12, 1), date(2024, 3, 1)),
    ],
)
def test_a_target_is_judged_on_the_last_full_quarter_before_it_is_due(
    as_of: date, start: date, end: date
) -> None:
    assert months_judged(target(), as_of=as_of) == (start, end)


@pytest.mark.parametrize("unit", ["%", "percent"])
def test_a_kpi_in_percent_counts_percentage_points_already(unit: str) -> None:
    percent = evidence(better_when="higher", unit=unit, average=interval(2.0, 1.0, 3.0))

    reached = progress(target(kind="percentage_points", amount=Decimal(4)), percent)

    assert (reached.attained, reached.progress, reached.status) == (2.0, 0.5, "missed")


def test_a_target_due_on_the_first_day_there_is_has_a_window_all_the_same() -> None:
    mistyped = target().model_copy(update={"due": date.min})

    start, end = months_judged(mistyped, as_of=date(2024, 7, 15))

    assert start < end
