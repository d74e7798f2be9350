"""Faults of the broker, on three nodes of Apache Kafka: nothing is lost, nothing is doubled.

One cluster serves all tests. Workers, journal, checker and controls are those of tests/faults.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete
from aiokafka.errors import GroupCoordinatorNotAvailableError

from aivalue.runtime.kafka import create_admin, ensure_topics
from services.ingest.queries import partitions
from tests.faults import worker
from tests.faults.bench import Bench, event, eventually, record
from tests.integration.ingest import conftest
from tests.integration.ingest.material import TENANT
from tests.kafka.cluster import Node, kafka_cluster
from tests.stored import N_STORED

pytestmark = [pytest.mark.kafka, pytest.mark.cluster, pytest.mark.timeout(600)]
KAFKA = "Apache Kafka, three nodes"
N_HALTED = "select count(*) from ingest.partitions where state = 'halted'"

schemas = conftest.schemas
ingest_database = conftest.ingest_database
connection = conftest.connection


@pytest.fixture(scope="module")
def cluster(kafka_jars: Path) -> Iterator[tuple[str, list[Node]]]:
    with kafka_cluster(kafka_jars, nodes=3) as running:
        yield running


@pytest.fixture
async def bench(
    ingest_database: str,
    connection: asyncpg.Connection,
    cluster: tuple[str, list[Node]],
    unique: str,
) -> AsyncIterator[Bench]:
    opened = Bench(
        database=ingest_database, broker=cluster[0], prefix=f"{unique}.", connection=connection,
        replication=3, idempotent=True,
    )  # fmt: skip
    await opened.open()
    yield opened
    opened.stop()


async def _leader(bench: Bench) -> int:
    """Return the number of the node that leads the first partition."""
    admin = create_admin(bench.kafka, client_id="leader")
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([bench.topic])
        (first,) = (each for each in topic["partitions"] if each["partition"] == 0)
        return int(first["leader"])
    finally:
        await admin.close()


async def _coordinator(bench: Bench) -> int:
    """Return the number of the node that keeps the control's offsets; it leads partitions, too."""
    admin = create_admin(bench.kafka, client_id="coordinator")

    async def found() -> int | None:
        # Who asks first has the topic of offsets made.
        with contextlib.suppress(GroupCoordinatorNotAvailableError):
            return int(await admin.find_coordinator(f"{bench.prefix}naive"))
        return None

    await admin.start()
    try:
        number = await eventually(found, lambda answer: answer is not None)
        assert number is not None
        return number
    finally:
        await admin.close()


FAULTS = ("kill -9", "SIGSTOP for 8 s")


@contextlib.asynccontextmanager
async def _gone(node: Node, fault: str) -> AsyncIterator[None]:
    """Take a node away and bring it back: a paused one after its time, a killed one after the body.

    A partition finds another leader only when its own has been gone for longer than the pause.
    """
    if fault == "kill -9":
        node.kill()
        yield
        node.start()
        await asyncio.to_thread(node.wait_ready)
    else:
        node.pause()
        await asyncio.sleep(8)
        node.resume()
        yield


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_leader_that_goes_away_harms_the_control(
    bench: Bench, cluster: tuple[str, list[Node]], fault: str
) -> None:
    """It goes between the data and the commit to Kafka, which is made longer."""
    control = "data, then Kafka"
    await bench.produce(200, duplicates=0, junk=0)
    node = cluster[1][await _coordinator(bench) - 1]
    bench.start(naive=control, failpoints="after_pg_commit=sleep:0.5")
    await bench.naive_stored(1)
    async with _gone(node, fault):
        pass
    doubled = "select count(*) - count(distinct id) from naive"
    await eventually(lambda: bench.connection.fetchval(doubled), bool)

    await bench.harmed("F11", control, KAFKA, finished=False, of=f"the leader: {fault}")


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_leader_goes_away_under_a_worker(
    bench: Bench, cluster: tuple[str, list[Node]], fault: str
) -> None:
    await bench.produce(500)
    bench.start(batch_records_max=50)
    await bench.drain(1)
    node = cluster[1][await _leader(bench) - 1]
    producing = asyncio.ensure_future(bench.produce(500))
    async with _gone(node, fault):
        await producing
        await bench.stored()
    assert await bench.read() > 0
    await bench.produce(100)
    await bench.drain()

    record(
        "F11", f"the leader: {fault}", KAFKA, rounds=1, journal=bench.journal,
        found=await bench.verdict(),
    )  # fmt: skip


