"""Where single events are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection

KeyPlace = tuple[int, int, int]
"""Log, partition and offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An accepted event: its place in a log, and the run that holds its record."""

    topic: str
    incarnation: int
    kind: str
    partition: int
    offset: int
    received_at: datetime
    is_late: bool
    originals: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRun:
    """Records that are kept side by side, and where."""

    log_id: int
    partition: int
    kind: str
    received_at: datetime
    originals: bytes


async def find_event(
    connection: Connection, tenant: str, source: str, event_id: str
) -> Found | None:
    """Return the event that counts under an id; None where there is none, or it is only awaited."""
    row = await connection.fetchrow(
        'select l.topic, l.incarnation, l.kind, k."partition", k."offset", r.received_at, '
        'coalesce(r.late @> k."offset", false) as is_late, r.originals '
        "from ingest.sources s join ingest.event_keys k using (tenant_id, source_id) "
        "join ingest.logs l using (tenant_id, log_id) cross join lateral ("
        "select * from ingest.event_runs where tenant_id = $1 and log_id = k.log_id "
        'and "partition" = k."partition" and first_offset <= k."offset" '
        "order by first_offset desc limit 1) r "
        "where s.tenant_id = $1 and s.source = $2 and k.event_id = $3 "
        "and k.payload_sha256 is not null",
        tenant,
        source,
        event_id,
    )
    return None if row is None else Found(**row)


async def places_of_keys(
    connection: Connection, tenant: str, sources: Sequence[int], event_ids: Sequence[str]
) -> list[KeyPlace]:
    """Return where the events stand that count under some ids, in their order; each has a key."""
    rows = await connection.fetch(
        'select k.log_id, k."partition", k."offset" from unnest($2::bigint[], $3::text[]) '
        "with ordinality as w (source_id, event_id, n) cross join lateral "
        "(select * from ingest.event_keys where tenant_id = $1 and source_id = w.source_id "
        "and event_id = w.event_id offset 0) k order by w.n",
        tenant, sources, event_ids,
    )  # fmt: skip
    return [tuple(row) for row in rows]


async def runs_at(
    connection: Connection, tenant: str, places: Sequence[KeyPlace]
) -> list[PlacedRun]:
    """Return the runs that hold the records at some places, each once."""
    rows = await connection.fetch(
        'select distinct on (r.log_id, r."partition", r.first_offset) r.log_id, r."partition", '
        "l.kind, r.received_at, r.originals from unnest($2::bigint[], $3::integer[], "
        '$4::bigint[]) as w (log_id, "partition", "offset") cross join lateral ('
        "select * from ingest.event_runs where tenant_id = $1 and log_id = w.log_id "
        'and "partition" = w."partition" and first_offset <= w."offset" '
        "order by first_offset desc limit 1) r "
        "join ingest.logs l on l.tenant_id = $1 and l.log_id = r.log_id",
        tenant,
        *([place[column] for place in places] for column in range(3)),
    )
    return [PlacedRun(**row) for row in rows]
