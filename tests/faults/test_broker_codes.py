"""Codes that a broker answers: each is got over with exact counts, or stops with a named reason."""

import asyncio
from multiprocessing.process import BaseProcess

import pytest

from services.ingest.queries import partitions
from tests.faults import kafka_proxy as api
from tests.faults.bench import EMBEDDED, FACTOR, Bench, eventually, record
from tests.faults.kafka_proxy import KafkaProxy, kafka_proxy_before
from tests.integration.ingest.material import TENANT

pytestmark = pytest.mark.faults
N_ANSWERS = 5 * FACTOR
SILENT_SECONDS_MAX = 30.0

OFFSET_OUT_OF_RANGE = 1
NOT_LEADER = 6
REBALANCE_IN_PROGRESS = 27
NOT_COORDINATOR = 16
# What aiokafka or the loop gets over, by what was asked.
PASSING = {
    api.LIST_OFFSETS: {"NOT_LEADER": 6, "UNKNOWN_TOPIC_OR_PARTITION": 3},
    api.FETCH: {
        "NOT_LEADER": 6, "UNKNOWN_TOPIC_OR_PARTITION": 3, "CORRUPT_MESSAGE": 2,
        "REPLICA_NOT_AVAILABLE": 9, "KAFKA_STORAGE_ERROR": 56, "FENCED_LEADER_EPOCH": 74,
        "UNKNOWN_LEADER_EPOCH": 75, "UNKNOWN_SERVER_ERROR": -1,
    },
    api.METADATA: {"LEADER_NOT_AVAILABLE": 5},
    api.OFFSET_COMMIT: {
        "COORDINATOR_LOAD_IN_PROGRESS": 14, "NOT_COORDINATOR": 16, "REQUEST_TIMED_OUT": 7,
        "OFFSET_METADATA_TOO_LARGE": 12,
    },
    api.FIND_COORDINATOR: {"COORDINATOR_NOT_AVAILABLE": 15},
    api.JOIN_GROUP: {
        "COORDINATOR_LOAD_IN_PROGRESS": 14, "NOT_COORDINATOR": 16, "UNKNOWN_MEMBER_ID": 25,
    },
    api.SYNC_GROUP: {
        "REBALANCE_IN_PROGRESS": 27, "ILLEGAL_GENERATION": 22, "UNKNOWN_MEMBER_ID": 25,
        "NOT_COORDINATOR": 16,
    },
    api.HEARTBEAT: {
        "REBALANCE_IN_PROGRESS": 27, "ILLEGAL_GENERATION": 22, "UNKNOWN_MEMBER_ID": 25,
        "NOT_COORDINATOR": 16, "COORDINATOR_NOT_AVAILABLE": 15,
    },
}  # fmt: skip
# What only an operator can change: the process ends.
ENDING = {
    (api.FETCH, "TOPIC_AUTHORIZATION_FAILED"): 29,
    (api.HEARTBEAT, "GROUP_AUTHORIZATION_FAILED"): 30,
    (api.HEARTBEAT, "FENCED_INSTANCE_ID"): 82,
    (api.JOIN_GROUP, "INCONSISTENT_GROUP_PROTOCOL"): 23,
    (api.FIND_COORDINATOR, "GROUP_AUTHORIZATION_FAILED"): 30,
}
# What makes it ask: nobody joins, or looks for the coordinator, unless told to.
ASKED_AFTER = {
    api.JOIN_GROUP: (api.HEARTBEAT, REBALANCE_IN_PROGRESS),
    api.SYNC_GROUP: (api.HEARTBEAT, REBALANCE_IN_PROGRESS),
    api.FIND_COORDINATOR: (api.HEARTBEAT, NOT_COORDINATOR),
    api.METADATA: (api.FETCH, NOT_LEADER),
}
# Each of these costs a rebalance, which the embedded broker draws out: to half of the session.
REBALANCES = {api.HEARTBEAT, api.JOIN_GROUP, api.SYNC_GROUP}
SESSION_MS = 2_000


def _start(bench: Bench, proxy: KafkaProxy) -> BaseProcess:
    return bench.start(
        group=bench.prefix, broker=proxy.address, batch_records_max=20,
        session_timeout_ms=SESSION_MS,
    )  # fmt: skip


def _arm(proxy: KafkaProxy, asked: int, code: int, *, n: int) -> None:
    before = ASKED_AFTER.get(asked)
    if before is not None:
        proxy.arm(before)
    proxy.arm((asked, code), n=n)


