"""Retractions and corrections: which events hold, and the statistics of the days they touch.

An event holds unless it was retracted, its backfill was reverted, or a later event supersedes it.
Of several that supersede the same one, the latest by (recordedtime, sequence, id) holds. The rule
looks at what is stored, never at what came first, so every order of arrival ends in the same state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from asyncpg import Connection

from services.ingest.queries.backfills import REACHES, STANDING_REVERTS, Key
from services.ingest.queries.facts import TABLES
from services.ingest.queries.storing import Change

# Of tenant $1 and of series and day `t`.
_STANDING_MEASUREMENTS = (
    "select value as v, numerator as a, denominator as b from ingest.measurements "
    "where tenant_id = $1 and series_id = t.series_id and business_date = t.business_date "
    "and active union all select u.v, u.a, u.b from ingest.measurement_runs r cross join lateral "
    'unnest(r.offsets, r.numbers, r.numerators, r.denominators) as u ("offset", v, a, b) '
    "where r.tenant_id = $1 and r.series_id = t.series_id and r.business_date = t.business_date "
    "and not exists (select from ingest.measurements_withdrawn w where w.tenant_id = $1 "
    "and w.series_id = t.series_id and w.business_date = t.business_date "
    'and w.log_id = r.log_id and w."partition" = r."partition" and w."offset" = u."offset")'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One event that withdraws or replaces another; `seq` is the staged event that says so."""

    seq: int
    target: Key
    by: Key
    kind: Literal["retraction", "correction"]
    recorded_at: datetime
    sequence: str
    reason: str


async def register(
    connection: Connection, tenant: str, corrections: Sequence[Correction]
) -> list[int]:
    """Keep corrections, announcing targets yet to come; return the `seq` of needless retractions.

    The target's key row is what a correction and its target meet on: whichever comes second finds
    it and waits for the first. Locked in order, so that two workers cannot deadlock.
    """
    targets = sorted({each.target for each in corrections})
    first = corrections[0]
    await connection.execute(
        'insert into ingest.event_keys (tenant_id, source_id, event_id, log_id, "partition", '
        '"offset") select $1, t.source_id, t.event_id, s.log_id, s."partition", s."offset" '
        "from unnest($2::bigint[], $3::text[]) as t (source_id, event_id), "
        "(select * from staged where seq = $4) s order by 2, 3 on conflict do nothing",
        tenant, *_columns(targets), first.seq,
    )  # fmt: skip
    await connection.execute(
        "select from ingest.event_keys where tenant_id = $1 and (source_id, event_id) in "
        "(select * from unnest($2::bigint[], $3::text[])) order by source_id, event_id for update",
        tenant, *_columns(targets),
    )  # fmt: skip
    rows = await connection.fetch(
        "with told as (select * from unnest($2::integer[], $3::bigint[], $4::text[], "
        "$5::bigint[], $6::text[], $7::text[], $8::timestamptz[], $9::text[], $10::text[]) as t "
        "(seq, source_id, event_id, by_source_id, by_event_id, kind, recorded_at, sequence, "
        "reason)), kept as (insert into ingest.corrections (tenant_id, source_id, event_id, "
        "by_source_id, by_event_id, kind, recorded_at, sequence, reason) "
        "select $1, source_id, event_id, by_source_id, by_event_id, kind, recorded_at, sequence, "
        "reason from told order by seq on conflict do nothing "
        "returning by_source_id, by_event_id) select seq from told "
        "where (by_source_id, by_event_id) not in (select * from kept) order by seq",
        tenant,
        [each.seq for each in corrections],
        *_columns([each.target for each in corrections]),
        *_columns([each.by for each in corrections]),
        [each.kind for each in corrections],
        [each.recorded_at for each in corrections],
        [each.sequence for each in corrections],
        [each.reason for each in corrections],
    )
    return [row[0] for row in rows]


async def affected(connection: Connection, tenant: str, keys: Sequence[Key]) -> list[Key]:
    """Return the keys and every event whose standing depends on theirs."""
    rows = await connection.fetch(
        'with recursive reached as (select source_id, event_id collate "C" as event_id '
        "from unnest($2::bigint[], $3::text[]) as k (source_id, event_id) union "
        "select e.source_id, e.event_id from reached r cross join lateral ("
        "select c.source_id, c.event_id from ingest.corrections c where c.tenant_id = $1 "
        "and c.by_source_id = r.source_id and c.by_event_id = r.event_id and c.kind = 'correction' "
        "union all select c.by_source_id, c.by_event_id from ingest.corrections c "
        "where c.tenant_id = $1 and c.source_id = r.source_id and c.event_id = r.event_id "
        "and c.kind = 'correction') e) select source_id, event_id from reached order by 1, 2",
        tenant,
        *_columns(keys),
    )
    return [(row[0], row[1]) for row in rows]


