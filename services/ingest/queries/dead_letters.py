"""Dead letters: every record that is not counted, with its original bytes and the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
from asyncpg import Connection

from services.ingest.batch import DeadLetter, Headers
from services.ingest.originals import headers_of_letter, headers_text
from services.ingest.sender import supposed_sender

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
            *_identity(letter),
            letter.record.key,
            letter.record.value,
            headers_text(letter.record.headers),
        )
        for letter in letters
    ]
    await connection.copy_records_to_table(
        "dead_letters", schema_name="ingest", records=rows, columns=COLUMNS
    )


def _identity(letter: DeadLetter) -> tuple[str | None, str | None]:
    if letter.source is not None:
        return letter.source, letter.event_id
    return supposed_sender(letter.record.value, letter.record.headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which letters; what is None does not matter. Times are those of receipt, half-open."""

    status: str | None = None
    reason: str | None = None
    source: str | None = None
    topic: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def arguments(self) -> tuple[object, ...]:
        """Return them as `_WANTED` numbers them, from $2 on."""
        return (self.status, self.reason, self.source, self.topic, self.since, self.until)


_LETTERS = "ingest.dead_letters d join ingest.logs l using (tenant_id, log_id)"
_WANTED = (
    "d.tenant_id = $1 and ($2::text is null or d.status = $2) "
    "and ($3::text is null or d.reason = $3) and ($4::text is null or d.source = $4) "
    "and ($5::text is null or l.topic = $5) "
    "and ($6::timestamptz is null or d.received_at >= $6) "
    "and ($7::timestamptz is null or d.received_at < $7)"
)
_SHOWN = (
    'd.dead_letter_id, l.topic, d."partition", d."offset", d.reason, d.errors, '
    "d.received_at, d.log_timestamp, d.source, d.event_id, d.status, d.key, d.value, d.headers"
)


async def list_dead_letters(
    connection: Connection, tenant: str, wanted: Wanted, *, after: int, limit: int
) -> list[dict[str, object]]:
    """Return one page, oldest first; `after` is the last id of the page before."""
    rows = await connection.fetch(
        f"select {_SHOWN} from {_LETTERS} where {_WANTED} and d.dead_letter_id > $8 "  # noqa: S608 - our own text
        "order by d.dead_letter_id limit $9",
        tenant,
        *wanted.arguments(),
        after,
        limit,
    )
    return [dict(row) for row in rows]


async def find_dead_letter(
    connection: Connection, tenant: str, dead_letter_id: int
) -> dict[str, object] | None:
    """Return one letter, None where there is none."""
    row = await connection.fetchrow(
        f"select {_SHOWN} from {_LETTERS} where d.tenant_id = $1 and d.dead_letter_id = $2",  # noqa: S608 - our own text
        tenant,
        dead_letter_id,
    )
    return None if row is None else dict(row)


async def resolutions_of(
    connection: Connection, tenant: str, dead_letter_id: int
) -> list[dict[str, object]]:
    """Return what was tried with a letter, and by whom, in order."""
    rows = await connection.fetch(
        "select resolved_at, outcome, resolved_by, reason from ingest.dead_letter_resolutions "
        "where tenant_id = $1 and dead_letter_id = $2 order by resolved_at",
        tenant,
        dead_letter_id,
    )
    return [dict(row) for row in rows]


async def count_dead_letters(connection: Connection) -> list[tuple[str, str, int]]:
    """Return how many letters of all tenants there are, by status and reason."""
    rows = await connection.fetch(
        "select status, reason, count(*) from ingest.dead_letters group by status, reason"
    )
    return [(row[0], row[1], row[2]) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter as it is needed to replay it; `kind` is that of the log it came by."""

    dead_letter_id: int
    kind: str
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What was done about a dead letter, and why."""

    dead_letter_id: int
    outcome: Literal["replayed", "rejected_again", "discarded"]
    reason: str


async def lock_open(connection: Connection, tenant: str, ids: Sequence[int]) -> list[Letter]:
    """Return those of the letters that are open, for nobody else to resolve meanwhile."""
    rows = await connection.fetch(
        "select d.dead_letter_id, l.kind, d.key, d.value, d.headers "
        "from ingest.dead_letters d join ingest.logs l using (tenant_id, log_id) "
        "where d.tenant_id = $1 and d.dead_letter_id = any($2) and d.status = 'open' "
        "order by d.dead_letter_id for update of d",
        tenant,
        list(ids),
    )
    return [
        Letter(
            dead_letter_id=row["dead_letter_id"],
            kind=row["kind"],
            key=row["key"],
            value=row["value"],
            headers=headers_of_letter(row["headers"]),
        )
        for row in rows
    ]


async def statuses_of(connection: Connection, tenant: str, ids: Sequence[int]) -> dict[int, str]:
    """Return the status of every one of the letters that exists."""
    rows = await connection.fetch(
        "select dead_letter_id, status from ingest.dead_letters "
        "where tenant_id = $1 and dead_letter_id = any($2)",
        tenant,
        list(ids),
    )
    return {row["dead_letter_id"]: row["status"] for row in rows}


async def resolve(
    connection: Connection, tenant: str, resolutions: Sequence[Resolution], *, by: str
) -> None:
    """Note what was done; a letter that was rejected again stays open."""
    await connection.execute(
        "insert into ingest.dead_letter_resolutions (tenant_id, dead_letter_id, outcome, "
        "resolved_by, reason) select $1, r.id, r.outcome, $5, r.reason "
        "from unnest($2::bigint[], $3::text[], $4::text[]) as r (id, outcome, reason)",
        tenant,
        [each.dead_letter_id for each in resolutions],
        [each.outcome for each in resolutions],
        [each.reason.replace("\0", "\ufffd") for each in resolutions],
        by,
    )
    for status in ("replayed", "discarded"):
        await connection.execute(
            "update ingest.dead_letters set status = $3 "
            "where tenant_id = $1 and dead_letter_id = any($2) and status = 'open'",
            tenant,
            [each.dead_letter_id for each in resolutions if each.outcome == status],
            status,
        )


async def letters_wanted(
    connection: Connection, tenant: str, wanted: Wanted, *, limit: int
) -> list[int]:
    """Return ids of letters, oldest first."""
    rows = await connection.fetch(
        f"select d.dead_letter_id from {_LETTERS} where {_WANTED} "  # noqa: S608 - our own text
        "order by d.dead_letter_id limit $8",
        tenant,
        *wanted.arguments(),
        limit,
    )
    return [row["dead_letter_id"] for row in rows]


def _storable(errors: Sequence[dict[str, str]]) -> str:
    # What is wrong may be quoted in the message, NUL included, which jsonb refuses.
    return msgspec.json.encode(errors).decode().replace("\\u0000", "\\ufffd")
