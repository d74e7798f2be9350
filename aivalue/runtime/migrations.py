"""Alembic, one history per service, run from code so that no ini file is needed.

A service's `migrations/env.py` is one call of `run`; the history lives in the service's schema.
In an image, where the `aivalue` command is not installed: `python -m aivalue.runtime.migrations
SERVICE`.
"""

import asyncio
import sys
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateSchema

from aivalue.errors import AivalueError
from aivalue.runtime.postgres import database_address, require_reachable
from aivalue.runtime.settings import DatabaseSettings, RuntimeSettings, read_settings

_ROOT = Path(__file__).parents[2]
_CONNECTION = "connection"


def migrations_of(service: str) -> ScriptDirectory:
    """Return the service's history."""
    return ScriptDirectory.from_config(_config(service))


async def migrate(settings: DatabaseSettings, service: str, *, revision: str = "head") -> None:
    """Bring the service's schema to a revision; a no-op where it is there already.

    Two programs that start together wait for each other on an advisory lock.
    """
    engine = create_async_engine(database_address(settings).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.begin() as connection:
            await connection.execute(
                text("select pg_advisory_xact_lock(hashtext(:name))"),
                {"name": f"aivalue.{service}"},
            )
            # "create schema if not exists" asks for the right to create one even where it exists.
            known = await connection.scalar(
                text("select to_regnamespace(:name)"), {"name": service}
            )
            if known is None:
                await connection.execute(CreateSchema(service))
            await connection.run_sync(_upgrade, service, revision)
    finally:
        await engine.dispose()


async def require_newest(engine: AsyncEngine, service: str) -> None:
    """Check that the service's schema is at the revision this code was written for.

    Raises
    ------
    RuntimeError
        It is not; the message says how to bring it there. `/readyz` shows it.
    """
    needed = migrations_of(service).get_current_head()
    async with engine.connect() as connection:
        found = await connection.run_sync(_revision, service)
    if found != needed:
        raise RuntimeError(f"schema is at revision {found}, needs {needed}: run aivalue db migrate")


def _revision(connection: Connection, service: str) -> str | None:
    options = {"version_table_schema": service}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


async def _migrate_as_told(service: str) -> None:
    settings = read_settings(RuntimeSettings).database
    await require_reachable(settings)
    await migrate(settings, service)


def run(metadata: MetaData) -> None:
    """Run the migrations on the connection that `migrate` opened; the body of every env.py."""
    connection: Connection = context.config.attributes[_CONNECTION]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=metadata.schema,
        include_schemas=True,
        include_name=lambda name, kind, _: kind != "schema" or name == metadata.schema,
        compare_type=True,
    )
    context.run_migrations()


def _upgrade(connection: Connection, service: str, revision: str) -> None:
    config = _config(service)
    config.attributes[_CONNECTION] = connection
    command.upgrade(config, revision)


def _config(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "services" / service / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


if __name__ == "__main__":
    try:
        asyncio.run(_migrate_as_told(*sys.argv[1:]))
    except AivalueError as complaint:
        sys.exit(str(complaint))
