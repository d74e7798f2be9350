"""Whether subtracting what is withdrawn leaves what is left, extremes too, beside any rival."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from decimal import Decimal

import asyncpg
import pytest

from aivalue.events.business import MeasurementRecorded
from aivalue.events.encode import Message
from services.ingest.taxonomy import Action, action_for
from tests.integration.ingest.material import (
    TENANT,
    measured,
    message,
    retracted,
    reverted,
    statistics,
)
from tests.integration.ingest.rivals import Rivals

Left = tuple[int, str, str, str]
"""n, sum, minimum and maximum of the day."""
EARLIER = "2026-03-04T00:00:00Z"
_VALUES = {"a": "1", "b": "1", "c": "2", "d": "3", "e": "8", "f": "9", "g": "9"}
_DAY = [measured(name, value) for name, value in _VALUES.items()]
# What is withdrawn, and what is left of the day.
_WITHDRAWN: dict[str, Left] = {
    "d": (6, "30", "1", "9"),
    # Others of the same value stand.
    "a": (6, "32", "1", "9"),
    "ag": (5, "23", "1", "9"),
    "ab": (5, "31", "2", "9"),
    "abfg": (3, "13", "2", "8"),
    "abcefg": (1, "3", "3", "3"),
}


@pytest.fixture
async def rivals(ingest_database: str) -> AsyncIterator[Rivals]:
    """Return two workers over a database."""
    opened = await Rivals.open(ingest_database)
    yield opened
    await opened.close()


async def _left(connection: asyncpg.Connection, tenant: str = TENANT) -> list[Left]:
    rows = await statistics(connection, tenant)
    return [(row[4], row[5], row[7], row[8]) for row in rows]  # type: ignore[misc]


@pytest.mark.parametrize("withdrawn", _WITHDRAWN)
async def test_extremes_are_found_again(
    rivals: Rivals, connection: asyncpg.Connection, withdrawn: str
) -> None:
    retractions = [retracted(name) for name in withdrawn]
    await rivals.first.deliver("later", _DAY)
    await rivals.first.deliver("later", retractions)
    await rivals.first.deliver("at once", [*retractions, *_DAY])

    assert await _left(connection, "later") == [_WITHDRAWN[withdrawn]]
    assert await _left(connection, "at once") == [_WITHDRAWN[withdrawn]]


async def test_what_is_restored_may_be_an_extreme(
    rivals: Rivals, connection: asyncpg.Connection
) -> None:
    better = [measured(f"{name}2", "5", supersedes=name) for name in "ag"]
    await rivals.first.deliver(TENANT, [measured("a", "1"), measured("d", "3"), measured("g", "9")])
    await rivals.first.deliver(TENANT, better)
    assert await _left(connection) == [(3, "13", "3", "5")]

    await rivals.first.deliver(TENANT, [retracted("a2"), retracted("g2")])

    assert await _left(connection) == [(3, "13", "1", "9")]


def _ratio(event_id: str, value: str) -> Message:
    data = MeasurementRecorded(
        kpi="downtime", unit="line-1", numerator=Decimal(value), denominator=Decimal(2)
    )
    return message(data, event_id)


async def test_numbers_and_ratios_that_come_in_turns_are_withdrawn(
    rivals: Rivals, connection: asyncpg.Connection
) -> None:
    in_turns = [
        measured("a", "1"), _ratio("b", "10"), measured("c", "2"), _ratio("d", "20"),
        measured("e", "4"), _ratio("f", "40"),
    ]  # fmt: skip
    # What comes before and behind has runs of its own.
    for told in ([measured("x", "8"), _ratio("y", "80")], in_turns, [measured("z", "16")]):
        await rivals.first.deliver(TENANT, told)

    await rivals.first.deliver(TENANT, [retracted(name) for name in "adexz"])
    assert await _left(connection) == [(4, "2", "2", "2")]
    await rivals.first.deliver(TENANT, [retracted(name) for name in "cfy"])

    (day,) = await connection.fetch("select * from ingest.daily_statistics")
    assert (day["n"], day["sum"], day["numerator"], day["denominator"]) == (1, 0, 10, 2)


async def test_the_first_day_there_is_is_subtracted_from_like_any_other(
    rivals: Rivals, connection: asyncpg.Connection
) -> None:
    said = [
        MeasurementRecorded(kpi="k", unit="u", value=Decimal(each), business_date=date.min)
        for each in (5, 3)
    ]
    await rivals.first.deliver(TENANT, [message(each, str(each.value)) for each in said])

    await rivals.first.deliver(TENANT, [retracted("5")])

    assert await _left(connection) == [(1, "3", "3", "3")]


async def test_a_day_is_not_read_for_what_lies_inside_it(
    rivals: Rivals, connection: asyncpg.Connection
) -> None:
    await rivals.first.deliver(TENANT, _DAY)
    # Whoever read the day would find less than this.
    await connection.execute("update ingest.daily_statistics set n = n + 1, sum = sum + 1000")

    await rivals.first.deliver(TENANT, [retracted("d")])

    assert await _left(connection) == [(7, "1030", "1", "9")]


_TAMPERED = {
    "a wrong sum": "update ingest.daily_statistics set sum = sum + 1",
    "too few": "update ingest.daily_statistics set n = 0, sum = 0, sum_squares = 0, "
    "minimum = null, maximum = null",
}


@pytest.mark.parametrize("tampered", _TAMPERED)
async def test_what_does_not_add_up_halts_and_is_no_dead_letter(
    rivals: Rivals, connection: asyncpg.Connection, tampered: str
) -> None:
    await rivals.first.deliver(TENANT, [measured("a", "5")])
    await connection.execute(_TAMPERED[tampered])

    with pytest.raises(asyncpg.CheckViolationError) as raised:
        await rivals.first.deliver(TENANT, [retracted("a")])

    assert action_for(raised.value) is Action.HALT


_CORRECTED = [measured("a", "5"), measured("a2", "7", supersedes="a"), measured("b", "3")]
_IMPORTED = [
    measured("a", "5", backfillid="h"), measured("a2", "7", supersedes="a"), measured("b", "3"),
]  # fmt: skip
# What stands, what two workers say at once in either order, and what is left.
_RIVALRY: dict[str, tuple[Sequence[Message], Sequence[Message], Sequence[Message], list[Left]]] = {
    "the same event withdrawn twice": (
        _DAY, [retracted("a")], [retracted("a", by="r2")], [(6, "32", "1", "9")],
    ),
    "retracted and corrected": (
        [measured("a", "5"), measured("b", "3")], [retracted("a")],
        [measured("a2", "7", supersedes="a")], [(2, "10", "3", "7")],
    ),
    "the least withdrawn, and a lesser one comes": (
        [measured("a", "1"), measured("b", "5")], [retracted("a")], [measured("c", "0")],
        [(2, "5", "0", "5")],
    ),
    "the least withdrawn, and the next one": (
        [measured("a", "1"), measured("b", "2"), measured("c", "3")], [retracted("a")],
        [retracted("b")], [(1, "3", "3", "3")],
    ),
    "an event retracted, and what corrects it": (
        _CORRECTED, [retracted("a")], [retracted("a2")], [(1, "3", "3", "3")],
    ),
    "a correction retracted, and corrected": (
        _CORRECTED, [retracted("a2")], [measured("a3", "8", supersedes="a2")],
        [(3, "16", "3", "8")],
    ),
    "a correction retracted, and another comes": (
        _CORRECTED, [retracted("a2")],
        [measured("a3", "8", supersedes="a", recordedtime=EARLIER)], [(2, "11", "3", "8")],
    ),
    "a backfill reverted, and what corrects an event of it retracted": (
        _IMPORTED, [reverted("h")], [retracted("a2")], [(1, "3", "3", "3")],
    ),
    "a backfill reverted, and an event of it comes again": (
        _IMPORTED[:1], [reverted("h")], [measured("a", "5")], [(1, "5", "5", "5")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _RIVALRY)
async def test_rivals_leave_what_one_worker_would(
    rivals: Rivals, connection: asyncpg.Connection, case: str
) -> None:
    standing, one, other, left = _RIVALRY[case]
    for tenant, first, second in (("as told", one, other), ("turned", other, one)):
        await rivals.first.deliver(tenant, standing)

        await rivals.deliver(tenant, first, second)

        assert await _left(connection, tenant) == left, tenant
