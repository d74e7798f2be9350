"""The whole system on Apache Kafka by settings alone; a crash of the broker costs nothing."""

import asyncio
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c
from typer.testing import CliRunner

from aivalue.cli.main import app
from aivalue.runtime.stack import Stack, running_stack
from tests.e2e import programme
from tests.e2e.system import get, proof, send_all, series, sums, wait_counted
from tests.kafka.cluster import Node, kafka_cluster

pytestmark = pytest.mark.kafka


@pytest.fixture
def cluster(kafka_jars: Path) -> Iterator[tuple[str, Node]]:
    with kafka_cluster(kafka_jars) as (bootstrap, (node,)):
        yield bootstrap, node


@pytest.fixture
def stack(cluster: tuple[str, Node]) -> Iterator[Stack]:
    environ = {
        "AIVALUE_KAFKA__BOOTSTRAP": cluster[0],
        "AIVALUE_KAFKA__REPLICATION_FACTOR": "1",
        "AIVALUE_KAFKA__PARTITIONS": "4",
    }
    with running_stack(environ=environ) as running:
        yield running


def test_settings_alone_put_the_system_on_apache_kafka(
    stack: Stack, cluster: tuple[str, Node], tmp_path: Path
) -> None:
    definitions = programme.write_definitions(tmp_path)
    environment = {k: v for k, v in stack.environment.items() if k.startswith("AIVALUE_")}
    applied = CliRunner().invoke(app, ["apply", "-f", str(definitions), "--yes"], env=environment)
    wait_counted(stack, send_all(stack, programme.events()))

    found = proof(stack)

    assert applied.exit_code == 0, applied.output
    assert "broker" not in stack.servers
    assert sums(series(stack, "handle-time")) == programme.expected()
    average = found.effects["handle-time"]["average"]
    assert average["low"] <= programme.EFFECT <= average["high"] < 0


def test_a_broker_that_crashes_and_returns_loses_and_doubles_nothing(
    stack: Stack, cluster: tuple[str, Node]
) -> None:
    _, node = cluster
    send_all(stack, programme.events())

    node.kill()
    node.start()
    node.wait_ready()
    # The same again, through the broker that came back: every id is known.
    wait_counted(stack, send_all(stack, programme.events()))

    assert sums(series(stack, "handle-time")) == programme.expected()
    assert stack.servers["ingest"].process.poll() is None


async def send_unreadable(bootstrap: str, topic: str, partition: int) -> int:
    """Send a record as a producer does that writes header names in Latin-1; return its offset."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=False)
    await producer.start()
    try:
        batch = producer.create_batch()
        batch.append(timestamp=None, key=None, value=b"{}", headers=[("cafe", b"x")])
        whole = bytearray(batch._build()).replace(b"cafe", b"caf\xe9")
        # The checksum covers what follows it.
        whole[17:21] = struct.pack(">I", calc_crc32c(bytes(whole[21:])))
        batch._buffer = bytes(whole)
        sent = await producer.send_batch(batch, topic, partition=partition)
        return int((await sent).offset)
    finally:
        await producer.stop()


def test_a_record_that_the_client_cannot_read_halts_its_partition_alone(
    stack: Stack, cluster: tuple[str, Node]
) -> None:
    topic = "aivalue.replay.v1"
    offset = asyncio.run(send_unreadable(cluster[0], topic, 1))

    wait_counted(stack, send_all(stack, programme.events()))

    assert sums(series(stack, "handle-time")) == programme.expected()
    assert stack.servers["ingest"].process.poll() is None
    halted: dict[tuple[str, int], str] = {}
    deadline = time.monotonic() + 60
    while not halted and time.monotonic() < deadline:
        partitions = get(stack, "ingest", "/v1/partitions")
        halted = {
            (each["topic"], each["partition"]): each["halt_reason"]
            for each in partitions
            if each["state"] == "halted"
        }
        time.sleep(0.2)
    assert list(halted) == [(topic, 1)]
    assert f"the record at offset {offset} has a header whose name" in halted[topic, 1]
