"""The whole system on Apache Kafka by settings alone; a crash of the broker costs nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aivalue.cli.main import app
from aivalue.runtime.stack import Stack, running_stack
from tests.e2e import programme
from tests.e2e.system import proof, send_all, series, sums, wait_counted
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
