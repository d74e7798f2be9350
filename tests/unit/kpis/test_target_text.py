"""A sentence that can be read in one way becomes a target; any other becomes a question."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.errors import InvalidDefinition
from aivalue.kpis.definition import Kpi, Target
from aivalue.kpis.plan import BetterWhen
from aivalue.kpis.target_text import Span, TargetText, read_target, target_of


def kpi(better_when: BetterWhen = "lower", unit: str = "share", key: str = "churn") -> Kpi:
    return Kpi(
        key=key,
        process="p",
        name=key.capitalize(),
        unit=unit,
        better_when=better_when,
        aggregation="mean",
    )


def target(text: str, *, of: Kpi | None = None, due: date | None = None) -> Target:
    start = date(2024, 1, 31)
    return target_of(
        read_target(text), key="t", initiative="i", kpi=of or kpi(), start=start, due=due
    )


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "reduce customer churn by 10% within 12 months",
            TargetText(
                subject="customer churn",
                direction="lower",
                kind="relative",
                amount=Decimal("0.1"),
                unit="",
                due=Span(n_months=12),
            ),
        ),
        (
            "improve supply chain forecasting accuracy by 15%",
            TargetText(
                subject="supply chain forecasting accuracy",
                direction=None,
                kind="relative",
                amount=Decimal("0.15"),
                unit="",
                due=None,
            ),
        ),
        (
            "Increase the first-contact resolution by at least 1.5 percentage points by Q3 2025.",
            TargetText(
                subject="first-contact resolution",
                direction="higher",
                kind="percentage_points",
                amount=Decimal("1.5"),
                unit="",
                due=date(2025, 9, 30),
            ),
        ),
        (
            "cut handling time by 2 minutes by 2025-06-30",
            TargetText(
                subject="handling time",
                direction="lower",
                kind="absolute",
                amount=Decimal(2),
                unit="minutes",
                due=date(2025, 6, 30),
            ),
        ),
        (
            "reduce unplanned downtime by 30 percent by the end of 2025",
            TargetText(
                subject="unplanned downtime",
                direction="lower",
                kind="relative",
                amount=Decimal("0.3"),
                unit="",
                due=date(2025, 12, 31),
            ),
        ),
    ],
)
def test_what_is_clear_is_read(text: str, read: TargetText) -> None:
    assert read_target(text) == read


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("reduce churn", "by how much? Name a number"),
        ("reduce churn to 5%", "by how much? A level to reach"),
        ("reduce churn by 10", "10 of what? Name the unit"),
        ("reduce churn by 10-15%", "which end of the range"),
        ("reduce churn by 10 to 15 %", "which end of the range"),
        ("reduce churn by up to 10%", "'up to' leaves open"),
        ("reduce churn by about 10%", "'about' leaves open"),
        ("reduce churn by 3 points", "percentage points, or points"),
        ("reduce churn by 1,500 calls", "a decimal or a thousand"),
        ("reduce churn by 0%", "A change of 0"),
        ("change churn by 10%", "does 'change' mean more or less"),
        ("reduce churn by 10% soon", "which change"),
        ("reduce churn by 10% by 2025", "by the start or by the end of 2025"),
        ("reduce churn by 10% in due course", "when is 'in due course'"),
        ("reduce churn by 10% by 2025-02-30", "which day is 2025-02-30"),
        ("", "by how much"),
    ],
)
def test_what_is_ambiguous_comes_back_as_a_question(text: str, question: str) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        read_target(text)

    assert question in str(caught.value)


def test_a_time_counts_from_its_start() -> None:
    # One month after 31 January 2024 is the last day of February, a leap year's.
    assert target("reduce churn by 10% within 1 month").due == date(2024, 2, 29)
    assert target("reduce churn by 10% within 2 years").due == date(2026, 1, 31)
    assert target("reduce churn by 10% within 2 weeks").due == date(2024, 2, 14)
    assert target("reduce churn by 10% over the next 4 quarters").due == date(2025, 1, 31)
    assert target("reduce churn by 10% in two quarters").due == date(2024, 7, 31)
    assert target("reduce churn by 10% within a year").due == date(2025, 1, 31)


@pytest.mark.parametrize("better_when", ["lower", "higher"])
def test_improving_goes_the_way_the_kpi_is_better(better_when: BetterWhen) -> None:
    read = target("improve churn by 10% within 1 year", of=kpi(better_when))

    assert read.amount == Decimal("0.1")


def test_a_direction_that_makes_it_worse_is_asked_about() -> None:
    with pytest.raises(InvalidDefinition, match="is it the right KPI"):
        target("increase churn by 10% within 1 year")


def test_without_a_due_date_it_is_asked_for() -> None:
    with pytest.raises(InvalidDefinition, match="by when"):
        target("improve forecasting accuracy by 15%")


def test_the_due_date_may_come_beside_the_sentence() -> None:
    day = date(2025, 6, 30)

    assert target("reduce churn by 10%", due=day).due == day
    assert target("reduce churn by 10% by 2025-06-30", due=day).due == day
    with pytest.raises(InvalidDefinition, match="on 2025-03-31, as the sentence says, or on"):
        target("reduce churn by 10% by 2025-03-31", due=day)


def test_a_share_of_the_accuracy_is_no_share_of_the_error() -> None:
    of = kpi(key="forecast-error")
    accuracy = kpi("higher", key="forecast-accuracy")
    by = "by 15% within 1 year"

    with pytest.raises(InvalidDefinition, match="a share of accuracy, the KPI counts error"):
        target(f"improve forecasting accuracy {by}", of=of)
    assert target(f"improve forecasting accuracy {by}", of=accuracy).amount == Decimal("0.15")
    assert target(f"reduce the error {by}", of=of).amount == Decimal("0.15")
    # Points of the one are points of the other.
    points = target("improve accuracy by 3 percentage points within 1 year", of=of)
    assert points.kind == "percentage_points"


def test_an_absolute_amount_needs_the_kpis_unit() -> None:
    text = "reduce handling time by 2 minutes within 1 year"

    assert target(text, of=kpi(unit="minutes")).amount == Decimal(2)
    with pytest.raises(InvalidDefinition, match="how many seconds is 2 minutes"):
        target(text, of=kpi(unit="seconds"))


@given(st.text(max_size=80))
def test_any_text_is_read_or_asked_about(text: str) -> None:
    outcome: TargetText | InvalidDefinition
    try:
        outcome = read_target(text)
    except InvalidDefinition as question:
        outcome = question

    assert "?" in str(outcome) if isinstance(outcome, InvalidDefinition) else outcome.amount > 0


@pytest.mark.parametrize("span", ["3 years", "2 days"])
def test_a_time_past_the_calendar_s_end_is_a_question(span: str) -> None:
    read = read_target(f"reduce churn by 10% within {span}")

    with pytest.raises(InvalidDefinition, match="is later than 9999-12-31"):
        target_of(read, key="t", initiative="i", kpi=kpi(), start=date(9999, 12, 31), due=None)