async def _given(proxy: KafkaProxy) -> None:
    """Wait until every code was answered."""
    async with asyncio.timeout(SILENT_SECONDS_MAX):
        while proxy.is_armed:  # noqa: ASYNC110 - the proxy waits for the worker
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("asked", PASSING)
async def test_codes_that_pass(bench: Bench, asked: int) -> None:
    n_given = 0
    async with kafka_proxy_before(bench.broker) as proxy:
        if asked == api.LIST_OFFSETS:
            # Asked where nothing was ever read.
            proxy.arm(*((asked, code) for code in PASSING[asked].values()), n=N_ANSWERS)
        process = _start(bench, proxy)
        await bench.produce(40)
        await bench.drain()
        for name, code in PASSING[asked].items():
            if asked != api.LIST_OFFSETS:
                n = FACTOR if asked in REBALANCES else N_ANSWERS
                _arm(proxy, asked, code, n=n)
            await bench.produce(40)
            if asked == api.OFFSET_COMMIT:
                # One commit a second at most, and only behind something new.
                proxy.armed[asked] = proxy.armed[asked][:1]
            await _given(proxy)
            async with asyncio.timeout(SILENT_SECONDS_MAX):
                await bench.drain()
            assert process.is_alive(), name
        n_given = proxy.n_given

    record(
        "F10", f"codes of {_NAMES[asked]} that pass", EMBEDDED, rounds=n_given,
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


_NAMES = {
    api.FETCH: "Fetch", api.LIST_OFFSETS: "ListOffsets", api.METADATA: "Metadata",
    api.OFFSET_COMMIT: "OffsetCommit", api.FIND_COORDINATOR: "FindCoordinator",
    api.JOIN_GROUP: "JoinGroup", api.HEARTBEAT: "Heartbeat", api.SYNC_GROUP: "SyncGroup",
}  # fmt: skip


async def test_codes_that_end_the_process(bench: Bench) -> None:
    async with kafka_proxy_before(bench.broker) as proxy:
        for (asked, name), code in ENDING.items():
            await bench.produce(40)
            process = _start(bench, proxy)
            await bench.drain()
            _arm(proxy, asked, code, n=1)
            await bench.produce(40)
            await asyncio.to_thread(process.join, SILENT_SECONDS_MAX)
            assert process.exitcode == 1, name
            assert not proxy.is_armed, name
    bench.start()
    await bench.drain()

    record(
        "F10", "codes that end the process, which starts again", EMBEDDED, rounds=len(ENDING),
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


HALTED = (
    "select \"partition\", halt_reason from ingest.partitions where state = 'halted' order by 1"
)


async def test_an_offset_out_of_range_halts_until_somebody_looks(bench: Bench) -> None:
    async with kafka_proxy_before(bench.broker) as proxy:
        bench.start(broker=proxy.address)
        await bench.produce(200)
        await bench.drain()
        proxy.arm((api.FETCH, OFFSET_OUT_OF_RANGE))
        await _given(proxy)
        halted = await eventually(lambda: bench.connection.fetch(HALTED), bool)
        await bench.produce(200)

        async def read_on() -> int:
            # One answer speaks of several partitions, which halt one after the other.
            for partition, reason in await bench.connection.fetch(HALTED):
                assert "is out of range, the log begins at 0" in reason
                await partitions.resume(
                    bench.connection, TENANT, bench.topic, partition, forget_tail=False
                )
            return await bench.read()

        await eventually(read_on, lambda n: n >= bench.journal.n_records)
        assert halted

    record(
        "F10", "Fetch says OFFSET_OUT_OF_RANGE: halted until resumed", EMBEDDED, rounds=1,
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def test_an_offset_out_of_range_harms_the_control(bench: Bench) -> None:
    control = "from the beginning"
    async with kafka_proxy_before(bench.broker) as proxy:
        await bench.produce(200, duplicates=0, junk=0)
        bench.start(naive=control, broker=proxy.address)
        await bench.naive_drain()
        proxy.arm((api.FETCH, OFFSET_OUT_OF_RANGE))
        count = "select count(*) from naive"
        await eventually(lambda: bench.connection.fetchval(count), lambda n: n > 200)

    await bench.harmed("F10", control, EMBEDDED, finished=False, of="Fetch says")


AWAY_SECONDS = 1.5 * SESSION_MS / 1_000


async def _away(proxy: KafkaProxy) -> None:
    """Keep the broker out of reach for longer than a session, so that members are given up."""
    proxy.away = True
    proxy.cut()
    await asyncio.sleep(AWAY_SECONDS)
    proxy.away = False


async def test_a_broker_out_of_reach(bench: Bench) -> None:
    n_rounds = 3 * FACTOR
    async with kafka_proxy_before(bench.broker) as proxy:
        process = _start(bench, proxy)
        for _ in range(n_rounds):
            before = await bench.read()
            await bench.produce(200)
            # In the middle of its work.
            await bench.drain(before + 1)
            await _away(proxy)
        async with asyncio.timeout(SILENT_SECONDS_MAX):
            await bench.drain()
        assert process.is_alive()

    record(
        "F11", "way to the broker cut for longer than a session", EMBEDDED, rounds=n_rounds,
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def test_a_broker_out_of_reach_harms_the_control(bench: Bench) -> None:
    """It goes between the data and the commit to Kafka, which is made longer."""
    control = "data, then Kafka"
    async with kafka_proxy_before(bench.broker) as proxy:
        await bench.produce(200, duplicates=0, junk=0)
        bench.start(naive=control, broker=proxy.address, failpoints="after_pg_commit=sleep:0.5")
        await bench.naive_stored(1)
        await _away(proxy)
        doubled = "select count(*) - count(distinct id) from naive"
        await eventually(lambda: bench.connection.fetchval(doubled), bool)

    await bench.harmed("F11", control, EMBEDDED, finished=False)
