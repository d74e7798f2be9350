"""As the compose file has it, the system does its work: with tokens, secrets, least privilege."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aivalue.events.business import MeasurementRecorded
from aivalue.events.encode import kafka_message
from aivalue.events.topics import BUSINESS
from aivalue.runtime.kafka import create_producer
from aivalue.runtime.settings import KafkaSettings
from tests.deploy.production import SERVICES, Production, production

DEFINITIONS: dict[str, dict[str, Any]] = {
    "portfolio": {"key": "ops", "name": "Operations", "owner": "A", "reporting_currency": "USD"},
    "initiative": {
        "key": "triage", "portfolio": "ops", "name": "Triage", "owner": "B", "stage": "run",
        "go_live": "2024-02-01",
    },
    "process": {"key": "desk", "name": "Service desk", "unit_of_analysis": "team"},
    "kpi": {
        "key": "handling", "process": "desk", "name": "Handling time", "unit": "min",
        "better_when": "lower", "aggregation": "mean",
    },
    "design": {
        "key": "triage", "kpis": ["handling"], "assignment": "phased",
        "baseline": {"start": "2024-01-01", "end": "2024-02-01"},
    },
}  # fmt: skip
START = datetime(2024, 1, 1, 9, tzinfo=UTC)
DAYS = 60


async def test_the_system_works_as_the_compose_file_describes_it(
    database_url: str, broker: str, unique: str, tmp_path: Path
) -> None:
    async with production(
        tmp_path, database_url=database_url, bootstrap=broker, prefix=unique
    ) as running:
        await nobody_is_let_in_without_a_token(running)
        await define(running)
        await send(running, broker, unique)
        await estimate(running)
        await read(running)


async def nobody_is_let_in_without_a_token(running: Production) -> None:
    questions = {
        "ingest": "/v1/snapshot",
        "baseline": "/v1/initiatives",
        "attribution": "/v1/initiatives",
        "reporting": "/metrics/business",
    }
    for service in SERVICES:
        async with running.client(service, caller=None) as client:
            assert (await client.get(questions[service])).status_code == 401
            assert (await client.get("/metrics")).status_code == 200
    async with running.client("baseline", caller="prometheus") as client:
        body = {"definitions": [], "reason": "test"}
        assert (await client.post("/v1/definitions:apply", json=body)).status_code == 403


async def define(running: Production) -> None:
    definitions = [
        {"kind": kind, "key": body["key"], "body": body} for kind, body in DEFINITIONS.items()
    ]
    async with running.client("baseline") as client:
        body = {"definitions": definitions, "reason": "test"}
        response = await client.post("/v1/definitions:apply", json=body)
        assert response.status_code == 200, response.text


async def send(running: Production, broker: str, prefix: str) -> None:
    """Put measurements on Kafka and wait until ingest has counted them."""
    kafka = KafkaSettings(
        bootstrap=broker, tenants={"default": f"{prefix}."}, idempotent_producer=False
    )
    producer = create_producer(kafka, client_id="test")
    await producer.start()
    try:
        for day in range(DAYS):
            for unit in ("north", "south"):
                message = kafka_message(
                    MeasurementRecorded(kpi="handling", unit=unit, value=Decimal(30 + day % 3)),
                    source="urn:test", event_id=f"{unit}/{day}", time=START + timedelta(days=day),
                )  # fmt: skip
                await producer.send(
                    kafka.input_topic("default", BUSINESS), key=message.key, value=message.value,
                    headers=message.headers,
                )  # fmt: skip
        await producer.flush()
    finally:
        await producer.stop()
    async with running.client("ingest") as client:
        deadline = time.monotonic() + 60
        while True:
            series = (await client.get("/v1/series", params={"kpi": "handling"})).json()
            if series["n_rows"] == 2 * DAYS:
                return
            assert time.monotonic() < deadline, series
            await asyncio.sleep(0.2)


async def estimate(running: Production) -> None:
    """Freeze and run: baseline asks ingest, attribution asks both, each with its own token."""
    async with running.client("baseline") as client:
        body = {"initiative": "triage", "kpi": "handling", "reason": "test"}
        response = await client.post("/v1/baselines", json=body)
        assert response.status_code == 201, response.text
    async with running.client("attribution") as client:
        response = await client.post("/v1/runs", json={"initiative": "triage"})
        assert response.is_success, response.text


async def read(running: Production) -> None:
    """See the figures in the report and in the metrics, soon after they were announced."""
    deadline = time.monotonic() + 60
    async with running.client("reporting") as client:
        while True:
            response = await client.get("/v1/initiatives/triage/summary")
            summary = response.json().get("initiative", {})
            if summary.get("run_id") and summary["kpis"][0]["before"]:
                break
            assert time.monotonic() < deadline, response.text
            await asyncio.sleep(0.2)
    # January's days are worth 30, 31, 32, 30, ...: eleven times 30, ten times 31, ten times 32.
    assert float(summary["kpis"][0]["before"]) == pytest.approx((330 + 310 + 320) / 31)
    async with running.client("reporting", caller="prometheus") as client:
        exposition = (await client.get("/metrics/business")).text
    assert "aivalue_kpi_info{" in exposition
    assert 'use_case="triage"' in exposition
