"""Benches: a log and a database of their own for every fault."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.faults.bench import Bench
from tests.integration.ingest import conftest

schemas = conftest.schemas
ingest_database = conftest.ingest_database
connection = conftest.connection


@pytest.fixture
async def bench(
    ingest_database: str, connection: asyncpg.Connection, broker: str, unique: str
) -> AsyncIterator[Bench]:
    """Return a bench over the session's broker."""
    opened = Bench(
        database=ingest_database, broker=broker, prefix=f"{unique}.", connection=connection
    )
    await opened.open()
    yield opened
    opened.stop()
