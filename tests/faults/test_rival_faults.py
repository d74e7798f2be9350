"""Faults between workers: zombies, pauses, stalls, storms of rebalances; and their controls."""

import asyncio
import signal

import pytest

from tests.faults import worker
from tests.faults.bench import EMBEDDED, FACTOR, Bench, eventually, record

pytestmark = pytest.mark.faults
N_CONNECTED = (
    "select count(*) from pg_stat_activity where datname = current_database() "
    "and application_name = 'ingest-naive' and query like '%naive_offset%'"
)


async def test_three_zombies_on_the_same_partitions(bench: Bench) -> None:
    for _ in range(3):
        bench.start()
    for _ in range(5 * FACTOR):
        await bench.produce(800)
        await bench.drain()

    record(
        "F3", "three workers on every partition", EMBEDDED, rounds=5 * FACTOR,
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def test_zombies_harm_the_control(bench: Bench) -> None:
    control = "data, then offset"
    for _ in range(3):
        bench.start(naive=control)
    # All three know where they stand before there is anything: one that came later would begin
    # behind what the first has stored.
    await eventually(lambda: bench.connection.fetchval(N_CONNECTED), lambda n: n == 3)
    await bench.produce(1_000, duplicates=0, junk=0)
    await eventually(
        lambda: bench.connection.fetchval("select count(*) from naive"), lambda n: n > 1_000
    )

    await bench.harmed("F3", control, EMBEDDED, finished=False)


async def test_a_worker_that_is_paused_and_goes_on(bench: Bench) -> None:
    """It stops just before a transaction and wakes up when another has long stored the same."""
    n_rounds = 6 * FACTOR
    for _ in range(n_rounds):
        await bench.produce(200)
        zombie = bench.start(batch_records_max=20, failpoints="before_tx=stop:2")
        await eventually(lambda: worker.stopped(zombie), bool)  # noqa: B023 - awaited at once
        other = bench.start(batch_records_max=50)
        await bench.drain()
        before = bench.fenced.value
        worker.send(zombie, signal.SIGCONT)
        for _ in range(40):
            if bench.fenced.value > before:
                break
            await asyncio.sleep(0.05)
        worker.send(other, signal.SIGKILL)
        worker.send(zombie, signal.SIGKILL)

    # Where it stopped in the middle of a claim as well, its session was ended and it heard of that.
    assert bench.fenced.value >= n_rounds // 2
    record(
        "F4", "SIGSTOP before a transaction, SIGCONT after another took over", EMBEDDED,
        rounds=n_rounds, journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def _fenced(bench: Bench) -> int:
    return bench.fenced.value


async def test_a_pause_harms_a_lease_without_a_fence(bench: Bench) -> None:
    control = "a lease and no fence"
    await bench.produce(300, duplicates=0, junk=0)
    zombie = bench.start(naive=control, failpoints="before_tx=stop:2", batch_records_max=50)
    await eventually(lambda: worker.stopped(zombie), bool)
    bench.start(naive=control)
    await bench.naive_drain()
    worker.send(zombie, signal.SIGCONT)
    await eventually(
        lambda: bench.connection.fetchval("select count(*) from naive"), lambda n: n > 300
    )

    await bench.harmed("F4", control, EMBEDDED, finished=False)


async def test_a_loop_that_stands_still(bench: Bench) -> None:
    """Slow code in the poll loop: no lease is renewed, and what was read is stored too late."""
    n_rounds = 3 * FACTOR
    for number in range(n_rounds):
        before = await bench.read()
        await bench.produce(200)
        slow = bench.start(batch_records_max=20, failpoints="after_poll=block:1.5")
        # It has more to do than it will get to.
        await bench.drain(before + 1)
        other = bench.start(batch_records_max=50)
        await eventually(lambda: _fenced(bench), lambda n: n > number)  # noqa: B023 - awaited
        worker.send(slow, signal.SIGKILL)
        await bench.drain()
        worker.send(other, signal.SIGKILL)

    record(
        "F22", "the poll loop blocks for three leases", EMBEDDED, rounds=n_rounds,
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def test_a_loop_that_stands_still_harms_a_lease_without_a_fence(bench: Bench) -> None:
    control = "a lease and no fence"
    await bench.produce(300, duplicates=0, junk=0)
    bench.start(naive=control, failpoints="before_tx=block:1.5", batch_records_max=100)
    await asyncio.sleep(0.3)
    bench.start(naive=control)
    await eventually(
        lambda: bench.connection.fetchval("select count(*) from naive"), lambda n: n > 300
    )

    await bench.harmed("F22", control, EMBEDDED, finished=False)
