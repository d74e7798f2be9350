"""Where one event is kept."""

from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection


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
