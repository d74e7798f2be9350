"""The baseline service on a real PostgreSQL, and definitions to try it with."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings, RuntimeSettings
from services.baseline.app import create_app
from tests.integration.baseline.harness import FakeIngest, Service


@pytest.fixture(scope="session")
def schemas() -> tuple[str, ...]:
    """Migrate for this service."""
    return ("baseline",)


@pytest.fixture
async def service(database_url: str, unique: str) -> AsyncIterator[Service]:
    """Yield a migrated service for a tenant of its own."""
    settings = RuntimeSettings(
        database=DatabaseSettings(url=SecretStr(database_url)),
        kafka=KafkaSettings(tenants={unique: ""}, internal_prefix=f"{unique}."),
        auth=AuthSettings(mode="open", open_tenant=unique),
    )
    ingest = FakeIngest()
    app = create_app(settings, ingest_transport=ingest.transport())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://baseline") as client:
        yield Service(
            client=client,
            ingest=ingest,
            database=database_url,
            settings=settings,
            transport=transport,
        )
    await app.state.ingest.close()
    await app.state.engine.dispose()


def definition(kind: str, key: str, /, **body: Any) -> dict[str, Any]:
    return {"kind": kind, "key": key, "body": body}


@pytest.fixture
def maintenance() -> list[dict[str, Any]]:
    """Return a complete set of definitions: one initiative, one KPI, one target, one design."""
    return [
        definition("portfolio", "plants", name="Plants", owner="COO", reporting_currency="EUR"),
        definition(
            "initiative",
            "maintenance",
            portfolio="plants",
            name="Predictive maintenance",
            owner="Head of maintenance",
            stage="run",
            go_live="2024-01-01",
        ),
        definition("process", "upkeep", name="Upkeep of lines", unit_of_analysis="line"),
        definition(
            "kpi",
            "downtime",
            process="upkeep",
            name="Unplanned downtime",
            unit="min/h",
            better_when="lower",
            aggregation="ratio",
            numerator="downtime minutes",
            denominator="scheduled hours",
        ),
        definition(
            "target",
            "downtime-2025",
            initiative="maintenance",
            kpi="downtime",
            kind="relative",
            amount="0.30",
            due="2025-12-31",
        ),
        definition(
            "design",
            "maintenance",
            kpis=["downtime"],
            assignment="phased",
            scale="proportional",
            baseline={"start": "2023-01-01", "end": "2024-01-01"},
        ),
    ]