async def standing(connection: Connection, tenant: str, keys: Sequence[Key]) -> list[bool]:
    """Say of each key whether its event holds."""
    rows = await connection.fetch(
        # Looked up where it is asked for; by itself it would be all corrections there ever were.
        "with live as not materialized (select c.* from ingest.corrections c "  # noqa: S608 - our own text
        "where c.tenant_id = $1 "
        f"and c.kind = 'correction' and not {_gone('c.by_source_id', 'c.by_event_id')}) "
        f"select not {_gone('k.source_id', 'k.event_id')} "
        "and not exists (select from live c where c.source_id = k.source_id "
        "and c.event_id = k.event_id) "
        "and not exists (select from live c join live o on o.source_id = c.source_id "
        "and o.event_id = c.event_id and (o.recorded_at, o.sequence, o.by_event_id) > "
        "(c.recorded_at, c.sequence, c.by_event_id) "
        "where c.by_source_id = k.source_id and c.by_event_id = k.event_id) as holds "
        "from unnest($2::bigint[], $3::text[]) with ordinality as k (source_id, event_id, place) "
        "order by k.place",
        tenant,
        *_columns(keys),
    )
    return [row["holds"] for row in rows]


def _gone(source_id: str, event_id: str) -> str:
    """Write that an event was taken back: itself, or with every backfill that brought it."""
    return (
        "(exists (select from ingest.corrections r where r.tenant_id = $1 "  # noqa: S608 - our own text
        f"and r.kind = 'retraction' and r.source_id = {source_id} and r.event_id = {event_id}) "
        "or (exists (select from ingest.backfill_events e where e.tenant_id = $1 "
        f"and e.source_id = {source_id} and e.event_id = {event_id}) "
        "and not exists (select from ingest.backfill_events e where e.tenant_id = $1 "
        f"and e.source_id = {source_id} and e.event_id = {event_id} "
        f"and not exists (select from {STANDING_REVERTS} v where v.backfill = e.backfill "
        f"and {REACHES}))))"
    )


async def apply_to_measurements(
    connection: Connection, tenant: str, keys: Sequence[Key], holds: Sequence[bool]
) -> list[tuple[int, date]]:
    """Count measurements or stop counting them; return the series and days that changed."""
    rows = await connection.fetch(
        'with wanted as (select k.series_id, k.business_date, k.log_id, k."partition", '
        'k."offset", w.holds from unnest($2::bigint[], $3::text[], $4::boolean[]) '
        "as w (source_id, event_id, holds) join ingest.event_keys k on k.tenant_id = $1 "
        "and k.source_id = w.source_id and k.event_id = w.event_id where k.series_id is not null), "
        # Stored before there were runs.
        "single as (update ingest.measurements m set active = w.holds from wanted w "
        "where m.tenant_id = $1 and m.series_id = w.series_id "
        "and m.business_date = w.business_date and m.log_id = w.log_id "
        'and m."partition" = w."partition" and m."offset" = w."offset" '
        "and m.active is distinct from w.holds returning m.series_id, m.business_date), "
        "withdrawn as (insert into ingest.measurements_withdrawn (tenant_id, series_id, "
        'business_date, log_id, "partition", "offset") select $1, series_id, business_date, '
        'log_id, "partition", "offset" from wanted where not holds '
        'order by series_id, business_date, log_id, "partition", "offset" '
        "on conflict do nothing returning series_id, business_date), "
        "restored as (delete from ingest.measurements_withdrawn m using wanted w "
        "where w.holds and m.tenant_id = $1 and m.series_id = w.series_id "
        "and m.business_date = w.business_date and m.log_id = w.log_id "
        'and m."partition" = w."partition" and m."offset" = w."offset" '
        "returning m.series_id, m.business_date) "
        "select * from single union select * from withdrawn union select * from restored",
        tenant, *_columns(keys), list(holds),
    )  # fmt: skip
    return [(row[0], row[1]) for row in rows]


