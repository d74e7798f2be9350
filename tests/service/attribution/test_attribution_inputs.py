"""What reaches a run of what other services say: days, order, digests."""

from datetime import date
from typing import Any

import pytest

from services.attribution.inputs import (
    assignments_of,
    costs_digest,
    costs_of,
    interventions_digest,
)
from tests.integration.attribution.world import cost, treatment


def rollout(**changes: Any) -> dict[str, Any]:
    return {**treatment("m01"), **changes}


@pytest.mark.parametrize(
    ("start", "first_day"),
    [
        ("2024-03-01T00:00:00Z", date(2024, 3, 1)),
        ("2024-03-01T17:30:00Z", date(2024, 3, 1)),
        ("2024-03-01T00:00:00+00:00", date(2024, 3, 1)),
    ],
)
def test_a_unit_is_treated_from_the_day_the_ai_starts(start: str, first_day: date) -> None:
    (assignment,) = assignments_of([rollout(start=start)])

    assert assignment.start == first_day


@pytest.mark.parametrize(
    ("end", "first_day_without"),
    [
        ("2024-04-01T00:00:00Z", date(2024, 4, 1)),
        ("2024-04-01T08:00:00Z", date(2024, 4, 2)),
        (None, None),
    ],
    ids=["at midnight", "within a day", "open"],
)
def test_a_unit_is_treated_to_the_end_of_its_last_day(
    end: str | None, first_day_without: date | None
) -> None:
    (assignment,) = assignments_of([rollout(end=end)])

    assert assignment.end == first_day_without


def test_one_instant_has_one_digest_however_it_is_written() -> None:
    zulu = assignments_of([rollout(start="2024-03-01T06:00:00Z")])
    offset = assignments_of([rollout(start="2024-03-01T08:00:00+02:00")])

    assert interventions_digest(zulu) == interventions_digest(offset)


def test_one_amount_has_one_digest_however_it_is_written() -> None:
    short = costs_of([cost(1, month=2, amount="10"), cost(2, month=2, amount="3")])
    long = costs_of([cost(2, month=2, amount="3.00"), cost(1, month=2, amount="10.0")])

    assert costs_digest(short) == costs_digest(long)


def test_another_amount_has_another_digest() -> None:
    one = costs_of([cost(1, month=2, amount="10")])
    other = costs_of([cost(1, month=2, amount="10.01")])

    assert costs_digest(one) != costs_digest(other)
