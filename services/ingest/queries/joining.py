"""Decisions and their outcomes: whichever comes later completes the measurement.

Both halves lock the decision's row first, so of two workers that bring one half each, the second
sees the first's half; statements after the lock have a snapshot of their own and see it too.
"""

from collections.abc import Iterable

from asyncpg import Connection

DECISION_COLUMNS = (
    "seq", "model", "version", "unit", "segment", "arm", "initiative", "score", "threshold",
    "action", "propensity", "decided_at",
)  # fmt: skip
OUTCOME_COLUMNS = ("seq", "kpi", "label", "value", "recorded_at")


async def prepare(connection: Connection) -> None:
    """Make a connection ready to store: once, when it is opened."""
    await connection.execute(
        "create temporary table if not exists staged_decisions (seq integer primary key, "
        "model text, version text, unit text, segment text, arm text, initiative text, score text, "
        "threshold text, action text, propensity text, decided_at timestamptz) "
        "on commit delete rows"
    )
    await connection.execute(
        "create temporary table if not exists staged_outcomes (seq integer primary key, "
        'kpi text collate "C", label boolean, value text, recorded_at timestamptz) '
        "on commit delete rows"
    )


async def stage_decisions(connection: Connection, rows: Iterable[tuple[object, ...]]) -> None:
    """Copy the decisions' half of staged events."""
    await connection.copy_records_to_table(
        "staged_decisions", records=rows, columns=DECISION_COLUMNS
    )


async def stage_outcomes(connection: Connection, rows: Iterable[tuple[object, ...]]) -> None:
    """Copy the outcomes' half of staged events."""
    await connection.copy_records_to_table("staged_outcomes", records=rows, columns=OUTCOME_COLUMNS)


async def lock_decisions(connection: Connection, tenant: str) -> None:
    """Become the only one to work on the decisions that are staged."""
    await connection.execute(
        "insert into ingest.decisions (tenant_id, decision) "
        "select distinct $1, decision from staged where decision is not null order by decision "
        "on conflict do nothing",
        tenant,
    )
    await connection.execute(
        "select from ingest.decisions where tenant_id = $1 "
        "and decision in (select decision from staged) order by decision for update",
        tenant,
    )


async def fill_decisions(connection: Connection, tenant: str) -> list[int]:
    """Complete the decisions; return the `seq` of those that were made already."""
    rows = await connection.fetch(
        "with first as (select distinct on (s.decision) s.seq, s.decision, s.source_id, "
        "s.event_id, s.business_date, d.model, d.version, d.unit, d.segment, d.arm, d.initiative, "
        "d.score, d.threshold, d.action, d.propensity, d.decided_at "
        "from staged_decisions d join staged s using (seq) order by s.decision, s.seq), "
        "filled as (update ingest.decisions d set model = f.model, version = f.version, "
        "unit = f.unit, segment = f.segment, arm = f.arm, initiative = f.initiative, "
        "score = f.score::numeric, threshold = f.threshold::numeric, action = f.action, "
        "propensity = f.propensity::numeric, decided_at = f.decided_at, "
        "business_date = f.business_date, source_id = f.source_id, event_id = f.event_id "
        "from first f where d.tenant_id = $1 and d.decision = f.decision and d.model is null "
        "returning f.seq) "
        "select d.seq from staged_decisions d join staged s using (seq) "
        "left join filled f using (seq) where f.seq is null order by d.seq",
        tenant,
    )
    return [row["seq"] for row in rows]


async def insert_outcomes(connection: Connection, tenant: str) -> list[int]:
    """Keep the outcomes; return the `seq` of those whose decision has one for the KPI already."""
    rows = await connection.fetch(
        "with kept as (insert into ingest.outcomes (tenant_id, decision, kpi, label, value, "
        'recorded_at, source_id, event_id, log_id, "partition", "offset") '
        "select $1, s.decision, o.kpi, o.label, o.value::numeric, o.recorded_at, s.source_id, "
        's.event_id, s.log_id, s."partition", s."offset" '
        "from staged_outcomes o join staged s using (seq) order by s.decision, o.kpi, s.seq "
        'on conflict do nothing returning log_id, "partition", "offset") '
        "select o.seq from staged_outcomes o join staged s using (seq) "
        'left join kept k using (log_id, "partition", "offset") '
        "where k.log_id is null order by o.seq",
        tenant,
    )
    return [row["seq"] for row in rows]


async def stage_joined(connection: Connection, tenant: str) -> None:
    """Stage the measurement of every pair that this transaction completed.

    Pairs were incomplete before it, so none is staged a second time. The measurement has the
    decision's unit, segment, arm and day, and the outcome's place in the log.
    """
    await connection.execute(
        'with paired as (select o.log_id, o."partition", o."offset", o.kpi, d.unit, d.segment, '
        "d.arm, d.business_date, coalesce(o.value, o.label::integer) as value "
        "from (select distinct decision from staged where decision is not null) s "
        "join ingest.decisions d on d.tenant_id = $1 and d.decision = s.decision "
        "join ingest.outcomes o on o.tenant_id = $1 and o.decision = s.decision "
        "left join staged so on so.source_id = o.source_id and so.event_id = o.event_id "
        "left join staged sd on sd.source_id = d.source_id and sd.event_id = d.event_id "
        "where d.model is not null and d.active and o.active "
        "and (so.seq is not null or sd.seq is not null)), "
        "created as (insert into ingest.series (tenant_id, kpi, unit, segment, arm) "
        "select distinct $1, kpi, unit, segment, arm from paired p where not exists ("
        "select from ingest.series s where s.tenant_id = $1 and s.kpi = p.kpi and s.unit = p.unit "
        "and s.segment = p.segment and s.arm = p.arm) order by kpi, unit, segment, arm "
        "on conflict (tenant_id, kpi, unit, segment, arm) do update set kpi = excluded.kpi "
        "returning series_id, kpi, unit, segment, arm), "
        "known as (select series_id, kpi, unit, segment, arm from ingest.series "
        "where tenant_id = $1 and kpi in (select kpi from paired) "
        "union select series_id, kpi, unit, segment, arm from created) "
        'insert into staged (log_id, "partition", "offset", series_id, business_date, value) '
        'select p.log_id, p."partition", p."offset", k.series_id, p.business_date, p.value::text '
        "from paired p join known k using (kpi, unit, segment, arm)",
        tenant,
    )
