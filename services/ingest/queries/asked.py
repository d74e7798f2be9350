"""What other services ask for: statistics, interventions, costs. One snapshot a request."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date

from asyncpg import Connection, Pool

COLUMNS = (
    "unit", "segment", "arm", "day", "n", "sum", "sum_squares", "minimum", "maximum", "numerator",
    "denominator", "numerator_squares", "denominator_squares", "cross_product",
)  # fmt: skip


@asynccontextmanager
async def snapshot_of(pool: Pool) -> AsyncIterator[Connection]:
    """Read everything of a request as of one instant."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def series_columns(
    connection: Connection,
    tenant: str,
    kpi: str,
    *,
    units: Sequence[str] | None,
    start: date | None,
    end: date | None,
) -> dict[str, list[object]]:
    """Return the daily statistics of a KPI, column by column, sorted by the series' key and day."""
    rows = await connection.fetch(
        "select s.unit, s.segment, s.arm, d.business_date::text as day, d.n, "
        "trim_scale(d.sum)::text as sum, trim_scale(d.sum_squares)::text as sum_squares, "
        "trim_scale(d.minimum)::text as minimum, trim_scale(d.maximum)::text as maximum, "
        "trim_scale(d.numerator)::text as numerator, "
        "trim_scale(d.denominator)::text as denominator, "
        "trim_scale(d.numerator_squares)::text as numerator_squares, "
        "trim_scale(d.denominator_squares)::text as denominator_squares, "
        "trim_scale(d.cross_product)::text as cross_product "
        "from ingest.series s join ingest.daily_statistics d using (tenant_id, series_id) "
        "where s.tenant_id = $1 and s.kpi = $2 and d.n > 0 "
        "and ($3::text[] is null or s.unit = any($3)) "
        "and ($4::date is null or d.business_date >= $4) "
        "and ($5::date is null or d.business_date < $5) "
        "order by s.unit, s.segment, s.arm, d.business_date",
        tenant, kpi, units, start, end,
    )  # fmt: skip
    return {name: [row[name] for row in rows] for name in COLUMNS}


async def interventions(
    connection: Connection, tenant: str, initiatives: list[str] | None
) -> list[dict[str, object]]:
    """Return the interventions that hold, of these initiatives or of all."""
    rows = await connection.fetch(
        'select initiative, unit, arm, start, "end", assignment, randomized_by '
        "from ingest.interventions where tenant_id = $1 and active "
        "and ($2::text[] is null or initiative = any($2)) "
        "order by initiative, unit, start, source_id, event_id",
        tenant,
        initiatives,
    )
    return [dict(row) for row in rows]


async def costs(
    connection: Connection,
    tenant: str,
    initiative: str | None,
    *,
    start: date | None,
    end: date | None,
) -> list[dict[str, object]]:
    """Return the cost lines whose charge period starts in the window."""
    rows = await connection.fetch(
        "select c.initiative, trim_scale(c.billed_cost)::text as billed_cost, "
        "c.billing_currency, c.charge_period_start, c.charge_period_end, c.charge_category, "
        "c.service_category, c.treatment, c.status, c.category, "
        "trim_scale(c.effective_cost)::text as effective_cost, c.description, c.invoice_id, "
        "c.tags, s.source, c.event_id as id "
        "from ingest.costs c join ingest.sources s using (tenant_id, source_id) "
        "where c.tenant_id = $1 and c.active and ($2::text is null or c.initiative = $2) "
        "and ($3::date is null or c.charge_period_start >= $3::timestamp at time zone 'UTC') "
        "and ($4::date is null or c.charge_period_start < $4::timestamp at time zone 'UTC') "
        "order by c.initiative, c.charge_period_start, s.source, c.event_id",
        tenant, initiative, start, end,
    )  # fmt: skip
    return [dict(row) for row in rows]
