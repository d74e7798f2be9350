"""Decisions with what came of them, as a log that policies are valued from."""

from datetime import date

from asyncpg import Connection

COLUMNS = ("decision", "version", "unit", "arm", "action", "score", "propensity", "outcome")


async def decision_columns(
    connection: Connection,
    tenant: str,
    *,
    model: str,
    kpi: str,
    version: str | None,
    start: date | None,
    end: date | None,
    limit: int,
) -> dict[str, list[object]]:
    """Return a model's decisions whose outcome for a KPI is known, by decision, at most `limit`.

    Of several events that state the same half the one that counts is read, as for measurements.
    """
    rows = await connection.fetch(
        f"with made as ({_counting('decisions', 'decision', 'decision in (' + _NAMED + ')')}), "  # noqa: S608 - our own text
        "came as ("
        + _counting("outcomes", "decision", "kpi = $3 and decision in (select decision from made)")
        + ") select d.decision, d.version, d.unit, d.arm, d.action, "
        "trim_scale(d.score)::text as score, trim_scale(d.propensity)::text as propensity, "
        "trim_scale(coalesce(o.value, o.label::integer))::text as outcome "
        "from made d join came o using (decision) where d.counts and o.counts and d.model = $2 "
        "and ($4::text is null or d.version = $4) "
        "and ($5::date is null or d.business_date >= $5) "
        "and ($6::date is null or d.business_date < $6) order by d.decision limit $7",
        tenant,
        model,
        kpi,
        version,
        start,
        end,
        limit,
    )
    return {name: [row[name] for row in rows] for name in COLUMNS}


# A correction may name another model or day, so all events on a decision are looked at.
_NAMED = (
    "select decision from ingest.decisions where tenant_id = $1 and model = $2 "
    "and ($5::date is null or business_date >= $5) and ($6::date is null or business_date < $6)"
)


def _counting(table: str, told: str, wanted: str) -> str:
    return (
        f"select t.*, row_number() over (partition by {told} order by t.recorded_at desc, "  # noqa: S608 - names of ours
        "t.sequence desc, t.event_id desc, s.source desc) = 1 as counts "
        f"from ingest.{table} t join ingest.sources s using (tenant_id, source_id) "
        f"where t.tenant_id = $1 and t.active and {wanted}"
    )
