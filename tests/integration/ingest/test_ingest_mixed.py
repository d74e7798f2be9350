"""Whether many corrections, retractions and decisions in one batch cost no round trip each."""

import asyncpg

from aivalue.events.encode import Message
from tests.integration.ingest.material import (
    batch_of,
    came_of,
    claim,
    decided,
    measured,
    open_store,
    retracted,
    statistics,
)


def _measurements(name: str, n: int) -> list[Message]:
    return [measured(f"{name}-{index}-{which}", "1") for index in range(n) for which in "abc"]


def _said_of_them(name: str, n: int) -> list[Message]:
    """Correct one of three, retract another; as many decisions, and their outcomes."""
    found: list[Message] = []
    for index in range(n):
        event = f"{name}-{index}"
        found += [
            measured(f"{event}-better", "5", supersedes=f"{event}-a"),
            retracted(f"{event}-b"),
            decided(event),
            came_of(event, label=True),
            measured(f"{event}-d", "1"),
        ]
    return found


async def test_a_batch_asks_as_often_for_many_as_for_few(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    writing, store = await open_store(ingest_database)
    n_statements: list[int] = []
    try:
        for name, n in (("first", 2), ("few", 2), ("many", 40)):
            await store.store(writing, batch_of(await claim(writing), _measurements(name, n)))
            batch = batch_of(await claim(writing), _said_of_them(name, n))
            ready = store.ready(batch)
            asked: list[str] = []
            with writing.query_logger(lambda query, asked=asked: asked.append(query.query)):
                stored = await store.store(writing, batch, ready)
            assert not stored.dead
            n_statements.append(len(asked))
    finally:
        await writing.close()

    # The first one opens what is new: a series, types of the driver.
    assert n_statements[1] == n_statements[2]
    n = 2 + 2 + 40
    clicks, downtime = await statistics(connection)
    assert downtime[4:6] == (3 * n, str(n * (5 + 1 + 1)))
    assert clicks[4:6] == (n, str(n))
