"""Whether corrections and retractions end in the same statistics, whatever arrives first."""

import itertools
from collections.abc import AsyncIterator, Sequence
from functools import reduce

import asyncpg
import numpy as np
import pytest

from aivalue.events.business import EventRetracted
from aivalue.events.encode import Message
from aivalue.events.event import Event
from aivalue.events.kafka_binding import decode_record
from aivalue.kpis.series import plain
from aivalue.measurements.daily_statistics import DailyStatistics, statistics_of
from aivalue.measurements.measurement import measurement_of
from services.ingest.handler import Store
from tests.integration.ingest.material import (
    NOW,
    TENANT,
    batch_of,
    came_of,
    claim,
    decided,
    measured,
    open_store,
    retracted,
    statistics,
)

DAY = "2026-03-01"
LATER = "2026-03-05T00:00:00Z"


Opened = tuple[asyncpg.Connection, Store]


@pytest.fixture
async def opened(ingest_database: str) -> AsyncIterator[Opened]:
    """Return a connection and the store that writes through it."""
    connection, store = await open_store(ingest_database)
    yield connection, store
    await connection.close()


async def _deliver(opened: Opened, *batches: Sequence[Message], tenant: str = TENANT) -> list[str]:
    """Store the batches one after the other; return the reasons of dead letters."""
    connection, store = opened
    reasons = []
    for batch in batches:
        claimed = await claim(connection, tenant=tenant)
        stored = await store.store(connection, batch_of(claimed, batch))
        reasons += [letter.reason for letter in stored.dead]
    return reasons


