"""Measurements of before a change belong to the version before it."""

from datetime import date

import pytest

from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Kpi, Window
from aivalue.kpis.effective import DatedKpi, version_for

YEAR = Window(start=date(2023, 1, 1), end=date(2024, 1, 1))
KPI = Kpi(
    key="k", process="p", name="K", unit="min", better_when="lower", aggregation="mean"
)  # fmt: skip


def version(number: int, *, holds_from: date | None = None, **changes: str) -> DatedKpi:
    kpi = KPI.model_copy(update=changes)
    return DatedKpi(version=number, sha256="", holds_from=holds_from, kpi=kpi)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        # A correction: it says what the KPI always was.
        (version(2, unit="h"), 2),
        (version(2, unit="h", holds_from=date(2022, 6, 1)), 2),
        (version(2, unit="h", holds_from=date(2023, 1, 1)), 2),
        # After the window: the window keeps the version before.
        (version(2, unit="h", holds_from=date(2024, 1, 1)), 1),
        # A new name is the same KPI, whenever it was given.
        (version(2, name="L", holds_from=date(2023, 6, 1)), 2),
    ],
)
def test_the_version_that_holds_is_taken(second: DatedKpi, expected: int) -> None:
    assert version_for(YEAR, [second, version(1)]).version == expected


def test_a_window_cannot_hold_two_meanings() -> None:
    with pytest.raises(NotFreezable, match="another unit from 2023-06-01 on"):
        version_for(YEAR, [version(1), version(2, unit="h", holds_from=date(2023, 6, 1))])


def test_what_was_corrected_later_holds_again() -> None:
    versions = [
        version(1),
        version(2, unit="h", holds_from=date(2023, 6, 1)),
        version(3, unit="h"),
    ]

    assert version_for(YEAR, versions[:1] + versions[2:]).version == 3
