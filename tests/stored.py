"""What ingest has kept of raw events, for tests that count it."""

from datetime import UTC, datetime
from typing import Final

import asyncpg

from services.ingest.batch import Record
from services.ingest.originals import decode_original, unpack

N_STORED: Final = "select coalesce(sum(n_events), 0)::integer from ingest.event_runs"
_RUNS: Final = (
    "select l.kind, r.originals from ingest.event_runs r join ingest.logs l "
    'using (tenant_id, log_id) order by r.tenant_id, r.log_id, r."partition", r.first_offset'
)


async def stored_records(connection: asyncpg.Connection, tenant: str) -> list[Record]:
    """Return the original records of all events that were accepted."""
    runs = await connection.fetch(
        "select originals from ingest.event_runs where tenant_id = $1 "
        'order by log_id, "partition", first_offset',
        tenant,
    )
    return [record for run in runs for record in unpack(run["originals"])]


async def stored_ids(connection: asyncpg.Connection) -> list[str]:
    """Return the ids of all events that were accepted, each as often as it is kept."""
    now = datetime.now(UTC)
    return [
        decode_original(record.value, record.headers, kind=run["kind"], now=now).id
        for run in await connection.fetch(_RUNS)
        for record in unpack(run["originals"])
    ]
