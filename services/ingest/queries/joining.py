"""Decisions and their outcomes: whichever comes later completes the measurement.

Every event that states a half is kept. Of those that hold, the one that was recorded last counts;
which those are depends on nothing but what is stored. Whoever works on a decision locks its row in
`decision_locks` first, so of two workers that bring one half each, the second sees the first's
half; statements after the lock have a snapshot of their own and see it too.

What is stored is looked up one by one: `offset 0` keeps a look-up one. Nothing is known of how much
a transaction has staged, and of young tables little, so that joined all of a tenant would be read.
"""

from collections.abc import Collection, Iterable, Sequence

from asyncpg import Connection

from services.ingest.queries.recounting import Move

_RANK = ("recorded_at", "sequence", "corrects")
DECISION_COLUMNS = (
    "seq", "model", "version", "unit", "segment", "arm", "initiative", "score", "threshold",
    "action", "propensity", "decided_at", *_RANK,
)  # fmt: skip
OUTCOME_COLUMNS = ("seq", "kpi", "label", "value", "came_at", *_RANK)
# The measurement `m` of a pair `p`.
_AT_PLACE = (
    "m.tenant_id = $1 and m.series_id = p.series_id and m.business_date = p.business_date "
    'and m.log_id = p.log_id and m."partition" = p."partition" and m."offset" = p."offset"'
)
_STAGED_RANK = "recorded_at timestamptz, sequence text, corrects boolean) on commit delete rows"


async def prepare(connection: Connection) -> None:
    """Make a connection ready to store: once, when it is opened."""
    await connection.execute(
        "create temporary table if not exists staged_decisions (seq integer primary key, "
        "model text, version text, unit text, segment text, arm text, initiative text, score text, "
        f"threshold text, action text, propensity text, decided_at timestamptz, {_STAGED_RANK}"
    )
    await connection.execute(
        "create temporary table if not exists staged_outcomes (seq integer primary key, "
        f'kpi text collate "C", label boolean, value text, came_at timestamptz, {_STAGED_RANK}'
    )


async def stage_decisions(connection: Connection, rows: Iterable[tuple[object, ...]]) -> None:
    """Copy the decisions' half of staged events."""
    await connection.copy_records_to_table(
        "staged_decisions", records=rows, columns=DECISION_COLUMNS
    )


async def stage_outcomes(connection: Connection, rows: Iterable[tuple[object, ...]]) -> None:
    """Copy the outcomes' half of staged events."""
    await connection.copy_records_to_table("staged_outcomes", records=rows, columns=OUTCOME_COLUMNS)


async def lock_staged(connection: Connection, tenant: str) -> None:
    """Become the only one to work on the decisions that are staged."""
    await connection.execute(
        "insert into ingest.decision_locks (tenant_id, decision) "
        "select distinct $1, decision from staged where decision is not null order by decision "
        "on conflict do nothing",
        tenant,
    )
    await connection.execute(
        "select from (select distinct decision from staged where decision is not null "
        "order by decision) s cross join lateral (select from ingest.decision_locks "
        "where tenant_id = $1 and decision = s.decision for update) l",
        tenant,
    )


async def lock(connection: Connection, tenant: str, decisions: Collection[str]) -> None:
    """Become the only one to work on decisions of which some half is stored."""
    await connection.execute(
        "select from ingest.decision_locks where tenant_id = $1 and decision = any($2) "
        "order by decision for update",
        tenant,
        sorted(decisions),
    )


async def insert_decisions(connection: Connection, tenant: str) -> list[int]:
    """Keep the decisions; return the `seq` of those that were made already.

    A correction is always kept. What corrects nothing is refused while another such event holds.
    """
    rows = await connection.fetch(
        # What is not staged any more (a duplicate, say) is left out by the join.
        "with told as (select s.decision, s.source_id, s.event_id, s.business_date, d.*, "
        "row_number() over (partition by s.decision, d.corrects order by s.seq) as place "
        "from staged s join staged_decisions d on d.seq = s.seq where s.decision is not null), "
        "lost as (select seq from told t where not corrects and (place > 1 or exists ("
        "select from ingest.decisions d where d.tenant_id = $1 and d.decision = t.decision "
        "and d.active and not d.corrects offset 0))), "
        "kept as (insert into ingest.decisions (tenant_id, decision, source_id, event_id, model, "
        "version, unit, segment, arm, initiative, score, threshold, action, propensity, "
        "decided_at, business_date, recorded_at, sequence, corrects) "
        "select $1, decision, source_id, event_id, model, version, unit, segment, arm, initiative, "
        "score::numeric, threshold::numeric, action, propensity::numeric, decided_at, "
        "business_date, recorded_at, sequence, corrects from told "
        "where seq not in (select * from lost) order by decision, seq) "
        "select * from lost order by 1",
        tenant,
    )
    return [row[0] for row in rows]


async def insert_outcomes(connection: Connection, tenant: str) -> list[int]:
    """Keep the outcomes; return the `seq` of those whose decision has one for the KPI already.

    As with decisions, only an event that corrects nothing can be refused.
    """
    rows = await connection.fetch(
        "with told as (select s.decision, s.source_id, s.event_id, s.log_id, "
        's."partition", s."offset", o.*, '
        "row_number() over (partition by s.decision, o.kpi, o.corrects order by s.seq) as place "
        "from staged s join staged_outcomes o on o.seq = s.seq where s.decision is not null), "
        "lost as (select seq from told t where not corrects and (place > 1 or exists ("
        "select from ingest.outcomes o where o.tenant_id = $1 and o.decision = t.decision "
        "and o.kpi = t.kpi and o.active and not o.corrects offset 0))), "
        "kept as (insert into ingest.outcomes (tenant_id, decision, source_id, event_id, kpi, "
        'label, value, came_at, log_id, "partition", "offset", recorded_at, sequence, corrects) '
        "select $1, decision, source_id, event_id, kpi, label, value::numeric, came_at, log_id, "
        '"partition", "offset", recorded_at, sequence, corrects from told '
        "where seq not in (select * from lost) order by decision, kpi, seq) "
        "select * from lost order by 1",
        tenant,
    )
    return [row[0] for row in rows]


