"""The four services on one database, each the other's real peer, and a programme told to them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from aivalue.events.business import CostCharged, InterventionAssigned, MeasurementRecorded
from aivalue.events.encode import http_event
from aivalue.events.fields import EventData
from aivalue.events.topics import CHANGES
from aivalue.runtime.postgres import asyncpg_address
from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings
from services.attribution.app import create_app as create_attribution
from services.attribution.settings import AttributionSettings
from services.baseline.app import create_app as create_baseline
from services.baseline.settings import BaselineSettings
from services.ingest.app import create_app as create_ingest
from services.ingest.http_ingestion import HttpIngestion
from services.ingest.settings import IngestSettings
from services.ingest.storing.handler import Store
from services.ingest.storing.writer import connection_settings
from services.reporting.app import create_app as create_reporting
from services.reporting.settings import ReportingSettings
from tests.contract.published import Published
from tests.integration.attribution import world

BATCH = 1_000
MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
SERVICES = ("ingest", "baseline", "attribution", "reporting")


@dataclass(frozen=True)
class System:
    """The services, each behind its HTTP interface; `peers` is how they reach each other."""

    tenant: str
    ingest: httpx.AsyncClient
    baseline: httpx.AsyncClient
    attribution: httpx.AsyncClient
    reporting: httpx.AsyncClient
    peers: dict[str, Published]
    refresher: Any


@asynccontextmanager
async def running(database_url: str, tenant: str) -> AsyncIterator[System]:
    """Put the services together without their background jobs: what they announce stays put."""
    shared: dict[str, Any] = {
        "database": DatabaseSettings(url=SecretStr(database_url)),
        "kafka": KafkaSettings(tenants={tenant: ""}),
        "auth": AuthSettings(mode="open", open_tenant=tenant),
    }
    settings = IngestSettings(**shared)
    ingest = create_ingest(settings)
    peers = {"ingest": Published("ingest", ingest)}
    baseline = create_baseline(BaselineSettings(**shared), ingest_transport=peers["ingest"])
    peers["baseline"] = Published("baseline", baseline)
    attribution = create_attribution(
        AttributionSettings(**shared),
        ingest_transport=peers["ingest"],
        baseline_transport=peers["baseline"],
    )
    peers["attribution"] = Published("attribution", attribution)
    reporting = create_reporting(
        ReportingSettings(**shared),
        baseline_transport=peers["baseline"],
        attribution_transport=peers["attribution"],
    )
    peers["reporting"] = Published("reporting", reporting)
    clients = {
        name: httpx.AsyncClient(transport=transport, base_url=f"http://{name}")
        for name, transport in peers.items()
    }
    async with _storing(ingest, settings):
        yield System(tenant=tenant, peers=peers, refresher=reporting.state.refresher, **clients)
    await _close(baseline, attribution, reporting)


@asynccontextmanager
async def _storing(ingest: FastAPI, settings: IngestSettings) -> AsyncIterator[None]:
    """Connect ingest to its database, and to nothing else."""
    address = asyncpg_address(settings.database)
    store = Store(changes_topic=settings.kafka.internal_topic(CHANGES))
    # Its own lifespan starts the relay, which takes what is announced away to a broker.
    async with (
        asyncpg.create_pool(address, **connection_settings("ingest")) as reading,
        asyncpg.create_pool(
            address, init=store.prepare, **connection_settings("ingest-http")
        ) as writing,
    ):
        ingest.state.pool = reading
        ingest.state.http_ingestion = HttpIngestion(settings, writing, store)
        yield


async def _close(baseline: FastAPI, attribution: FastAPI, reporting: FastAPI) -> None:
    await attribution.state.workplace.peers.close()
    await attribution.state.workplace.engine.dispose()
    await baseline.state.ingest.close()
    await baseline.state.engine.dispose()
    await reporting.state.sources.close()
    await reporting.state.engine.dispose()


def events() -> Iterator[dict[str, object]]:
    """Yield the programme of the fakes as events."""
    facts: list[tuple[str, EventData]] = [
        (
            f"measurement/{unit}/{day}",
            MeasurementRecorded(kpi=world.KPI, unit=unit, value=values[0], business_date=day),
        )
        for (unit, _, day), values in world.machine_values().items()
    ]
    facts += [
        (
            f"intervention/{unit}",
            InterventionAssigned(
                initiative=world.INITIATIVE,
                unit=unit,
                arm="treatment",
                start=MIDNIGHT,
                assignment="phased",
            ),
        )
        for unit in world.TREATED
    ]
    facts.append(
        (
            "cost/1",
            CostCharged(
                initiative=world.INITIATIVE,
                billed_cost=Decimal("3000.50"),
                billing_currency="EUR",
                charge_period_start=MIDNIGHT,
                charge_period_end=datetime(2024, 4, 1, tzinfo=UTC),
                charge_category="Usage",
                service_category="AI and Machine Learning",
                treatment="opex",
                status="billed",
                category="model",
            ),
        )
    )
    for name, data in facts:
        yield http_event(data, source="urn:test:mes", event_id=name, time=MIDNIGHT)


async def define(system: System) -> None:
    """Apply the programme's definitions."""
    answer = world.programme()
    definitions = [
        answer["portfolio"],
        answer["initiative"],
        *answer["processes"],
        *answer["kpis"],
        answer["design"],
    ]
    wanted = [{name: each[name] for name in ("kind", "key", "body")} for each in definitions]
    applied = await system.baseline.post(
        "/v1/definitions:apply", json={"definitions": wanted, "reason": "test"}
    )
    assert applied.status_code == 200, applied.text


async def send(system: System) -> None:
    """Send the programme's events."""
    sent = list(events())
    for first in range(0, len(sent), BATCH):
        stored = await system.ingest.post(
            "/v1/events",
            json=sent[first : first + BATCH],
            headers={"content-type": "application/cloudevents-batch+json"},
        )
        assert stored.status_code == 200, stored.text


async def freeze(system: System) -> dict[str, Any]:
    """Freeze January and February, and return the baseline."""
    frozen = await system.baseline.post(
        "/v1/baselines",
        json={
            "initiative": world.INITIATIVE,
            "kpi": world.KPI,
            "start": "2024-01-01",
            "end": "2024-03-01",
            "reason": "test",
        },
    )
    assert frozen.status_code == 201, frozen.text
    answer: dict[str, Any] = frozen.json()
    return answer


async def tell(system: System) -> None:
    """Define the programme, send its events, freeze its baseline, approve its rule."""
    await define(system)
    await send(system)
    await freeze(system)
    rules = {"definitions": [world.RULE], "reason": "test"}
    approved = await system.attribution.post("/v1/valuation-rules:apply", json=rules)
    assert approved.status_code == 200, approved.text
