"""Decisions and their outcomes: whichever comes later completes the measurement.

Both halves lock the decision's row first, so of two workers that bring one half each, the second
sees the first's half; statements after the lock have a snapshot of their own and see it too.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from asyncpg import Connection

DECISION_COLUMNS = (
    "seq", "model", "version", "unit", "segment", "arm", "initiative", "score", "threshold",
    "action", "propensity", "decided_at", "supersedes",
)  # fmt: skip
OUTCOME_COLUMNS = ("seq", "kpi", "label", "value", "recorded_at", "supersedes")


async def prepare(connection: Connection) -> None:
    """Make a connection ready to store: once, when it is opened."""
    await connection.execute(
        "create temporary table if not exists staged_decisions (seq integer primary key, "
        "model text, version text, unit text, segment text, arm text, initiative text, score text, "
        "threshold text, action text, propensity text, decided_at timestamptz, supersedes text) "
        "on commit delete rows"
    )
    await connection.execute(
        "create temporary table if not exists staged_outcomes (seq integer primary key, "
        'kpi text collate "C", label boolean, value text, recorded_at timestamptz, '
        "supersedes text) on commit delete rows"
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


async def analyze(connection: Connection) -> None:
    """Tell the planner what is staged, before statements that join it."""
    await connection.execute("analyze staged, staged_decisions, staged_outcomes")


async def fill_decisions(connection: Connection, tenant: str, seqs: Sequence[int]) -> list[int]:
    """Complete the decisions; return the `seq` of those that were made already."""
    rows = await connection.fetch(
        "with first as (select distinct on (s.decision) s.seq, s.decision, s.source_id, "
        "s.event_id, s.business_date, d.model, d.version, d.unit, d.segment, d.arm, d.initiative, "
        "d.score, d.threshold, d.action, d.propensity, d.decided_at "
        "from staged_decisions d join staged s using (seq) where s.decision is not null "
        "and s.seq = any($2) order by s.decision, s.seq), "
        "filled as (update ingest.decisions d set model = f.model, version = f.version, "
        "unit = f.unit, segment = f.segment, arm = f.arm, initiative = f.initiative, "
        "score = f.score::numeric, threshold = f.threshold::numeric, action = f.action, "
        "propensity = f.propensity::numeric, decided_at = f.decided_at, "
        "business_date = f.business_date, source_id = f.source_id, event_id = f.event_id "
        "from first f where d.tenant_id = $1 and d.decision = f.decision and d.model is null "
        "returning f.seq) "
        "select s.seq from staged_decisions d join staged s using (seq) "
        "where s.decision is not null and s.seq = any($2) "
        "except all select seq from filled order by seq",
        tenant,
        seqs,
    )
    return [row["seq"] for row in rows]


async def insert_outcomes(connection: Connection, tenant: str, seqs: Sequence[int]) -> list[int]:
    """Keep the outcomes; return the `seq` of those whose decision has one for the KPI already."""
    rows = await connection.fetch(
        "with kept as (insert into ingest.outcomes (tenant_id, decision, kpi, label, value, "
        'recorded_at, source_id, event_id, log_id, "partition", "offset") '
        "select $1, s.decision, o.kpi, o.label, o.value::numeric, o.recorded_at, s.source_id, "
        's.event_id, s.log_id, s."partition", s."offset" '
        "from staged_outcomes o join staged s using (seq) where s.decision is not null "
        "and s.seq = any($2) order by s.decision, o.kpi, s.seq "
        "on conflict do nothing returning decision, kpi, source_id, event_id) "
        "select s.seq from staged_outcomes o join staged s using (seq) "
        "where s.decision is not null and s.seq = any($2) "
        "and (s.decision, o.kpi, s.source_id, s.event_id) not in "
        "(select decision, kpi, source_id, event_id from kept) order by s.seq",
        tenant,
        seqs,
    )
    return [row["seq"] for row in rows]


async def clear_superseded_decision(
    connection: Connection, tenant: str, seq: int
) -> list[tuple[int, date]]:
    """Empty the decision that a staged one replaces; return the days that lose measurements."""
    rows = await connection.fetch(
        "with gone as (select d.* from staged s join staged_decisions x using (seq) "
        "join ingest.decisions d on d.tenant_id = $1 and d.decision = s.decision "
        "and d.source_id = s.source_id and d.event_id = x.supersedes where s.seq = $2), "
        "cleared as (update ingest.decisions d set model = null, source_id = null, "
        "event_id = null, active = true from gone g where d.tenant_id = $1 "
        "and d.decision = g.decision) "
        "delete from ingest.measurements m using gone g, ingest.outcomes o, ingest.series s "
        "where o.tenant_id = $1 and o.decision = g.decision and s.tenant_id = $1 "
        "and s.kpi = o.kpi and s.unit = g.unit and s.segment = g.segment and s.arm = g.arm "
        "and m.tenant_id = $1 and m.series_id = s.series_id "
        "and m.business_date = g.business_date and m.log_id = o.log_id "
        'and m."partition" = o."partition" and m."offset" = o."offset" '
        "returning m.series_id, m.business_date",
        tenant,
        seq,
    )
    return [(row[0], row[1]) for row in rows]


async def clear_superseded_outcome(
    connection: Connection, tenant: str, seq: int
) -> list[tuple[int, date]]:
    """Remove the outcome that a staged one replaces; return the days that lose measurements."""
    rows = await connection.fetch(
        "with gone as (delete from ingest.outcomes o using staged s, staged_outcomes x "
        "where s.seq = $2 and x.seq = $2 and o.tenant_id = $1 and o.decision = s.decision "
        "and o.kpi = x.kpi and o.source_id = s.source_id and o.event_id = x.supersedes "
        "returning o.*) "
        "delete from ingest.measurements m using gone o, ingest.decisions d, ingest.series s "
        "where d.tenant_id = $1 and d.decision = o.decision and s.tenant_id = $1 "
        "and s.kpi = o.kpi and s.unit = d.unit and s.segment = d.segment and s.arm = d.arm "
        "and m.tenant_id = $1 and m.series_id = s.series_id "
        "and m.business_date = d.business_date and m.log_id = o.log_id "
        'and m."partition" = o."partition" and m."offset" = o."offset" '
        "returning m.series_id, m.business_date",
        tenant,
        seq,
    )
    return [(row[0], row[1]) for row in rows]


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
