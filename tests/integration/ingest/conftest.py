"""A migrated database, and the ingest service over it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from aivalue.runtime.migrations import migrate
from aivalue.runtime.settings import DatabaseSettings
from tests.integration.ingest.system import Ingest


@pytest.fixture
async def ingest_database(database_url: str) -> str:
    """Address of a database with the service's schema."""
    await migrate(DatabaseSettings(url=SecretStr(database_url)), "ingest")
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
