"""Surrogate ids of sources and series. Each is committed before any row uses it."""

from collections.abc import Collection, Mapping

from asyncpg import Connection

from aivalue.events.business import SeriesKey


async def source_ids(
    connection: Connection, tenant: str, sources: Collection[str]
) -> Mapping[str, int]:
    """Return the ids of the sources, creating those that are new."""
    names = sorted(sources)
    await connection.execute(
        "insert into ingest.sources (tenant_id, source) select $1, unnest($2::text[]) "
        "on conflict do nothing",
        tenant,
        names,
    )
    rows = await connection.fetch(
        "select source, source_id from ingest.sources where tenant_id = $1 and source = any($2)",
        tenant,
        names,
    )
    return {row["source"]: row["source_id"] for row in rows}


async def series_ids(
    connection: Connection, tenant: str, series: Collection[SeriesKey]
) -> Mapping[SeriesKey, int]:
    """Return the ids of the series, creating those that are new."""
    columns = [list(column) for column in zip(*sorted(series), strict=True)]
    await connection.execute(
        "insert into ingest.series (tenant_id, kpi, unit, segment, arm) "
        "select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[]) "
        "on conflict do nothing",
        tenant,
        *columns,
    )
    rows = await connection.fetch(
        "select s.kpi, s.unit, s.segment, s.arm, s.series_id from ingest.series s "
        "join unnest($2::text[], $3::text[], $4::text[], $5::text[]) as w (kpi, unit, segment, arm)"
        " on s.kpi = w.kpi and s.unit = w.unit and s.segment = w.segment and s.arm = w.arm "
        "where s.tenant_id = $1",
        tenant,
        *columns,
    )
    return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}
