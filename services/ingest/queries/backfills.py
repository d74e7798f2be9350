"""Backfills: which events they brought, and which of them were reverted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection

Key = tuple[int, str]
"""Source id and event id."""
Member = tuple[int, str, str]
"""Source id, event id and the backfill the event came with; empty where with none."""

# A revert holds while nobody has retracted it; $1 is the tenant.
STANDING_REVERTS = (
    "(select v.* from ingest.backfill_reverts v where v.tenant_id = $1 and not exists ("
    "select from ingest.corrections w where w.tenant_id = $1 and w.kind = 'retraction' "
    "and w.source_id = v.by_source_id and w.event_id = v.by_event_id))"
)


# Whether one of them concerns the event `e` of its backfill; where it is a slice, up to an event.
REACHES = (
    "(v.through_event_id is null "
    "or (e.source_id, e.event_id) <= (v.through_source_id, v.through_event_id))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """A backfill that an event takes back; `through` is the last it concerns, None for all."""

    backfill: str
    by: Key
    recorded_at: datetime
    reason: str
    through: Key | None = None


async def hold(
    connection: Connection, tenant: str, backfills: Sequence[str], *, exclusively: bool
) -> None:
    """Make reverts wait until the transaction ends; or, exclusively, batches with events too."""
    await connection.execute(
        "insert into ingest.backfills (tenant_id, backfill) "
        "select $1, b from unnest($2::text[]) as b order by b on conflict do nothing",
        tenant,
        sorted(set(backfills)),
    )
    strength = "update" if exclusively else "share"
    await connection.execute(
        "select from ingest.backfills where tenant_id = $1 and backfill = any($2) "
        f"order by backfill for {strength}",
        tenant,
        sorted(set(backfills)),
    )


async def insert_members(connection: Connection, tenant: str, members: Sequence[Member]) -> None:
    """Note with which backfill new events came."""
    await connection.copy_records_to_table(
        "backfill_events",
        schema_name="ingest",
        records=[(tenant, *member) for member in members],
        columns=("tenant_id", "source_id", "event_id", "backfill"),
    )


async def insert_further(
    connection: Connection, tenant: str, members: Sequence[Member]
) -> list[Key]:
    """Note that events which a backfill brought came again otherwise; return those that did."""
    rows = await connection.fetch(
        "insert into ingest.backfill_events (tenant_id, source_id, event_id, backfill) "
        "select distinct $1, t.source_id, t.event_id, t.backfill "
        "from unnest($2::bigint[], $3::text[], $4::text[]) as t (source_id, event_id, backfill) "
        "where exists (select from ingest.backfill_events e where e.tenant_id = $1 "
        "and e.source_id = t.source_id and e.event_id = t.event_id) order by 2, 3, 4 "
        "on conflict do nothing returning source_id, event_id",
        tenant,
        *map(list, zip(*members, strict=True)),
    )
    return [(row[0], row[1]) for row in rows]


async def backfills_of(connection: Connection, tenant: str, keys: Sequence[Key]) -> list[str]:
    """Return the backfills that brought events."""
    rows = await connection.fetch(
        "select distinct e.backfill from unnest($2::bigint[], $3::text[]) "
        "as k (source_id, event_id) join ingest.backfill_events e on e.tenant_id = $1 "
        "and e.source_id = k.source_id and e.event_id = k.event_id "
        "where e.backfill <> '' order by 1",
        tenant,
        *_columns(keys),
    )
    return [row[0] for row in rows]


async def reverted_among(
    connection: Connection, tenant: str, backfills: Sequence[str]
) -> frozenset[str]:
    """Return those that are reverted now."""
    rows = await connection.fetch(
        f"select distinct backfill from {STANDING_REVERTS} v where backfill = any($2)",  # noqa: S608 - our own text
        tenant,
        backfills,
    )
    return frozenset(row[0] for row in rows)


async def insert_reverts(connection: Connection, tenant: str, reverts: Sequence[Revert]) -> None:
    """Keep reverts."""
    await connection.copy_records_to_table(
        "backfill_reverts",
        schema_name="ingest",
        records=[
            (
                tenant, each.backfill, *each.by, each.recorded_at, each.reason,
                *(each.through or (None, None)),
            )
            for each in reverts
        ],
        columns=(
            "tenant_id", "backfill", "by_source_id", "by_event_id", "recorded_at", "reason",
            "through_source_id", "through_event_id",
        ),
    )  # fmt: skip


def _columns(keys: Sequence[Key]) -> tuple[list[int], list[str]]:
    return [source_id for source_id, _ in keys], [event_id for _, event_id in keys]


async def list_backfills(
    connection: Connection, tenant: str, *, after: str, limit: int
) -> list[dict[str, object]]:
    """Return one page of backfills by name, with what they brought and how much of it counts."""
    rows = await connection.fetch(
        "select b.backfill, b.announced_at, (select count(*) from ingest.backfill_events e "  # noqa: S608 - our own text
        "where e.tenant_id = $1 and e.backfill = b.backfill) as n_events, "
        "(select count(*) from ingest.backfill_events e where e.tenant_id = $1 "
        "and e.backfill = b.backfill and r.recorded_at is not null "
        f"and {REACHES.replace('v.', 'r.')}) as n_reverted, "
        "case when r.recorded_at is null then 'counts' when r.through_event_id is null "
        "then 'reverted' else 'partly_reverted' end as state, "
        "r.recorded_at as reverted_at, r.reason as revert_reason from ingest.backfills b "
        f"left join lateral (select v.* from {STANDING_REVERTS} v "
        "where v.backfill = b.backfill order by v.through_source_id desc nulls first, "
        "v.through_event_id desc nulls first, v.recorded_at, v.by_event_id limit 1) r on true "
        "where b.tenant_id = $1 and b.backfill > $2 order by b.backfill limit $3",
        tenant,
        after,
        limit,
    )
    return [dict(row) for row in rows]