async def entangled(connection: Connection, tenant: str) -> list[str]:
    """Return staged decisions with several events that state the same half."""
    rows = await connection.fetch(
        "select t.decision from (select distinct decision from staged "
        "where decision is not null) t where (select count(*) from ingest.decisions d "
        "where d.tenant_id = $1 and d.decision = t.decision) > 1 "
        "or exists (select from ingest.outcomes o where o.tenant_id = $1 "
        "and o.decision = t.decision group by o.kpi having count(*) > 1) order by 1",
        tenant,
    )
    return [row[0] for row in rows]


async def stage_joined(connection: Connection, tenant: str, *, but: Sequence[str]) -> None:
    """Stage the measurement of every pair that this transaction completed, `but` of these.

    Pairs were incomplete before it, so none is staged a second time. The measurement has the
    decision's unit, segment, arm and day, and the outcome's place in the log.
    """
    await connection.execute(
        "with halves as materialized (select decision, source_id, event_id from staged "  # noqa: S608 - our own text
        "where decision is not null and decision <> all($2)), "
        'paired as (select o.log_id, o."partition", o."offset", o.kpi, d.unit, d.segment, '
        "d.arm, d.business_date, coalesce(o.value, o.label::integer) as value "
        "from (select distinct decision from halves) s "
        "cross join lateral (select * from ingest.outcomes where tenant_id = $1 "
        "and decision = s.decision and active offset 0) o "
        "cross join lateral (select * from ingest.decisions where tenant_id = $1 "
        "and decision = s.decision and active offset 0) d "
        "where (o.source_id, o.event_id) in (select source_id, event_id from halves) "
        "or (d.source_id, d.event_id) in (select source_id, event_id from halves)), "
        + _series_of("paired")
        + 'insert into staged (log_id, "partition", "offset", series_id, business_date, value) '
        'select p.log_id, p."partition", p."offset", k.series_id, p.business_date, p.value::text '
        "from paired p join known k using (kpi, unit, segment, arm)",
        tenant,
        but,
    )


async def settle(connection: Connection, tenant: str, decisions: Collection[str]) -> list[Move]:
    """Let each measurement of these decisions count, or not; return those of which that changed.

    At most one a KPI counts: that of the decision and the outcome that count themselves. The
    decisions must be locked.
    """
    rows = await connection.fetch(
        f"with made as ({_counting('decisions', 'decision')}), "  # noqa: S608 - our own text
        f"came as ({_counting('outcomes', 'decision, kpi')}), "
        "pairs as (select o.kpi, d.unit, d.segment, d.arm, d.business_date, o.log_id, "
        'o."partition", o."offset", coalesce(o.value, o.label::integer) as value, '
        "bool_or(d.counts and o.counts) as holds from made d join came o using (decision) "
        "group by 1, 2, 3, 4, 5, 6, 7, 8, 9), "
        + _series_of("pairs")
        + ", placed as (select k.series_id, p.* from pairs p join known k "  # noqa: S608 - our own text
        "using (kpi, unit, segment, arm)), "
        "changed as (update ingest.measurements m set active = p.holds from placed p "
        f"where {_AT_PLACE} and m.active <> p.holds "
        "returning m.series_id, m.business_date, m.active as counts, m.value), "
        "new as (insert into ingest.measurements (tenant_id, series_id, business_date, log_id, "
        '"partition", "offset", active, value) select $1, series_id, business_date, log_id, '
        '"partition", "offset", true, value from placed p where holds '
        f"and not exists (select from ingest.measurements m where {_AT_PLACE}) "
        "returning series_id, business_date, true, value) "
        "select * from changed union all select * from new",
        tenant,
        sorted(decisions),
    )
    return [Move(**row, numerator=None, denominator=None) for row in rows]


def _counting(table: str, told: str) -> str:
    """Write which of the events that state the same half counts: of those that hold, the last."""
    return (
        f"select t.*, t.active and row_number() over (partition by {told} order by t.active desc, "  # noqa: S608 - names of ours
        "t.recorded_at desc, t.sequence desc, t.event_id desc, s.source desc) = 1 as counts "
        f"from ingest.{table} t join ingest.sources s using (tenant_id, source_id) "
        "where t.tenant_id = $1 and t.decision = any($2)"
    )


def _series_of(pairs: str) -> str:
    """Write `known`: the ids of the pairs' series, created where they are new."""
    return (
        "named as (select p.*, s.series_id from (select distinct kpi, unit, segment, arm "  # noqa: S608 - names of ours
        f"from {pairs}) p left join lateral (select series_id from ingest.series "
        "where tenant_id = $1 and kpi = p.kpi and unit = p.unit and segment = p.segment "
        "and arm = p.arm offset 0) s on true), "
        "created as (insert into ingest.series (tenant_id, kpi, unit, segment, arm) "
        "select $1, kpi, unit, segment, arm from named where series_id is null "
        "order by kpi, unit, segment, arm "
        "on conflict (tenant_id, kpi, unit, segment, arm) do update set kpi = excluded.kpi "
        "returning kpi, unit, segment, arm, series_id), "
        "known as (select * from named where series_id is not null "
        "union all select * from created) "
    )
