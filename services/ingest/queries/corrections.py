"""Retractions and corrections: which events hold, and what of them counts.

An event holds unless it was retracted, its backfill was reverted, or a later event supersedes it.
Of several that supersede the same one, the latest by (recordedtime, sequence, id) holds. The rule
looks at what is stored, never at what came first, so every order of arrival ends in the same state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from asyncpg import Connection

from services.ingest.queries.backfills import REACHES, STANDING_REVERTS, Key
from services.ingest.queries.facts import TABLES
from services.ingest.queries.recounting import Move

# The events of tenant $1 that corrections lead to from those named by $2 and $3, and these.
_REACHED = (
    'reached as (select source_id, event_id collate "C" as event_id '
    "from unnest($2::bigint[], $3::text[]) as k (source_id, event_id) union "
    "select e.source_id, e.event_id from reached r cross join lateral ("
    "select c.source_id, c.event_id from ingest.corrections c where c.tenant_id = $1 "
    "and c.by_source_id = r.source_id and c.by_event_id = r.event_id and c.kind = 'correction' "
    "union all select c.by_source_id, c.by_event_id from ingest.corrections c "
    "where c.tenant_id = $1 and c.source_id = r.source_id and c.event_id = r.event_id "
    "and c.kind = 'correction') e)"
)
_KEY_OF_REACHED = "tenant_id = $1 and source_id = r.source_id and event_id = r.event_id"


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
    it and waits for the first. So do two workers that withdraw or correct what depends on each
    other: each locks all that its targets lead to, and has the keys of its own events. In order,
    so that they cannot deadlock.
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
        f"with recursive {_REACHED} select from (select * from reached order by 1, 2) r "  # noqa: S608 - our own text
        f"cross join lateral (select from ingest.event_keys where {_KEY_OF_REACHED} for update) k",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Events whose standing depends on some events, and these, by what is derived from them.

    Attributes
    ----------
    measured, halves, others : those that are stored
    backfills : those that brought some of them
    reverted : those that some of them revert
    """

    measured: Sequence[Key]
    halves: Sequence[Key]
    others: Sequence[Key]
    backfills: Sequence[str]
    reverted: Sequence[str]


async def affected(connection: Connection, tenant: str, keys: Sequence[Key]) -> Affected:
    """Return the events and every one whose standing depends on theirs."""
    rows = await connection.fetch(
        f"with recursive {_REACHED} select r.source_id, r.event_id, "  # noqa: S608 - our own text
        "k.payload_sha256 is not null as is_stored, k.series_id is not null as is_measured, "
        "k.decision is not null as is_half, array(select backfill from ingest.backfill_events "
        f"where {_KEY_OF_REACHED} and backfill <> '') as backfills, "
        "array(select backfill from ingest.backfill_reverts where tenant_id = $1 "
        "and by_source_id = r.source_id and by_event_id = r.event_id) as reverted from reached r "
        f"cross join lateral (select * from ingest.event_keys where {_KEY_OF_REACHED} offset 0) k "
        "order by 1, 2",
        tenant,
        *_columns(keys),
    )
    stored = [row for row in rows if row["is_stored"]]
    halves = [row for row in stored if row["is_half"]]
    measured = [row for row in stored if row["is_measured"]]
    others = [row for row in stored if not (row["is_half"] or row["is_measured"])]
    return Affected(
        measured=[(row["source_id"], row["event_id"]) for row in measured],
        halves=[(row["source_id"], row["event_id"]) for row in halves],
        others=[(row["source_id"], row["event_id"]) for row in others],
        backfills=sorted({name for row in rows for name in row["backfills"]}),
        reverted=sorted({name for row in rows for name in row["reverted"]}),
    )


