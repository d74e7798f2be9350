"""A migrated database, and the ingest service over it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings
from services.ingest.app import create_app
from services.ingest.settings import IngestGroup, IngestSettings
from tests.integration.ingest.system import Ingest


@pytest.fixture(scope="session")
def schemas() -> tuple[str, ...]:
    """Migrate for this service."""
    return ("ingest",)


@pytest.fixture
def ingest_database(database_url: str) -> str:
    """Address of a database with the service's schema."""
    return database_url


@pytest.fixture
async def connection(ingest_database: str) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection that looks at the tables."""
    opened = await asyncpg.connect(ingest_database)
    yield opened
    await opened.close()


@pytest.fixture
def ingest(ingest_database: str, broker: str, unique: str, tmp_path: Path) -> Iterator[Ingest]:
    """Return the service over its own database and topics; what still runs is ended."""
    system = Ingest(
        database=ingest_database, broker=broker, prefix=f"{unique}.", log=tmp_path / "ingest.log"
    )
    yield system
    for process in system.processes:
        if process.poll() is None:
            process.kill()
            process.wait(10)


@pytest.fixture
async def client(
    ingest_database: str, some_broker: str, unique: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a service that only answers HTTP."""
    settings = IngestSettings(
        database=DatabaseSettings(url=SecretStr(ingest_database)),
        kafka=KafkaSettings(
            bootstrap=some_broker,
            internal_prefix=unique,
            idempotent_producer=False,
            partitions=1,
            replication_factor=1,
        ),
        auth=AuthSettings(mode="open", open_tenant="acme"),
        ingest=IngestGroup(
            consume=False,
            http_events_max=5,
            http_bytes_max=4_000,
            http_requests_max=2,
            revert_slice_events=2,
        ),
    )
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as opened:
            yield opened
