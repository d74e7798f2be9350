"""Faults of workers: crashes at every point, kills, zombies, pauses, ends; and their controls."""

import asyncio
import signal
from multiprocessing.process import BaseProcess

import numpy as np
import pytest

from services.ingest.failpoints import NAMES
from tests.faults import worker
from tests.faults.bench import FACTOR, Bench, eventually, record

pytestmark = pytest.mark.faults
EMBEDDED = "embedded pair"
OF_A_GROUP = {"in_revoked", "in_shutdown", "after_kafka_commit"}
EVERY_TIME = {"in_revoked", "in_assigned", "in_shutdown", "after_kafka_commit"}
CRASHES_EACH = 2 * FACTOR


async def _ended(process: BaseProcess) -> int | None:
    await asyncio.to_thread(process.join, 60)
    return process.exitcode


async def test_a_crash_at_each_point(bench: Bench) -> None:
    n_crashes = 0
    for point in sorted(NAMES):
        for _ in range(CRASHES_EACH if point not in OF_A_GROUP else 1):
            await bench.produce(150, junk=0.05)
            doomed = bench.start(
                group=bench.prefix if point in OF_A_GROUP else None,
                failpoints=f"{point}=kill:{1 if point in EVERY_TIME else 2}",
                batch_records_max=40,
            )
            if point == "in_shutdown":
                # Once it has stored something it runs.
                await bench.drain()
                worker.send(doomed, signal.SIGTERM)
            # Every point must fire, or the test would prove nothing.
            assert await _ended(doomed) == -signal.SIGKILL, point
            n_crashes += 1
    bench.start()
    await bench.drain()

    record(
        "F1", "crash at each named point", EMBEDDED, rounds=n_crashes, journal=bench.journal,
        found=await bench.verdict(), control="data, then offset: doubled; offset, then data: lost",
    )  # fmt: skip


@pytest.mark.parametrize("order", ["data first", "offset first"])
async def test_the_same_crash_harms_the_controls(bench: Bench, order: str) -> None:
    await bench.produce(600, duplicates=0, junk=0)
    for _ in range(3):
        doomed = bench.start(naive=order, failpoints="after_pg_commit=kill:2", batch_records_max=40)
        assert await _ended(doomed) == -signal.SIGKILL
    bench.start(naive=order)
    await eventually(
        lambda: bench.connection.fetchval("select coalesce(sum(n), 0) from naive_offset"),
        lambda n: n == bench.journal.n_records,
    )

    lost, doubled = await bench.naive_verdict()
    assert (doubled if order == "data first" else lost) > 0


async def test_kills_at_any_moment(bench: Bench) -> None:
    chance = np.random.default_rng(2)
    n_kills = 25 * FACTOR
    workers = [bench.start(), bench.start()]
    for number in range(n_kills):
        await bench.produce(120)
        await asyncio.sleep(chance.uniform(0.05, 0.6))
        worker.send(workers[number % 2], signal.SIGKILL)
        workers[number % 2].join(10)
        workers[number % 2] = bench.start()
    await bench.drain()

    record(
        "F2", "kill -9 at any moment", EMBEDDED, rounds=n_kills, journal=bench.journal,
        found=await bench.verdict(), control="not run",
    )  # fmt: skip


async def test_three_zombies_on_the_same_partitions(bench: Bench) -> None:
    for _ in range(3):
        bench.start()
    for _ in range(5 * FACTOR):
        await bench.produce(800)
        await bench.drain()

    record(
        "F3", "three workers on every partition", EMBEDDED, rounds=5 * FACTOR,
        journal=bench.journal, found=await bench.verdict(), control="data, then offset: doubled",
    )  # fmt: skip


async def test_zombies_harm_the_control(bench: Bench) -> None:
    await bench.produce(1_000, duplicates=0, junk=0)
    for _ in range(3):
        bench.start(naive="data first")
    await eventually(
        lambda: bench.connection.fetchval("select count(*) from naive"), lambda n: n > 1_000
    )

    assert (await bench.naive_verdict())[1] > 0


async def test_a_worker_that_is_paused_and_goes_on(bench: Bench) -> None:
    n_rounds = 6 * FACTOR
    both = [bench.start(batch_records_max=20), bench.start(batch_records_max=20)]
    epochs = 0
    for number in range(n_rounds):
        zombie = both[number % 2]
        await bench.produce(200)
        worker.send(zombie, signal.SIGSTOP)
        # Longer than its lease: the other one takes over.
        await bench.drain()
        await asyncio.sleep(2 * worker.LEASE_SECONDS)
        await bench.produce(200)
        worker.send(zombie, signal.SIGCONT)
        await bench.drain()
        now = await bench.connection.fetchval("select sum(epoch) from ingest.partitions")
        assert now >= epochs
        epochs = now

    assert epochs > n_rounds
    record(
        "F4", "SIGSTOP for twice the lease, SIGCONT", EMBEDDED, rounds=n_rounds,
        journal=bench.journal, found=await bench.verdict(), control="not run",
    )  # fmt: skip


async def test_ends_under_load(bench: Bench) -> None:
    n_rounds = 6 * FACTOR
    for _ in range(n_rounds):
        process = bench.start(batch_records_max=50)
        before = await bench.read()
        await bench.produce(300)
        await bench.drain(before + 1)
        worker.send(process, signal.SIGTERM)
        assert await _ended(process) == 0
    bench.start()
    await bench.drain()

    record(
        "F21", "SIGTERM under load", EMBEDDED, rounds=n_rounds, journal=bench.journal,
        found=await bench.verdict(), control="not run",
    )  # fmt: skip


async def test_a_listener_that_raises(bench: Bench) -> None:
    """Aiokafka logs what a listener raises and reads on from where it pleases."""
    await bench.produce(500)
    bench.start(group=bench.prefix, failpoints="in_assigned=raise:0,in_revoked=raise:0")
    await bench.drain()

    record(
        "F20", "the rebalance listener raises", EMBEDDED, rounds=1, journal=bench.journal,
        found=await bench.verdict(), control="not run; beginning at the newest: lost",
    )  # fmt: skip


async def test_reading_from_the_newest_loses(bench: Bench) -> None:
    await bench.produce(200, duplicates=0, junk=0)
    bench.start(naive="newest")
    await asyncio.sleep(2)
    await bench.produce(50, duplicates=0, junk=0)
    await eventually(
        lambda: bench.connection.fetchval("select count(*) from naive"), lambda n: n > 0
    )

    assert (await bench.naive_verdict())[0] > 0


@pytest.mark.parametrize("skew", [-3_600.0, 3_600.0])
async def test_clocks_that_are_wrong(bench: Bench, skew: float) -> None:
    bench.start(skew=skew)
    bench.start()
    for _ in range(3 * FACTOR):
        await bench.produce(300)
        await bench.drain()

    record(
        "F19", f"a worker's clock {'ahead' if skew > 0 else 'behind'} by an hour", EMBEDDED,
        rounds=3 * FACTOR, journal=bench.journal, found=await bench.verdict(),
        control="not run",
    )  # fmt: skip
