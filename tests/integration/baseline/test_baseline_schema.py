"""The migrated schema is the one the service's tables declare, and every append-only table is."""

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from aivalue.runtime.postgres import create_engine
from services.baseline.tables import APPEND_ONLY, metadata
from tests.integration.baseline.harness import Service


def _differences(connection: Connection) -> list[object]:
    options = {
        "include_schemas": True,
        "include_name": lambda name, kind, _: kind != "schema" or name == metadata.schema,
        "version_table_schema": metadata.schema,
        "compare_type": True,
    }
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


async def test_migrations_build_what_the_tables_declare(service: Service) -> None:
    engine = create_engine(service.settings.database, application_name="test")
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()

    assert differences == []


async def test_append_only_triggers_fire_always(service: Service) -> None:
    connection = await asyncpg.connect(service.database)
    rows = await connection.fetch(
        "select tgrelid::regclass::text as name, count(*) filter (where tgenabled = 'A') as n "
        "from pg_trigger where tgname like 'refuse_%' group by 1"
    )
    await connection.close()

    assert {row["name"]: row["n"] for row in rows} == {str(table): 2 for table in APPEND_ONLY}


async def test_every_key_starts_with_the_tenant(service: Service) -> None:
    for table in metadata.tables.values():
        assert next(iter(table.primary_key.columns)).name == "tenant_id"
