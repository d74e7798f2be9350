"""Faults of PostgreSQL and of the way to it: killed backends, crashes, lost replies, silence."""

import asyncio

import pytest

from tests.faults.bench import FACTOR, Bench, eventually, record
from tests.faults.proxy import proxy_before

pytestmark = pytest.mark.faults
EMBEDDED = "embedded pair"
TERMINATE = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
    "and pid <> pg_backend_pid() and application_name in ('ingest-writer', 'ingest-naive')"
)


async def _terminate(bench: Bench, n_times: int) -> int:
    n_killed = 0
    while n_killed < n_times:
        n_killed += len(await bench.connection.fetch(TERMINATE))
        await asyncio.sleep(0.1)
        if bench.journal.n_records - await bench.read() < 100:
            await bench.produce(200)
    return n_killed


async def test_backends_that_are_killed(bench: Bench) -> None:
    await bench.produce(500)
    bench.start(batch_records_max=30)
    n_killed = await _terminate(bench, 30 * FACTOR)
    await bench.drain()

    record(
        "F6", "pg_terminate_backend", EMBEDDED, rounds=n_killed, journal=bench.journal,
        found=await bench.verdict(), control="not run",
    )  # fmt: skip


async def test_lost_replies_harm_the_control(bench: Bench) -> None:
    await bench.produce(600, duplicates=0, junk=0)
    async with proxy_before(bench.database) as proxy:
        proxy.swallow_every = 4
        bench.start(naive="data first", database=proxy.address, batch_records_max=30)
        await eventually(
            lambda: bench.connection.fetchval("select coalesce(sum(n), 0) from naive_offset"),
            lambda n: n == bench.journal.n_records,
        )

    assert (await bench.naive_verdict())[1] > 0


@pytest.mark.parametrize("fault", ["silence", "slow"])
async def test_the_way_to_the_database_fails(bench: Bench, fault: str) -> None:
    n_rounds = (1 if fault == "silence" else 3) * FACTOR
    async with proxy_before(bench.database) as proxy:
        bench.start(database=proxy.address, batch_records_max=50)
        for _ in range(n_rounds):
            await bench.produce(200)
            proxy.silent = fault == "silence"
            proxy.delay_seconds = 0.1 if fault == "slow" else 0
            await bench.produce(100)
            await asyncio.sleep(3 if fault == "silence" else 0.5)
            proxy.silent, proxy.delay_seconds = False, 0
            await bench.drain()

    record(
        "F9", f"way to PostgreSQL: {fault}", EMBEDDED, rounds=n_rounds, journal=bench.journal,
        found=await bench.verdict(), control="not run",
    )  # fmt: skip
