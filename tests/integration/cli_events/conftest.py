"""A real ingest service over a real database, as the command line calls it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings
from services.ingest.app import create_app
from services.ingest.settings import IngestGroup, IngestSettings


@dataclass(frozen=True, kw_only=True)
class Running:
    """The service, reached as the command reaches it and as a reader does."""

    settings: IngestSettings
    transports: dict[str, httpx.AsyncBaseTransport]
    client: httpx.AsyncClient
    database: str

    async def columns(self, kpi: str) -> dict[str, list[Any]]:
        """Read the daily statistics of a KPI."""
        answer = await self.client.get("/v1/series", params={"kpi": kpi})
        columns: dict[str, list[Any]] = answer.raise_for_status().json()["columns"]
        return columns


@pytest.fixture(autouse=True)
def no_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask no baseline service: one that somebody runs on this machine may know other KPIs."""
    monkeypatch.setenv("AIVALUE_SERVICES__BASELINE", "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def schemas() -> tuple[str, ...]:
    """Migrate for the service that is called."""
    return ("ingest",)


@pytest.fixture
async def ingest(database_url: str, broker: str, unique: str) -> AsyncIterator[Running]:
    """Return the running service; it takes events over HTTP alone."""
    database = DatabaseSettings(url=SecretStr(database_url))
    settings = IngestSettings(
        database=database,
        kafka=KafkaSettings(
            bootstrap=broker,
            tenants={"acme": f"{unique}."},
            internal_prefix=f"{unique}.",
            idempotent_producer=False,
            partitions=1,
            replication_factor=1,
        ),
        auth=AuthSettings(mode="open", open_tenant="acme"),
        ingest=IngestGroup(consume=False),
    )
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            yield Running(
                settings=settings,
                transports={"ingest": transport},
                client=client,
                database=database_url,
            )
