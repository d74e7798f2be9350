"""Whether a decision and its outcome become one measurement, whichever comes first, from whom."""

import asyncio

import asyncpg
import pytest

from tests.integration.ingest.material import (
    batch_of,
    came_of,
    claim,
    decided,
    open_store,
    retracted,
    statistics,
)

# On the decision's day, although the outcome came two days later.
CLICKED = ("click", "men", "treatment", "2026-03-01", 1, "1", "1", "1", "1")


@pytest.mark.parametrize("outcome_first", [False, True])
@pytest.mark.parametrize("together", [False, True])
async def test_the_order_of_arrival_does_not_matter(
    ingest_database: str, connection: asyncpg.Connection, *, outcome_first: bool, together: bool
) -> None:
    messages = [decided("d"), came_of("d", label=True)]
    if outcome_first:
        messages.reverse()
    writing, store = await open_store(ingest_database)

    for part in [messages] if together else [[each] for each in messages]:
        await store.store(writing, batch_of(await claim(writing), part))
    await writing.close()

    assert await statistics(connection) == [CLICKED]


@pytest.mark.parametrize("outcome_first", [False, True])
async def test_two_workers_at_once_complete_it_once(
    ingest_database: str, connection: asyncpg.Connection, *, outcome_first: bool
) -> None:
    workers = [await open_store(ingest_database) for _ in range(2)]
    messages = [decided("d"), came_of("d", label=True)]
    if outcome_first:
        messages.reverse()
    (first, first_store), (second, second_store) = workers
    early = batch_of(await claim(first, partition=0), messages[:1])
    late = batch_of(await claim(second, partition=1), messages[1:])

    # The first has its half written and holds the lock when the second begins.
    ids = await first_store.resolve(first, early.tenant, early.events)
    transaction = first.transaction()
    await transaction.start()
    await first_store.write(first, early, ids)
    waiting = asyncio.create_task(second_store.store(second, late))
    await _until_blocked(connection)
    await transaction.commit()
    await waiting
    await first.close()
    await second.close()

    assert await statistics(connection) == [CLICKED]


async def test_one_decision_can_have_outcomes_of_several_kpis(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    writing, store = await open_store(ingest_database)
    messages = [
        came_of("d", label=False), decided("d"), came_of("d", label=True, kpi="sale"),
        came_of("unmade", label=True),
    ]  # fmt: skip

    await store.store(writing, batch_of(await claim(writing), messages))
    await writing.close()

    assert [(row[0], row[4], row[5]) for row in await statistics(connection)] == [
        ("click", 1, "0"),
        ("sale", 1, "1"),
    ]


async def test_a_second_half_of_the_same_kind_is_a_dead_letter(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    writing, store = await open_store(ingest_database)
    messages = [
        decided("d"), decided("d", event_id="again", arm="control"),
        came_of("d", label=True), came_of("d", label=False, event_id="other"),
        # Nor is it stored because it comes twice.
        decided("d", event_id="again", arm="control"),
    ]  # fmt: skip

    stored = await store.store(writing, batch_of(await claim(writing), messages))
    await writing.close()

    reasons = [letter.reason for letter in stored.dead]
    assert reasons == ["decision_exists", "outcome_exists", "decision_exists"]
    assert await statistics(connection) == [CLICKED]
    # Their ids are free again: a corrected replay of the dead letter must find them so.
    assert await connection.fetchval("select count(*) from ingest.event_keys") == 2


async def _until_blocked(connection: asyncpg.Connection) -> None:
    for _ in range(1_000):
        if await connection.fetchval(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
            "and datname = current_database()"
        ):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for the decision's lock")


async def test_a_refused_half_still_awaits_what_was_said_of_it(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    writing, store = await open_store(ingest_database)
    for part in (
        [retracted("made-d"), decided("d", event_id="first"), came_of("d", label=True)],
        [decided("d"), retracted("first")],
        [decided("d")],
        [decided("d", event_id="other")],
    ):
        await store.store(writing, batch_of(await claim(writing), part))
    await writing.close()

    # made-d was refused while "first" held; accepted later, it is withdrawn, and "other" counts.
    counts = await connection.fetch(
        "select event_id from ingest.decisions where active order by event_id"
    )
    assert [row[0] for row in counts] == ["other"]
    assert await statistics(connection) == [CLICKED]
