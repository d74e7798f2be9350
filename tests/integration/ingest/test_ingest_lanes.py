"""Whether the writer's lanes run side by side, and count as one did what both bring at once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.ingest.batch import Batch, tail_sha256_of
from services.ingest.lanes import LANES
from services.ingest.queries.partitions import Claim
from services.ingest.storing.handler import Store
from services.ingest.storing.keys import Stored
from services.ingest.storing.writer import Writer
from tests.integration.ingest.material import (
    batch_of,
    came_of,
    claim,
    decided,
    measured,
    retracted,
    statistics,
)

N_ROUNDS = 20
PATIENCE_SECONDS = 20
HOLD = 'select from ingest.partitions where "partition" = 0 for update'


@pytest.fixture
async def writer(ingest_database: str) -> AsyncIterator[Writer]:
    """Return a writer that runs."""
    store = Store(changes_topic="aivalue.changes.v1")
    async with Writer(ingest_database, store).running() as running:
        yield running


@pytest.fixture
async def claims(connection: asyncpg.Connection) -> list[Claim]:
    """Return a partition of each lane."""
    return [await claim(connection, partition=lane) for lane in range(LANES)]


def _after(claimed: Claim, batch: Batch) -> Claim:
    """Return the claim as it stands once a batch of its partition is stored."""
    stretch = batch.stretches[0]
    return Claim(
        tenant=claimed.tenant,
        topic=claimed.topic,
        origin=stretch.following,
        tail_sha256=tail_sha256_of(stretch.records[-1]),
    )


async def _together(writer: Writer, *batches: Batch) -> list[Stored]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return list(await asyncio.gather(*map(writer.submit, batches)))


async def test_a_lane_that_waits_keeps_no_other_from_storing(
    writer: Writer, claims: list[Claim], ingest_database: str
) -> None:
    batches = [batch_of(each, [measured(f"e{each.origin.partition}", "1")]) for each in claims]
    holder = await asyncpg.connect(ingest_database)
    try:
        async with holder.transaction():
            await holder.execute(HOLD)
            first = writer.submit(batches[0])

            await _together(writer, batches[1])

            assert not first.done()
        await first
    finally:
        await holder.close()


async def test_who_takes_back_what_others_say_waits_to_be_alone(
    writer: Writer, claims: list[Claim], ingest_database: str
) -> None:
    batches = [batch_of(claims[0], [measured("e", "1")]), batch_of(claims[1], [retracted("e")])]
    holder = await asyncpg.connect(ingest_database)
    try:
        async with holder.transaction():
            await holder.execute(HOLD)
            futures = [writer.submit(each) for each in batches]
            # Nobody holds the second's partition: alone it would be through long before.
            done, _ = await asyncio.wait(futures, timeout=0.5)
            assert not done
        await asyncio.gather(*futures)
    finally:
        await holder.close()


async def test_an_event_that_both_lanes_bring_at_once_counts_once(
    writer: Writer, claims: list[Claim], connection: asyncpg.Connection
) -> None:
    known = dead = 0
    for number in range(N_ROUNDS):
        # The same events in opposite order, and one of two values under one id.
        ids = [f"e{number}-{index}" for index in range(10)]
        batches = [
            batch_of(claims[0], [measured(each, "1") for each in [*ids, f"c{number}"]]),
            batch_of(
                claims[1],
                [measured(each, "1") for each in ids[::-1]] + [measured(f"c{number}", "2")],
            ),
        ]
        stored = await _together(writer, *batches)
        known += sum(len(each.duplicates) for each in stored)
        dead += sum(len(each.refused) for each in stored)
        claims = [_after(*each) for each in zip(claims, batches, strict=True)]

    assert (known, dead) == (10 * N_ROUNDS, N_ROUNDS)
    assert sum(int(str(row[4])) for row in await statistics(connection)) == 11 * N_ROUNDS


async def test_lanes_that_take_back_each_others_events_do_not_deadlock(
    writer: Writer, claims: list[Claim], connection: asyncpg.Connection
) -> None:
    for number in range(N_ROUNDS):
        batches = [
            batch_of(
                each,
                [
                    *[measured(f"{lane}-{number}-{n}", "1", unit=f"u{lane}") for n in range(5)],
                    # What the other lane brings just now.
                    retracted(f"{1 - lane}-{number}-0"),
                ],
            )
            for lane, each in enumerate(claims)
        ]
        await _together(writer, *batches)
        claims = [_after(*each) for each in zip(claims, batches, strict=True)]

    found = {str(row[1]): (row[4], row[5]) for row in await statistics(connection)}
    n_left = 4 * N_ROUNDS
    assert found == {f"u{lane}": (n_left, str(n_left)) for lane in range(LANES)}


async def test_halves_of_decisions_that_come_at_once_meet_once(
    writer: Writer, claims: list[Claim], connection: asyncpg.Connection
) -> None:
    for number in range(N_ROUNDS):
        decisions = [f"{number}-{n}" for n in range(6)]
        made, label = decisions[:3], decisions[3:]
        batches = [
            # Each lane brings the other's missing halves, in opposite order.
            batch_of(
                claims[0],
                [*map(decided, made), *[came_of(each, label=True) for each in reversed(label)]],
            ),
            batch_of(
                claims[1],
                [*[came_of(each, label=True) for each in reversed(made)], *map(decided, label)],
            ),
        ]
        await _together(writer, *batches)
        claims = [_after(*each) for each in zip(claims, batches, strict=True)]

    assert sum(int(str(row[4])) for row in await statistics(connection)) == 6 * N_ROUNDS


async def test_a_batch_of_both_lanes_waits_for_both_and_keeps_their_order(
    writer: Writer, claims: list[Claim], ingest_database: str
) -> None:
    parts = [
        batch_of(each, [measured(f"e{lane}", "1"), retracted(f"e{lane}")])
        for lane, each in enumerate(claims)
    ]
    both = Batch(
        tenant=parts[0].tenant,
        received_at=parts[0].received_at,
        stretches=[stretch for part in parts for stretch in part.stretches],
    )
    behind = [
        batch_of(_after(*each), [measured("f", "1")]) for each in zip(claims, parts, strict=True)
    ]
    holder = await asyncpg.connect(ingest_database)
    try:
        async with holder.transaction():
            await holder.execute(HOLD)
            futures = [writer.submit(each) for each in (both, *behind)]
            # Nobody holds the second partition, whose next batch is behind what has both.
            done, _ = await asyncio.wait(futures, timeout=0.5)
            assert not done
        await asyncio.gather(*futures)
    finally:
        await holder.close()
