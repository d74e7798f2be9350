"""Servers for tests: one PostgreSQL and one broker a session, a database of its own a test.

A server that does not start fails the tests that need it; nothing is skipped. With
`--broker kafka` the broker is Apache Kafka in place of the embedded one (make test-kafka).
"""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings
from pydantic import SecretStr

from aivalue.runtime.embedded.broker import embedded_broker
from aivalue.runtime.embedded.postgres import embedded_postgres_server
from aivalue.runtime.migrations import migrate
from aivalue.runtime.settings import DatabaseSettings
from tests.kafka.cluster import kafka_cluster

# How long an example takes says more of the machine than of the code.
settings.register_profile("without-a-clock", deadline=None)
settings.load_profile("without-a-clock")
_NUMBERS = itertools.count(1)
_KAFKA_JARS = Path(__file__).parents[1] / "build" / "kafka-jars"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--broker", choices=("embedded", "kafka"), default="embedded")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what talks to a broker, so that it can be run against another one."""
    for item in items:
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker("broker")


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    """Directory of Apache Kafka's jars."""
    if not list(_KAFKA_JARS.glob("kafka_2.13-*.jar")):
        pytest.fail(f"no Kafka jars in {_KAFKA_JARS}: run make test-kafka, which fetches them")
    return _KAFKA_JARS


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a PostgreSQL server that only this test session uses."""
    with embedded_postgres_server() as (address, _):
        yield address


@pytest.fixture(scope="session")
def schemas() -> tuple[str, ...]:
    """Services whose schemas a test's database begins with; folders and tests override it."""
    return ()


@pytest.fixture
async def database_url(postgres_server: str, schemas: tuple[str, ...]) -> AsyncIterator[str]:
    """Address of a database with those schemas, dropped after the test."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    server = postgres_server.rsplit("/", 1)[0]
    admin = await asyncpg.connect(postgres_server)
    try:
        template = await _migrated(admin, server, schemas) if schemas else "template1"
        await admin.execute(f'create database "{name}" template "{template}"')
        yield f"{server}/{name}"
        await admin.execute(f'drop database "{name}" with (force)')
    finally:
        await admin.close()


async def _migrated(admin: asyncpg.Connection, server: str, services: tuple[str, ...]) -> str:
    """Return the database that is copied: migrating one takes seven times as long."""
    name = "_".join(("migrated", *services))
    known = await admin.fetchval("select true from pg_database where datname = $1", name)
    if not known:
        await admin.execute(f'create database "{name}"')
        for service in services:
            await migrate(DatabaseSettings(url=SecretStr(f"{server}/{name}")), service)
    return name


@pytest.fixture(scope="session")
def some_broker() -> Iterator[str]:
    """Bootstrap address of an embedded broker, for what only has to find one.

    Tests that say nothing about Kafka are not run again against Apache Kafka.
    """
    with embedded_broker() as (bootstrap, _):
        yield bootstrap


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap address of a broker that only this test session uses."""
    if request.config.getoption("--broker") == "kafka":
        jars = request.getfixturevalue("kafka_jars")
        with kafka_cluster(jars) as (bootstrap, _):
            yield bootstrap
    else:
        yield request.getfixturevalue("some_broker")


@pytest.fixture
def unique() -> str:
    """Return a name no other test uses: for tenants, topic prefixes, consumer groups."""
    return f"t{os.getpid()}x{next(_NUMBERS)}"
