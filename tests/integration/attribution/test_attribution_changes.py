"""Events of ingest and baseline lead to a run, through a broker, also when twice or torn."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition

from aivalue.runtime.kafka import create_consumer, create_producer, ensure_topics
from aivalue.runtime.settings import KafkaSettings
from services.attribution.settings import AttributionSettings
from tests.integration.attribution.harness import Service, service_of
from tests.integration.attribution.world import INITIATIVE, KPI, Peers, cost

WAIT_SECONDS = 20


@pytest.fixture
async def running(
    settings: AttributionSettings, broker: str, unique: str
) -> AsyncIterator[Service]:
    """Yield the service with its background jobs, on the broker."""
    kafka = KafkaSettings(
        bootstrap=broker,
        idempotent_producer=False,
        tenants={unique: ""},
        internal_prefix=f"{unique}.",
        partitions=3,
        replication_factor=1,
        # The least that Apache Kafka takes; the embedded broker lets a group wait for half of it.
        session_timeout_ms=6_000,
        rebalance_timeout_ms=1_000,
        heartbeat_interval_ms=500,
    )
    peers = Peers()
    peers.freeze()
    chosen = settings.model_copy(update={"kafka": kafka})
    async with (
        service_of(chosen, peers) as service,
        service.app.router.lifespan_context(service.app),
    ):
        yield service


def event(service: Service, kind: str, data: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "urn:aivalue:ingest",
            "type": kind,
            "time": "2024-06-01T00:00:00Z",
            "datacontenttype": "application/json",
            "tenant": service.tenant,
            "data": data,
        }
    )


async def publish(service: Service, topic: str, *values: bytes | None) -> None:
    kafka = service.settings.kafka
    await ensure_topics(kafka, [kafka.internal_topic(topic)])
    producer = create_producer(kafka, client_id="test")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(kafka.internal_topic(topic), value=value, key=b"k")
    finally:
        await producer.stop()


async def runs(service: Service, *, at_least: int) -> list[dict[str, Any]]:
    """Wait for runs."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            found = await service.get("/v1/runs", initiative=INITIATIVE)
            if len(found["runs"]) >= at_least:
                listed: list[dict[str, Any]] = found["runs"]
                return listed
            await asyncio.sleep(0.05)


async def settled(service: Service, *, marks: int) -> None:
    """Wait until that many marks were made and all are done."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            rows = await service.sql("select marks, done from attribution.recompute")
            if rows and rows[0]["marks"] >= marks and rows[0]["marks"] == rows[0]["done"]:
                return
            await asyncio.sleep(0.05)


async def test_a_changed_series_is_estimated_again_and_announced(running: Service) -> None:
    changed = event(
        running,
        "aivalue.series.changed.v1",
        {"kpi": KPI, "units": ["m01"], "start": "2024-05-01", "end": "2024-05-02", "snapshot": "5"},
    )

    await publish(running, "aivalue.changes.v1", changed)
    (run,) = await runs(running, at_least=1)

    consumer = create_consumer(running.settings.kafka, group=None, client_id="test")
    topic = running.settings.kafka.internal_topic("aivalue.value.v1")
    await consumer.start()
    try:
        partitions = range(running.settings.kafka.partitions)
        consumer.assign([TopicPartition(topic, number) for number in partitions])
        await consumer.seek_to_beginning()
        async with asyncio.timeout(WAIT_SECONDS):
            announced: list[dict[str, Any]] = []
            while not announced:
                polled = await consumer.getmany(timeout_ms=200)
                announced = [
                    orjson.loads(record.value) for found in polled.values() for record in found
                ]
    finally:
        await consumer.stop()
    assert announced[0]["type"] == "aivalue.attribution.completed.v1"
    assert announced[0]["tenant"] == running.tenant
    assert announced[0]["data"] == {
        name: run[name]
        for name in ("initiative", "run_id", "number", "status", "input_hash", "output_hash")
    }


async def test_a_change_delivered_twice_is_one_run(running: Service) -> None:
    changed = event(running, "aivalue.costs.changed.v1", {"initiative": INITIATIVE})

    await publish(running, "aivalue.changes.v1", changed, changed)
    await runs(running, at_least=1)
    await settled(running, marks=1)
    await publish(running, "aivalue.changes.v1", changed)
    await settled(running, marks=2)

    assert len(await runs(running, at_least=1)) == 1


async def test_a_frozen_baseline_and_new_definitions_are_changes(running: Service) -> None:
    await publish(
        running,
        "aivalue.value.v1",
        event(running, "aivalue.baseline.frozen.v1", {"initiative": INITIATIVE, "kpi": KPI}),
    )
    await runs(running, at_least=1)
    running.peers.costs = [cost(1, month=2, amount="1")]
    await publish(
        running,
        "aivalue.value.v1",
        event(running, "aivalue.definitions.changed.v1", {"changes": []}),
    )

    assert len(await runs(running, at_least=2)) == 2


async def test_what_cannot_be_read_could_concern_anything(running: Service) -> None:
    await publish(running, "aivalue.changes.v1", b"\xff not json", None)

    (run,) = await runs(running, at_least=1)

    assert run["reason"] == "recompute"


async def test_changes_wait_for_a_baseline_service_that_is_away(running: Service) -> None:
    running.peers.away.add("baseline")
    changed = event(running, "aivalue.costs.changed.v1", {"initiative": INITIATIVE})

    await publish(running, "aivalue.changes.v1", changed)
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if running.peers.asked.count("/v1/definitions") >= 3:
                break
            await asyncio.sleep(0.05)
    marked = await running.sql("select 1 from attribution.recompute")
    running.peers.away.clear()

    assert marked == []
    assert len(await runs(running, at_least=1)) == 1