_CASES = {
    "a retraction": ([measured("a", "5"), measured("b", "1"), retracted("a")], ["1"]),
    "the extremes go": (
        [measured("a", "5"), measured("b", "1"), measured("c", "3"), retracted("a")], ["4"],
    ),
    "a correction": ([measured("a", "5"), measured("b", "7", supersedes="a")], ["7"]),
    "a chain": (
        [
            measured("a", "5"), measured("b", "7", supersedes="a"),
            measured("c", "9", supersedes="b"),
        ],
        ["9"],
    ),
    "the later of two corrections": (
        [
            measured("a", "5"), measured("b", "7", supersedes="a", recordedtime=LATER),
            measured("c", "9", supersedes="a"),
        ],
        ["7"],
    ),
    "a correction withdrawn": (
        [measured("a", "5"), measured("b", "7", supersedes="a"), retracted("b")], ["5"],
    ),
    "everything withdrawn": ([measured("a", "5"), retracted("a")], []),
    "a decision withdrawn": ([decided("d"), came_of("d", label=True), retracted("made-d")], []),
    "an outcome withdrawn": (
        [decided("d"), came_of("d", label=True), retracted("outcome-d-click")], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _CASES)
async def test_every_order_of_arrival_ends_the_same(
    opened: Opened, connection: asyncpg.Connection, case: str
) -> None:
    messages, sums = _CASES[case]
    for number, order in enumerate(itertools.permutations(messages)):
        one_by_one, together = f"{number}-single", f"{number}-batch"

        await _deliver(opened, *[[each] for each in order], tenant=one_by_one)
        await _deliver(opened, order, order, tenant=together)

        for tenant in (one_by_one, together):
            rows = await statistics(connection, tenant)
            assert [row[5] for row in rows] == sums, [each.value for each in order]


async def test_extremes_are_those_of_what_is_left(
    opened: Opened, connection: asyncpg.Connection
) -> None:
    await _deliver(
        opened,
        [measured("a", "5"), measured("b", "1"), measured("c", "3")],
        [retracted("a"), retracted("b")],
    )

    assert await statistics(connection) == [("downtime", "line-1", "", DAY, 1, "3", "9", "3", "3")]


async def test_a_correction_can_move_a_measurement(
    opened: Opened, connection: asyncpg.Connection
) -> None:
    await _deliver(
        opened,
        [measured("a", "5")],
        [measured("b", "5", unit="line-2", hours=24, supersedes="a")],
    )

    assert [row[1:5] for row in await statistics(connection)] == [("line-2", "", "2026-03-02", 1)]
    value = await connection.fetchval(
        "select string_agg(convert_from(value, 'UTF8'), ' ') from ingest.outbox"
    )
    assert '"units":["line-1"]' in value
    assert '"units":["line-2"]' in value


async def test_a_second_retraction_is_a_dead_letter(
    opened: Opened, connection: asyncpg.Connection
) -> None:
    reasons = await _deliver(
        opened, [measured("a", "5"), retracted("a"), retracted("a", by="again")]
    )

    assert reasons == ["already_retracted"]
    assert await statistics(connection) == []


async def test_a_corrected_decision_moves_its_outcomes(
    opened: Opened, connection: asyncpg.Connection
) -> None:
    moved = decided("d", event_id="d-again", arm="control", supersedes="made-d")

    reasons = await _deliver(opened, [decided("d"), came_of("d", label=True)], [moved])

    assert reasons == []
    assert [row[2:6] for row in await statistics(connection)] == [("control", DAY, 1, "1")]


async def test_a_corrected_outcome_replaces_the_first(
    opened: Opened, connection: asyncpg.Connection
) -> None:
    other = came_of("d", label=False, event_id="again", supersedes="outcome-d-click")

    for number, batches in enumerate(
        [
            [[decided("d"), came_of("d", label=True)], [other]],
            [[decided("d"), came_of("d", label=True), other]],
            [[other], [came_of("d", label=True)], [decided("d")]],
        ]
    ):
        reasons = await _deliver(opened, *batches, tenant=f"t{number}")

        assert reasons == []
        assert [row[4:6] for row in await statistics(connection, f"t{number}")] == [(1, "0")]


@pytest.mark.parametrize("seed", range(12))
async def test_statistics_equal_a_recomputation_after_any_mix(
    opened: Opened, connection: asyncpg.Connection, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    messages = _mix(rng)
    # Everything at least once, a third of it again, in any order, cut into batches anywhere.
    again = [messages[i] for i in rng.integers(len(messages), size=len(messages) // 3)]
    delivered = [[*messages, *again][i] for i in rng.permutation(len(messages) + len(again))]
    cuts = sorted(rng.integers(len(delivered), size=4))
    batches = [delivered[a:b] for a, b in itertools.pairwise([0, *cuts, len(delivered)]) if b > a]

    reasons = await _deliver(opened, *batches)

    assert set(reasons) <= {"already_retracted"}
    assert await statistics(connection) == _recomputed(messages)


def _mix(rng: np.random.Generator) -> list[Message]:
    """Return measurements, corrections of them (and of corrections), and retractions."""
    messages: list[Message] = []
    ids: list[str] = []
    for number in range(40):
        kind = rng.choice(["new", "correction", "retraction"], p=[0.6, 0.25, 0.15])
        event_id = f"e{number}"
        if kind == "new" or not ids:
            optional = {}
        elif kind == "correction":
            optional = {"supersedes": str(rng.choice(ids))}
        else:
            messages.append(retracted(str(rng.choice(ids)), by=event_id))
            continue
        messages.append(
            measured(
                event_id, f"{rng.integers(-50, 50)}.{rng.integers(10)}",
                unit=f"line-{rng.integers(2)}", hours=float(rng.integers(48)), **optional,
            )
        )  # fmt: skip
        ids.append(event_id)
    return messages


def _recomputed(messages: Sequence[Message]) -> list[tuple[object, ...]]:
    """Apply the rule to all events at once, as its text says it."""
    events = [decode_record(each.value, each.headers, now=NOW) for each in messages]
    gone = {event.data.id for event in events if isinstance(event.data, EventRetracted)}
    live = [event for event in events if event.supersedes is not None and event.id not in gone]
    days: dict[tuple[str, str, str, str], list[DailyStatistics]] = {}
    for event in events:
        measurement = measurement_of(event)
        if measurement is None or not _holds(event, gone, live):
            continue
        kpi, unit, _, arm = measurement.series
        days.setdefault((kpi, unit, arm, str(measurement.day)), []).append(
            statistics_of(measurement)
        )
    rows: list[tuple[object, ...]] = []
    for key in sorted(days):
        total = reduce(DailyStatistics.merge, days[key])
        rows.append(
            (
                *key, total.n, plain(total.sum), plain(total.sum_squares), plain(total.minimum),
                plain(total.maximum),
            )
        )  # fmt: skip
    return rows


def _holds(event: Event, gone: set[str], live: Sequence[Event]) -> bool:
    if event.id in gone or any(other.supersedes == event.id for other in live):
        return False
    rivals = [other for other in live if other.supersedes == event.supersedes]
    return event.supersedes is None or event == max(rivals, key=_rank)


def _rank(event: Event) -> tuple[object, ...]:
    return (event.recordedtime or event.time, event.sequence or "", event.id)
