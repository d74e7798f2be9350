"""Servers for tests: one PostgreSQL and one broker a session, a database of its own a test.

A server that does not start fails the tests that need it; nothing is skipped.
"""

import itertools
import os
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from aivalue.runtime.embedded.broker import embedded_broker
from aivalue.runtime.embedded.postgres import embedded_postgres_server

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a PostgreSQL server that only this test session uses."""
    with embedded_postgres_server() as (address, _):
        yield address


@pytest.fixture
async def database_url(postgres_server: str) -> AsyncIterator[str]:
    """Address of an empty database, dropped after the test."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    admin = await asyncpg.connect(postgres_server)
    try:
        await admin.execute(f'create database "{name}"')
        yield postgres_server.rsplit("/", 1)[0] + "/" + name
        await admin.execute(f'drop database "{name}" with (force)')
    finally:
        await admin.close()


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Bootstrap address of a broker that only this test session uses."""
    with embedded_broker() as (bootstrap, _):
        yield bootstrap


@pytest.fixture
def unique() -> str:
    """Return a name no other test uses: for tenants, topic prefixes, consumer groups."""
    return f"t{os.getpid()}x{next(_NUMBERS)}"
