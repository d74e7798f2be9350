"""Faults of one worker: crashes, kills, ends, a listener that raises, wrong clocks; controls."""

import asyncio
import signal
from multiprocessing.process import BaseProcess

import numpy as np
import pytest

from services.ingest.failpoints import NAMES
from tests.faults import worker
from tests.faults.bench import EMBEDDED, FACTOR, Bench, eventually, record

pytestmark = pytest.mark.faults
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
        found=await bench.verdict(),
    )  # fmt: skip


@pytest.mark.parametrize("control", ["data, then offset", "offset, then data"])
async def test_the_same_crash_harms_the_controls(bench: Bench, control: str) -> None:
    await bench.produce(600, duplicates=0, junk=0)
    for _ in range(3):
        doomed = bench.start(
            naive=control, failpoints="after_pg_commit=kill:2", batch_records_max=40
        )
        assert await _ended(doomed) == -signal.SIGKILL
    bench.start(naive=control)
    await bench.naive_drain()

    await bench.harmed("F1", control, EMBEDDED)


async def test_kills_at_any_moment(bench: Bench) -> None:
    chance = np.random.default_rng(2)
    n_kills = 25 * FACTOR
    workers = [bench.start(), bench.start()]
    for number in range(n_kills):
        await bench.produce(120)
        await asyncio.sleep(chance.uniform(0.05, 0.6))
        worker.send(workers[number % 2], signal.SIGKILL)
        workers[number % 2].join(10)
        assert workers[number % 2].exitcode == -signal.SIGKILL
        workers[number % 2] = bench.start()
    await bench.drain()

    record(
        "F2", "kill -9 at any moment", EMBEDDED, rounds=n_kills, journal=bench.journal,
        found=await bench.verdict(),
    )  # fmt: skip


@pytest.mark.parametrize(("fault", "how"), [("F2", signal.SIGKILL), ("F21", signal.SIGTERM)])
async def test_an_end_harms_what_keeps_offsets_in_kafka_alone(
    bench: Bench, fault: str, how: signal.Signals
) -> None:
    """Kafka's clients commit now and then, so what was stored since is stored again."""
    control = "offsets in Kafka alone"
    await bench.produce(300, duplicates=0, junk=0)
    ended = bench.start(naive=control)
    await bench.naive_stored(100)
    worker.send(ended, how)
    assert await _ended(ended) == -how
    bench.start(naive=control)
    await eventually(
        lambda: bench.connection.fetchval("select count(*) from naive"), lambda n: n > 300
    )

    await bench.harmed(fault, control, EMBEDDED, finished=False)


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
        found=await bench.verdict(),
    )  # fmt: skip


async def test_a_listener_that_raises(bench: Bench) -> None:
    """Aiokafka logs what a listener raises and reads on from where it pleases."""
    await bench.produce(500)
    bench.start(group=bench.prefix, failpoints="in_assigned=raise:0,in_revoked=raise:0")
    await bench.drain()

    record(
        "F20", "the rebalance listener raises", EMBEDDED, rounds=1, journal=bench.journal,
        found=await bench.verdict(),
    )  # fmt: skip


async def test_a_listener_that_raises_harms_what_begins_where_it_says(bench: Bench) -> None:
    control = "offsets read by the listener"
    await bench.produce(200, duplicates=0, junk=0)
    bench.start(naive=control, failpoints="in_assigned=raise:0")
    # It begins at the end, wherever that is when it has joined.
    while await bench.connection.fetchval("select count(*) = 0 from naive"):
        await bench.produce(20, duplicates=0, junk=0)
        await asyncio.sleep(0.2)

    # The rest of what came since.
    await asyncio.sleep(1)
    await bench.harmed("F20", control, EMBEDDED)


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
    )  # fmt: skip


async def test_a_clock_ahead_harms_what_goes_by_it(bench: Bench) -> None:
    control = "by its clock"
    await bench.produce(200, duplicates=0, junk=0)
    ended = bench.start(naive=control, skew=3_600.0)
    await bench.naive_stored(200)
    worker.send(ended, signal.SIGKILL)
    await bench.produce(200, duplicates=0, junk=0)
    bench.start(naive=control, skew=3_600.0, failpoints="after_poll=kill:2")
    assert await _ended(bench.workers[-1]) == -signal.SIGKILL

    await bench.harmed("F19", control, EMBEDDED)
