"""What a transaction announced stands on Kafka, once it is committed."""

import json
from typing import Any

from aiokafka import TopicPartition
from pydantic import SecretStr

from aivalue.runtime.kafka import create_consumer, ensure_topics
from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings, RuntimeSettings
from services.baseline.app import create_app
from tests.integration.baseline.harness import FakeIngest, client_of


async def test_applied_definitions_reach_the_value_topic(
    database_url: str, broker: str, unique: str, maintenance: list[dict[str, Any]]
) -> None:
    settings = RuntimeSettings(
        database=DatabaseSettings(url=SecretStr(database_url)),
        kafka=KafkaSettings(
            bootstrap=broker,
            internal_prefix=f"{unique}.",
            partitions=1,
            replication_factor=1,
            idempotent_producer=False,
        ),
        auth=AuthSettings(mode="open", open_tenant=unique),
    )
    topic = settings.kafka.internal_topic("aivalue.value.v1")
    await ensure_topics(settings.kafka, [topic])
    app = create_app(settings, ingest_transport=FakeIngest().transport())

    async with app.router.lifespan_context(app), client_of(app) as client:
        body = {"definitions": maintenance, "reason": "first version"}
        applied = await client.post("/v1/definitions:apply", json=body)
        assert applied.status_code == 200
        [event] = await _first_events(settings.kafka, topic)

    assert event["type"] == "aivalue.definitions.changed.v1"
    assert event["tenant"] == unique
    assert {each["kind"] for each in event["data"]["changes"]} == {
        "portfolio", "initiative", "process", "kpi", "target", "design",
    }  # fmt: skip


async def _first_events(kafka: KafkaSettings, topic: str) -> list[dict[str, Any]]:
    partition = TopicPartition(topic, 0)
    consumer = create_consumer(kafka, group=None, client_id="test")
    await consumer.start()
    try:
        consumer.assign([partition])
        consumer.seek(partition, 0)
        while True:
            found = await consumer.getmany(timeout_ms=1_000)
            if found:
                return [json.loads(each.value) for each in found[partition]]
    finally:
        await consumer.stop()
