"""Whether every key of ingest starts with the tenant, and which tables do without one, and why."""

import asyncpg

# Written at full speed and asked for by a day, never by row. Who counts once is said by event_keys,
# and what is stored together by the batch; an entry an event, or a run, of one more index is what
# ADR 0015 saved. Other columns find them: (tenant_id, series_id, day, place).
WITHOUT_KEY = {"measurements", "measurement_runs"}
_KEYS = (
    "select c.relname as name, (select a.attname from pg_attribute a where a.attrelid = c.oid "
    "and a.attnum = i.indkey[0]) as first, i.indisprimary as is_primary from pg_index i "
    "join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace "
    "where n.nspname = 'ingest' and (i.indisprimary or i.indisunique) "
    "and c.relname <> 'alembic_version'"
)
_TABLES = (
    "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
    "where n.nspname = 'ingest' and c.relkind in ('r', 'p') and not c.relispartition "
    "and c.relname <> 'alembic_version'"
)


async def test_every_key_starts_with_the_tenant(connection: asyncpg.Connection) -> None:
    keys = await connection.fetch(_KEYS)

    assert {each["first"] for each in keys} == {"tenant_id"}


async def test_tables_without_a_key_are_named(connection: asyncpg.Connection) -> None:
    tables = {row[0] for row in await connection.fetch(_TABLES)}
    with_key = {row["name"] for row in await connection.fetch(_KEYS) if row["is_primary"]}

    assert tables - with_key == WITHOUT_KEY