async def test_a_storm_of_rebalances(bench: Bench) -> None:
    n_rounds = 16
    members = [bench.start(group=bench.prefix) for _ in range(2)]
    for number in range(n_rounds):
        await bench.produce(60)
        if number % 2:
            leaving = members.pop(0)
            assert leaving.is_alive()
            worker.send(leaving, signal.SIGTERM)
        else:
            members.append(bench.start(group=bench.prefix))
        await asyncio.sleep(0.5)
    await bench.drain()

    record(
        "F5", "a member joins or leaves every half second", KAFKA, rounds=n_rounds,
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def test_a_member_that_dies_harms_the_control(bench: Bench) -> None:
    control = "member of a group"
    await bench.produce(300, duplicates=0, junk=0)
    ended = bench.start(naive=control)
    await bench.naive_stored(100)
    worker.send(ended, signal.SIGKILL)
    bench.start(naive=control)
    count = "select count(*) from naive"
    await eventually(lambda: bench.connection.fetchval(count), lambda n: n > 300)

    await bench.harmed("F5", control, KAFKA)


async def _create_anew(bench: Bench) -> None:
    admin = create_admin(bench.kafka, client_id="anew")
    await admin.start()
    try:
        await admin.delete_topics([bench.topic])
        while bench.topic in await admin.list_topics():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
    finally:
        await admin.close()
    await ensure_topics(bench.kafka, [bench.topic])


async def _halted_then_rotated(bench: Bench) -> None:
    """See that every partition halts and nothing is read; then do what an operator does."""
    before = await bench.connection.fetchval(N_STORED)
    bench.start()
    await eventually(lambda: bench.connection.fetchval(N_HALTED), lambda n: n == bench.partitions)
    after = await bench.connection.fetchval(N_STORED)
    assert after == before
    async with bench.connection.transaction():
        await partitions.rotate_log(
            bench.connection, TENANT, bench.topic, identity="", reason="created anew"
        )


@pytest.mark.parametrize("n_new", [400, 40], ids=["longer", "shorter"])
async def test_a_topic_created_anew(bench: Bench, n_new: int) -> None:
    await bench.produce(200)
    first = bench.start()
    await bench.drain()
    worker.send(first, signal.SIGKILL)
    first.join(10)
    await _create_anew(bench)
    await bench.produce(n_new)
    await _halted_then_rotated(bench)
    await bench.stored()

    what = "longer" if n_new > 200 else "shorter"
    record(
        "F12", f"topic created anew and {what}: halted until rotated", KAFKA, rounds=1,
        journal=bench.journal, found=await bench.verdict(),
    )  # fmt: skip


async def test_a_topic_created_anew_harms_the_control(bench: Bench) -> None:
    control = "from the beginning"
    await bench.produce(200, duplicates=0, junk=0)
    first = bench.start(naive=control)
    await bench.naive_drain()
    worker.send(first, signal.SIGKILL)
    await _create_anew(bench)
    await bench.produce(400, duplicates=0, junk=0)
    bench.start(naive=control)
    offsets = "select coalesce(sum(n), 0) from naive_offset"
    await eventually(lambda: bench.connection.fetchval(offsets), lambda n: n >= 400)

    await bench.harmed("F12", control, KAFKA)


async def _expire(bench: Bench) -> None:
    """Let retention take all that is there."""
    admin = create_admin(bench.kafka, client_id="retention")
    await admin.start()
    try:
        places = [TopicPartition(bench.topic, each) for each in range(bench.partitions)]
        await admin.delete_records({each: RecordsToDelete(before_offset=-1) for each in places})
    finally:
        await admin.close()


@pytest.mark.parametrize("control", [None, "from the beginning"], ids=["ours", "control"])
async def test_retention_runs_past_the_reader(bench: Bench, control: str | None) -> None:
    await bench.produce(200, duplicates=0, junk=0)
    first = bench.start(naive=control)
    await (bench.naive_drain() if control else bench.drain())
    worker.send(first, signal.SIGKILL)
    first.join(10)
    await bench.produce(200, duplicates=0, junk=0)
    await _expire(bench)
    await bench.produce(200, duplicates=0, junk=0)
    if control:
        bench.start(naive=control)
        await bench.naive_drain()
        # It says nothing of the events that it never saw.
        await bench.harmed("F13", control, KAFKA)
        return
    await _halted_then_rotated(bench)
    for number in range(200, 400):
        del bench.journal.values[f"e{number}"]
    await bench.stored()

    record(
        "F13", "retention ran past: halted until rotated", KAFKA, rounds=1, journal=bench.journal,
        found=await bench.verdict(),
    )  # fmt: skip


@pytest.mark.parametrize("control", [None, "member, from the newest on"], ids=["ours", "control"])
async def test_partitions_are_added_under_load(bench: Bench, control: str | None) -> None:
    bench.start(naive=control, group=bench.prefix)
    if control is None:
        await bench.produce(200, duplicates=0, junk=0)
        await bench.drain()
    else:
        while await bench.connection.fetchval("select count(*) = 0 from naive"):
            await bench.produce(20, duplicates=0, junk=0)
            await asyncio.sleep(0.2)
    admin = create_admin(bench.kafka, client_id="growth")
    await admin.start()
    try:
        await admin.create_partitions({bench.topic: NewPartitions(total_count=8)})
    finally:
        await admin.close()
    before = len(bench.journal.values)
    await bench.produce(400, duplicates=0, junk=0)
    if control:
        for number in range(before):
            # What came before it joined is no matter of new partitions.
            del bench.journal.values[f"e{number}"]
        await asyncio.sleep(5)
        await bench.harmed("F14", control, KAFKA)
        return
    await bench.stored()
    known = await bench.connection.fetchval(
        "select count(*) from ingest.partitions join ingest.logs using (tenant_id, log_id) "
        "where topic = $1",
        bench.topic,
    )
    assert known == 8

    record(
        "F14", "from 4 to 8 partitions under load", KAFKA, rounds=1, journal=bench.journal,
        found=await bench.verdict(),
    )  # fmt: skip


@pytest.mark.parametrize("control", [None, "reads what is not committed"], ids=["ours", "control"])
async def test_transactions_that_are_aborted(bench: Bench, control: str | None) -> None:
    n_rounds = 10
    producer = AIOKafkaProducer(bootstrap_servers=bench.broker, transactional_id=bench.prefix)
    await producer.start()
    try:
        for number in range(20 * n_rounds):
            aborted = number // 20 % 2
            if number % 20 == 0:
                await producer.begin_transaction()
            sent = event(number)
            await producer.send(bench.topic, key=sent.key, value=sent.value, headers=sent.headers)
            if not aborted:
                bench.journal.values[f"e{number}"] = Decimal(number) + Decimal("0.25")
            if number % 20 == 19:
                await producer.flush()
                ended = producer.abort_transaction if aborted else producer.commit_transaction
                await ended()
    finally:
        await producer.stop()
    bench.start(naive=control, allow_gaps=True)
    if control:
        await bench.naive_stored(20 * n_rounds)
        await bench.harmed("F18", control, KAFKA)
        return
    await bench.stored()

    record(
        "F18", "every second transaction aborted", KAFKA, rounds=n_rounds, journal=bench.journal,
        found=await bench.verdict(),
    )  # fmt: skip
