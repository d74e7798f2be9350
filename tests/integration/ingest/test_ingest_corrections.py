"""Whether corrections and retractions end in the same statistics, whatever arrives first."""

import itertools
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from aivalue.events.encode import Message
from services.ingest.storing.handler import Store
from tests.integration.ingest.material import (
    TENANT,
    batch_of,
    came_of,
    claim,
    decided,
    measured,
    open_store,
    retracted,
    reverted,
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


_DECIDED_AGAIN = decided("d", event_id="d-again", arm="control", supersedes="made-d")
_CAME_AGAIN = came_of("d", label=False, event_id="again", supersedes="outcome-d-click")
_STRIDE = {2: 1, 3: 1, 4: 5}
# Messages, and what is left: the sums of the days, or arms and sums.
_CASES: dict[str, tuple[list[Message], Sequence[object]]] = {
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
    "a backfill reverted": (
        [measured("a", "5", backfillid="h"), measured("b", "1"), reverted("h")], ["1"],
    ),
    "a backfill of what the source says too": (
        [measured("a", "5", backfillid="h"), measured("a", "5"), reverted("h")], ["5"],
    ),
    "one of two backfills reverted": (
        [measured("a", "5", backfillid="h"), measured("a", "5", backfillid="i"), reverted("h")],
        ["5"],
    ),
    "a revert withdrawn": (
        [measured("a", "5", backfillid="h"), reverted("h"), retracted("revert-of-h")], ["5"],
    ),
    "a correction reverted": (
        [measured("a", "5"), measured("b", "7", supersedes="a", backfillid="h"), reverted("h")],
        ["5"],
    ),
    "a corrected decision": (
        [decided("d"), came_of("d", label=True), _DECIDED_AGAIN], [("control", "1")],
    ),
    "a correction of a decision withdrawn": (
        [decided("d"), came_of("d", label=True), _DECIDED_AGAIN, retracted("d-again")],
        [("treatment", "1")],
    ),
    "a correction of a decision reverted": (
        [
            decided("d"), came_of("d", label=True),
            decided("d", event_id="d-h", arm="control", supersedes="made-d", backfillid="h"),
            reverted("h"),
        ],
        [("treatment", "1")],
    ),
    "a corrected outcome": (
        [decided("d"), came_of("d", label=True), _CAME_AGAIN], [("treatment", "0")],
    ),
    "a correction of an outcome withdrawn": (
        [decided("d"), came_of("d", label=True), _CAME_AGAIN, retracted("again")],
        [("treatment", "1")],
    ),
    "a decision reverted": (
        [decided("d", backfillid="h"), came_of("d", label=True), reverted("h")], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _CASES)
async def test_every_order_of_arrival_ends_the_same(
    opened: Opened, connection: asyncpg.Connection, case: str
) -> None:
    messages, sums = _CASES[case]
    # Of the 24 orders of four messages every fifth; the test of statistics tries any mix.
    orders = itertools.islice(itertools.permutations(messages), None, None, _STRIDE[len(messages)])
    for number, order in enumerate(orders):
        one_by_one, together = f"{number}-single", f"{number}-batch"

        await _deliver(opened, *[[each] for each in order], tenant=one_by_one)
        await _deliver(opened, order, order, tenant=together)

        for tenant in (one_by_one, together):
            rows = await statistics(connection, tenant)
            left = [(row[2], row[5]) if row[2] else row[5] for row in rows]
            assert left == sums, [each.value for each in order]


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


async def test_what_was_stored_before_there_were_runs_counts_and_is_withdrawn(
    opened: Opened,
) -> None:
    connection, _ = opened
    await _deliver(opened, [measured("a", "5"), measured("b", "1"), measured("c", "3")])
    await connection.execute(
        "insert into ingest.measurements (tenant_id, series_id, business_date, log_id, "
        '"partition", "offset", active, value) select tenant_id, series_id, business_date, '
        'log_id, "partition", u."offset", true, u.number from ingest.measurement_runs, '
        'unnest(offsets, numbers) as u ("offset", number)'
    )
    await connection.execute("delete from ingest.measurement_runs")

    await _deliver(opened, [measured("d", "2"), retracted("a")])

    assert await statistics(connection) == [("downtime", "line-1", "", DAY, 3, "6", "14", "1", "3")]
