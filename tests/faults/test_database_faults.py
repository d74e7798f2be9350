"""Faults of PostgreSQL and of the way to it: crashes, a full disk, lost replies, silence."""

import asyncio

import pytest

from tests.faults.bench import EMBEDDED, FACTOR, Bench, eventually, record
from tests.faults.proxy import Proxy, proxy_before

pytestmark = pytest.mark.faults
TERMINATE = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
    "and pid <> pg_backend_pid() and application_name in ('ingest-writer', 'ingest-naive')"
)
N_STORED = "select count(*) from naive"


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
        found=await bench.verdict(),
    )  # fmt: skip


async def test_killed_backends_harm_the_control(bench: Bench) -> None:
    """What it is killed in is the time between its two commits, which is made longer."""
    control = "data, then offset"
    await bench.produce(200, duplicates=0, junk=0)
    bench.start(naive=control, failpoints="after_pg_commit=sleep:0.5")

    seen = 0

    async def killed() -> int:
        nonlocal seen
        n_stored = int(await bench.connection.fetchval(N_STORED))
        if n_stored > seen:
            await bench.connection.fetch(TERMINATE)
        seen = n_stored
        return n_stored

    await eventually(killed, lambda n: n > 200)
    await bench.harmed("F6", control, EMBEDDED, finished=False)


async def test_replies_to_commit_that_are_lost(bench: Bench) -> None:
    n_rounds = 20 * FACTOR
    async with proxy_before(bench.database) as proxy:
        bench.start(database=proxy.address, batch_records_max=20)
        proxy.swallow_every = 3
        while proxy.n_swallowed < n_rounds:
            if bench.journal.n_records - await bench.read() < 100:
                await bench.produce(100)
            await asyncio.sleep(0.05)
        proxy.swallow_every = 0
        await bench.drain()

    record(
        "F8", "reply to COMMIT lost", EMBEDDED, rounds=n_rounds, journal=bench.journal,
        found=await bench.verdict(),
    )  # fmt: skip


@pytest.mark.parametrize("control", ["data, then offset", "blind retry"])
async def test_lost_replies_harm_the_controls(bench: Bench, control: str) -> None:
    await bench.produce(600, duplicates=0, junk=0)
    async with proxy_before(bench.database) as proxy:
        proxy.swallow_every = 4
        bench.start(naive=control, database=proxy.address, batch_records_max=30)
        await bench.naive_drain()

    assert proxy.n_swallowed > 0
    await bench.harmed("F8", control, EMBEDDED)


async def _silence(proxy: Proxy) -> None:
    proxy.silent = True
    await asyncio.sleep(3)
    proxy.silent = False


async def _slowness(proxy: Proxy) -> None:
    proxy.delay_seconds = 0.1
    await asyncio.sleep(0.5)
    proxy.delay_seconds = 0


async def _cut(proxy: Proxy) -> None:
    assert proxy.writers
    proxy.cut()
    await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("fault", "what", "n_rounds"),
    [(_silence, "silent", 2), (_slowness, "slow", 3), (_cut, "cut", 20)],
    ids=["silent", "slow", "cut"],
)
async def test_the_way_to_the_database_fails(
    bench: Bench, fault: object, what: str, n_rounds: int
) -> None:
    n_rounds *= FACTOR
    async with proxy_before(bench.database) as proxy:
        bench.start(database=proxy.address, batch_records_max=50)
        await bench.produce(200)
        await bench.drain(1)
        for _ in range(n_rounds):
            await bench.produce(100)
            await fault(proxy)  # type: ignore[operator]
        await bench.drain()

    record(
        "F9", f"way to PostgreSQL {what}", EMBEDDED, rounds=n_rounds, journal=bench.journal,
        found=await bench.verdict(),
    )  # fmt: skip


async def test_a_slow_commit_harms_a_blind_retry(bench: Bench) -> None:
    """COMMIT arrives, only later than its client would wait."""
    control = "blind retry"
    await bench.produce(200, duplicates=0, junk=0)
    async with proxy_before(bench.database) as proxy:
        proxy.delay_commit_seconds = 1
        bench.start(naive=control, database=proxy.address)
        await eventually(lambda: bench.connection.fetchval(N_STORED), lambda n: n > 200)

    await bench.harmed("F9", control, EMBEDDED, finished=False)