async def standing(connection: Connection, tenant: str, keys: Sequence[Key]) -> list[bool]:
    """Say of each key whether its event holds."""
    rows = await connection.fetch(
        # Every `offset 0` keeps a look-up one: hashed, it would be all corrections there ever were.
        "with live as not materialized (select c.* from ingest.corrections c "  # noqa: S608 - our own text
        "where c.tenant_id = $1 "
        f"and c.kind = 'correction' and not {_gone('c.by_source_id', 'c.by_event_id')}) "
        f"select not {_gone('k.source_id', 'k.event_id')} "
        "and not exists (select from live c where c.source_id = k.source_id "
        "and c.event_id = k.event_id offset 0) "
        "and not exists (select from (select * from live c where c.by_source_id = k.source_id "
        "and c.by_event_id = k.event_id offset 0) c join live o on o.source_id = c.source_id "
        "and o.event_id = c.event_id and (o.recorded_at, o.sequence, o.by_event_id) > "
        "(c.recorded_at, c.sequence, c.by_event_id) offset 0) as holds "
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
        f"and r.source_id = {source_id} and r.event_id = {event_id} "
        "and r.kind = 'retraction' offset 0) "
        "or (exists (select from ingest.backfill_events e where e.tenant_id = $1 "
        f"and e.source_id = {source_id} and e.event_id = {event_id} offset 0) "
        "and not exists (select from ingest.backfill_events e where e.tenant_id = $1 "
        f"and e.source_id = {source_id} and e.event_id = {event_id} "
        f"and not exists (select from {STANDING_REVERTS} v where v.backfill = e.backfill "
        f"and {REACHES} offset 0) offset 0)))"
    )


async def apply_to_measurements(
    connection: Connection, tenant: str, keys: Sequence[Key], holds: Sequence[bool]
) -> list[Move]:
    """Count measurements or stop counting them; return those of which that changed.

    Somebody else may have changed the same ones meanwhile: then it was them, and not this.
    """
    rows = await connection.fetch(
        'with wanted as (select k.series_id, k.business_date, k.log_id, k."partition", '
        'k."offset", w.holds from unnest($2::bigint[], $3::text[], $4::boolean[]) '
        "as w (source_id, event_id, holds) cross join lateral (select * from ingest.event_keys "
        "where tenant_id = $1 and source_id = w.source_id and event_id = w.event_id "
        "and series_id is not null offset 0) k), "
        # Stored before there were runs.
        "single as (update ingest.measurements m set active = w.holds from wanted w "
        "where m.tenant_id = $1 and m.series_id = w.series_id "
        "and m.business_date = w.business_date and m.log_id = w.log_id "
        'and m."partition" = w."partition" and m."offset" = w."offset" '
        "and m.active is distinct from w.holds returning m.series_id, m.business_date, "
        "m.active as counts, m.value, m.numerator, m.denominator), "
        # A stretch has two runs of a day at most, of numbers and of ratios, and only these overlap:
        # it is one of the last two that begin before it, nearly always the last, read alone then.
        "found as (select w.*, r.value, r.numerator, r.denominator from wanted w "
        "cross join lateral (select r.numbers[p.place] as value, "
        "r.numerators[p.place] as numerator, r.denominators[p.place] as denominator "
        "from (select * from ingest.measurement_runs r where r.tenant_id = $1 "
        "and r.series_id = w.series_id and r.business_date = w.business_date "
        'and r."partition" = w."partition" and r.log_id = w.log_id '
        'and r.offsets[1] <= w."offset" order by r.offsets[1] desc limit 2) r '
        'cross join lateral (select array_position(r.offsets, w."offset") as place) p '
        "where p.place is not null limit 1) r), "
        "withdrawn as (insert into ingest.measurements_withdrawn (tenant_id, series_id, "
        'business_date, log_id, "partition", "offset") select $1, series_id, business_date, '
        'log_id, "partition", "offset" from found where not holds '
        'order by series_id, business_date, log_id, "partition", "offset" on conflict do nothing '
        'returning series_id, business_date, log_id, "partition", "offset"), '
        "restored as (delete from ingest.measurements_withdrawn m using found w "
        "where w.holds and m.tenant_id = $1 and m.series_id = w.series_id "
        "and m.business_date = w.business_date and m.log_id = w.log_id "
        'and m."partition" = w."partition" and m."offset" = w."offset" '
        'returning m.series_id, m.business_date, m.log_id, m."partition", m."offset"), '
        "changed as (select * from withdrawn union all select * from restored) "
        "select * from single union all select f.series_id, f.business_date, f.holds, f.value, "
        # Hashed, and never a join: the planner expects that one changed.
        'f.numerator, f.denominator from found f where ((series_id, business_date, log_id, '
        '"partition", "offset") in (select * from changed)) is true',
        tenant, *_columns(keys), list(holds),
    )  # fmt: skip
    return [Move(**row) for row in rows]


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


def _columns(keys: Sequence[Key]) -> tuple[list[int], list[str]]:
    return [source_id for source_id, _ in keys], [event_id for _, event_id in keys]