async def apply_to_halves(
    connection: Connection, tenant: str, keys: Sequence[Key], holds: Sequence[bool]
) -> set[str]:
    """Let what states a decision or an outcome hold or not; return the decisions concerned."""
    decisions: set[str] = set()
    for table in ("decisions", "outcomes"):
        rows = await connection.fetch(
            f"update ingest.{table} t set active = w.holds from ingest.event_keys k, "  # noqa: S608 - two names of ours
            "unnest($2::bigint[], $3::text[], $4::boolean[]) as w (source_id, event_id, holds) "
            "where k.tenant_id = $1 and k.source_id = w.source_id and k.event_id = w.event_id "
            "and t.tenant_id = $1 and t.decision = k.decision and t.source_id = w.source_id "
            "and t.event_id = w.event_id and t.active is distinct from w.holds "
            "returning t.decision",
            tenant, *_columns(keys), list(holds),
        )  # fmt: skip
        decisions |= {row["decision"] for row in rows}
    return decisions


async def apply_to_facts(
    connection: Connection, tenant: str, keys: Sequence[Key], holds: Sequence[bool]
) -> dict[str, set[str]]:
    """Let facts hold or not; return by table the initiatives (or models) concerned."""
    changed: dict[str, set[str]] = {}
    for table in TABLES.values():
        subject = "initiative" if table in {"interventions", "costs", "realizations"} else "model"
        rows = await connection.fetch(
            f"update ingest.{table} t set active = w.holds from "  # noqa: S608 - names of ours
            "unnest($2::bigint[], $3::text[], $4::boolean[]) as w (source_id, event_id, holds) "
            "where t.tenant_id = $1 and t.source_id = w.source_id and t.event_id = w.event_id "
            f"and t.active is distinct from w.holds returning t.{subject} as subject",
            tenant, *_columns(keys), list(holds),
        )  # fmt: skip
        changed[table] = {row["subject"] for row in rows}
    return changed


async def recompute_days(
    connection: Connection, tenant: str, days: Sequence[tuple[int, date]]
) -> list[Change]:
    """Derive daily statistics anew from the measurements that hold, and say what changed.

    Lock first, then look: a worker that is adding to one of these days either has committed and
    is seen, or waits for us and adds to what we wrote.
    """
    series = [series_id for series_id, _ in sorted(set(days))]
    dates = [day for _, day in sorted(set(days))]
    await connection.execute(
        "insert into ingest.daily_statistics (tenant_id, series_id, business_date, n, sum, "
        "sum_squares, numerator, denominator, numerator_squares, denominator_squares, "
        "cross_product) select $1, t.*, 0, 0, 0, 0, 0, 0, 0, 0 "
        "from unnest($2::bigint[], $3::date[]) as t order by 2, 3 on conflict do nothing",
        tenant, series, dates,
    )  # fmt: skip
    await connection.execute(
        "select from ingest.daily_statistics where tenant_id = $1 and (series_id, business_date) "
        "in (select * from unnest($2::bigint[], $3::date[])) "
        "order by series_id, business_date for update",
        tenant, series, dates,
    )  # fmt: skip
    rows = await connection.fetch(
        "with fresh as (select t.series_id, t.business_date, count(m.*) as n, "  # noqa: S608 - our own text
        "coalesce(sum(m.v), 0) as sum, coalesce(sum(m.v * m.v), 0) as sum_squares, "
        "min(m.v) as minimum, max(m.v) as maximum, "
        "coalesce(sum(m.a), 0) as a, coalesce(sum(m.b), 0) as b, "
        "coalesce(sum(m.a * m.a), 0) as aa, coalesce(sum(m.b * m.b), 0) as bb, "
        "coalesce(sum(m.a * m.b), 0) as ab "
        "from unnest($2::bigint[], $3::date[]) as t (series_id, business_date) "
        f"left join lateral ({_STANDING_MEASUREMENTS}) m on true "
        "group by t.series_id, t.business_date), "
        "daily as (update ingest.daily_statistics d set n = f.n, sum = f.sum, "
        "sum_squares = f.sum_squares, minimum = f.minimum, maximum = f.maximum, numerator = f.a, "
        "denominator = f.b, numerator_squares = f.aa, denominator_squares = f.bb, "
        "cross_product = f.ab from fresh f where d.tenant_id = $1 "
        "and d.series_id = f.series_id and d.business_date = f.business_date "
        "returning d.series_id, d.business_date) "
        "select s.kpi, array_agg(distinct s.unit order by s.unit) as units, "
        "min(d.business_date) as first, max(d.business_date) as last "
        "from daily d join ingest.series s on s.tenant_id = $1 and s.series_id = d.series_id "
        "group by s.kpi order by s.kpi",
        tenant, series, dates,
    )  # fmt: skip
    return [Change(**row) for row in rows]


def _columns(keys: Sequence[Key]) -> tuple[list[int], list[str]]:
    return [source_id for source_id, _ in keys], [event_id for _, event_id in keys]
