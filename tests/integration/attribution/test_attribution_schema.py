"""The migrated schema is the one the code is written against, and can be taken back."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from aivalue.runtime.postgres import create_engine
from services.attribution.settings import AttributionSettings
from services.attribution.tables import EVIDENCE, metadata


def _differences(connection: Connection) -> list[object]:
    options = {
        "include_schemas": True,
        "version_table_schema": metadata.schema,
        "include_name": lambda name, kind, _: kind != "schema" or name == metadata.schema,
        "compare_type": True,
    }
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


async def test_migrations_make_the_declared_tables(settings: AttributionSettings) -> None:
    engine = create_engine(settings.database, application_name="test")
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()

    assert differences == []


async def test_every_table_of_evidence_refuses_changes_always(
    settings: AttributionSettings,
) -> None:
    engine = create_engine(settings.database, application_name="test")
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "select tgrelid::regclass::text as name, count(*) as n from pg_trigger "
                "where tgenabled = 'A' and not tgisinternal group by 1"
            )
        )
        guarded = {row.name: row.n for row in found}
    await engine.dispose()

    # One trigger for rows, one for truncate.
    assert guarded == {f"attribution.{table.name}": 2 for table in EVIDENCE}
