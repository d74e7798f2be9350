"""The attribution service on a real PostgreSQL, with ingest and baseline as a test wants them."""

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from pydantic import SecretStr

from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings
from services.attribution.settings import AttributionGroup, AttributionSettings
from tests.integration.attribution.harness import Service, service_of
from tests.integration.attribution.world import Peers


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Write tracebacks as the services do: without the values of a million-row variable."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def schemas() -> tuple[str, ...]:
    """Migrate for this service."""
    return ("attribution",)


@pytest.fixture
def settings(database_url: str, unique: str) -> AttributionSettings:
    """Return the settings of a migrated service for a tenant of its own."""
    return AttributionSettings(
        database=DatabaseSettings(url=SecretStr(database_url)),
        kafka=KafkaSettings(tenants={unique: ""}, internal_prefix=f"{unique}."),
        auth=AuthSettings(mode="open", open_tenant=unique),
        attribution=AttributionGroup(
            debounce_seconds=0, poll_seconds=0.05, backoff_seconds=0.05, run_wait_seconds=0.3
        ),
    )


@pytest.fixture
async def service(settings: AttributionSettings) -> AsyncIterator[Service]:
    """Yield a service whose background jobs do not run: a test takes their steps itself."""
    peers = Peers()
    peers.freeze()
    async with service_of(settings, peers) as running:
        yield running
