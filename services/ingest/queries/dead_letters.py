"""Dead letters: every record that is not counted, with its original bytes and the reason."""

import base64
from collections.abc import Sequence
from datetime import datetime

import msgspec
from asyncpg import Connection

from services.ingest.batch import DeadLetter

COLUMNS = (
    "tenant_id", "log_id", "partition", "offset", "log_timestamp", "received_at", "reason",
    "errors", "source", "event_id", "key", "value", "headers",
)  # fmt: skip


async def insert_dead_letters(
    connection: Connection, tenant: str, letters: Sequence[DeadLetter], *, received_at: datetime
) -> None:
    """Keep them in the transaction that counts them."""
    rows = [
        (
            tenant,
            letter.place.log_id,
            letter.place.partition,
            letter.place.offset,
            letter.place.timestamp,
            received_at,
            letter.reason,
            _storable([{"path": letter.path, "message": letter.message}]),
            letter.source,
            letter.event_id,
            letter.record.key,
            letter.record.value,
            # A header's bytes need not be text, least of all here.
            msgspec.json.encode(
                [(name, base64.b64encode(text).decode()) for name, text in letter.record.headers]
            ).decode(),
        )
        for letter in letters
    ]
    await connection.copy_records_to_table(
        "dead_letters", schema_name="ingest", records=rows, columns=COLUMNS
    )


async def list_dead_letters(
    connection: Connection,
    tenant: str,
    *,
    reason: str | None,
    status: str | None,
    after: int,
    limit: int,
) -> list[dict[str, object]]:
    """Return one page, oldest first; `after` is the last id of the page before."""
    rows = await connection.fetch(
        'select d.dead_letter_id, l.topic, d."partition", d."offset", d.reason, d.errors, '
        "d.received_at, d.log_timestamp, d.source, d.event_id, d.status, d.key, d.value, d.headers "
        "from ingest.dead_letters d join ingest.logs l using (tenant_id, log_id) "
        "where d.tenant_id = $1 and ($2::text is null or d.reason = $2) "
        "and ($3::text is null or d.status = $3) and d.dead_letter_id > $4 "
        "order by d.dead_letter_id limit $5",
        tenant, reason, status, after, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]


def _storable(errors: Sequence[dict[str, str]]) -> str:
    # What is wrong may be quoted in the message, NUL included, which jsonb refuses.
    return msgspec.json.encode(errors).decode().replace("\\u0000", "\\ufffd")
