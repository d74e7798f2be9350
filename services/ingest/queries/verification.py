"""What a log's partition holds, batch by batch, for whoever computes its hashes again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from asyncpg import Connection

from services.ingest.batch import Headers
from services.ingest.originals import headers_of_letter

BATCHES_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPartition:
    """A partition of a log, and where it says that it stands."""

    topic: str
    incarnation: int
    partition: int
    log_id: int
    kind: str
    next_offset: int
    head_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A batch as its row describes it; `repeated` is None where it was not kept yet."""

    first_offset: int
    next_offset: int
    consumed: int
    inserted: int
    duplicate: int
    dead: int
    sha256: bytes
    prev_hash: bytes
    hash: bytes
    repeated: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """Raw events as their row holds them."""

    first_offset: int
    last_offset: int
    n_events: int
    received_at: datetime
    late: str | None
    originals: bytes


class KeptKey(msgspec.Struct, frozen=True, gc=False):
    """What the key of an event says: the fingerprint of its bytes, and which record it stands for.

    All None where there is no key. In the order of the columns of `keys_of`: there are millions.
    """

    fingerprint: bytes | None
    log_id: int | None
    partition: int | None
    offset: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLetter:
    """A dead letter; its reason says whether it was an event."""

    offset: int
    received_at: datetime
    reason: str
    key: bytes | None
    value: bytes | None
    headers: Headers


async def prepare(connection: Connection) -> None:
    """Let the transaction read stretches by their index, whatever is known of the tables yet."""
    await connection.execute(
        "set local enable_seqscan = off; set local max_parallel_workers_per_gather = 0"
    )


async def find_partition(
    connection: Connection, tenant: str, topic: str, partition: int, *, incarnation: int | None
) -> LogPartition | None:
    """Return a partition of the newest incarnation of a topic, or of the one that is named."""
    row = await connection.fetchrow(
        'select l.topic, l.incarnation, p."partition", p.log_id, l.kind, p.next_offset, '
        "p.head_hash from ingest.partitions p join ingest.logs l using (tenant_id, log_id) "
        'where p.tenant_id = $1 and l.topic = $2 and p."partition" = $3 '
        "and ($4::int is null or l.incarnation = $4) order by l.incarnation desc limit 1",
        tenant, topic, partition, incarnation,
    )  # fmt: skip
    return None if row is None else LogPartition(**row)


async def hash_before(
    connection: Connection, tenant: str, place: LogPartition, offset: int
) -> bytes | None:
    """Return the hash of the batch that ends at an offset, None where none does."""
    found: bytes | None = await connection.fetchval(
        "select hash from ingest.batches where tenant_id = $1 and log_id = $2 "
        'and "partition" = $3 and next_offset = $4',
        tenant, place.log_id, place.partition, offset,
    )  # fmt: skip
    return found


async def batches_from(
    connection: Connection, tenant: str, place: LogPartition, offset: int, *, n_records: int
) -> list[Sealed]:
    """Return batches in order until they hold so many records; at least one, where there is one."""
    rows = await connection.fetch(
        "select first_offset, next_offset, consumed, inserted, duplicate, dead, sha256, prev_hash, "
        "hash, repeated from (select *, sum(consumed) over (order by first_offset) - consumed "
        "as before from (select * from ingest.batches where tenant_id = $1 and log_id = $2 "
        'and "partition" = $3 and first_offset >= $4 order by first_offset limit $6) b) c '
        "where before < $5 order by first_offset",
        tenant, place.log_id, place.partition, offset, n_records, BATCHES_MAX,
    )  # fmt: skip
    return [Sealed(**row) for row in rows]


async def runs_between(
    connection: Connection, tenant: str, place: LogPartition, first: int, end: int
) -> list[KeptRun]:
    """Return the raw events of a stretch of offsets that begins where a batch does."""
    rows = await connection.fetch(
        "select first_offset, last_offset, n_events, received_at, late::text, originals "
        'from ingest.event_runs where tenant_id = $1 and log_id = $2 and "partition" = $3 '
        "and first_offset >= $4 and first_offset < $5 order by first_offset",
        tenant, place.log_id, place.partition, first, end,
    )  # fmt: skip
    return [KeptRun(**row) for row in rows]


async def keys_of(
    connection: Connection, tenant: str, sources: Sequence[str], event_ids: Sequence[str]
) -> list[KeptKey]:
    """Return the keys of events, in their order."""
    # One look-up each: joined, the planner reads all keys for every stretch.
    rows = await connection.fetch(
        'select k.payload_sha256, k.log_id, k."partition", k."offset" '
        "from unnest($2::text[], $3::text[]) with ordinality as a (source, event_id, n) "
        "left join ingest.sources s on s.tenant_id = $1 and s.source = a.source "
        "left join lateral (select * from ingest.event_keys where tenant_id = $1 "
        "and source_id = s.source_id and event_id = a.event_id limit 1) k on true order by a.n",
        tenant, sources, event_ids,
    )  # fmt: skip
    return [KeptKey(*row) for row in rows]


async def letters_between(
    connection: Connection, tenant: str, place: LogPartition, first: int, end: int
) -> Sequence[KeptLetter]:
    """Return the dead letters of a stretch of offsets."""
    rows = await connection.fetch(
        'select "offset", received_at, reason, key, value, headers from ingest.dead_letters '
        'where tenant_id = $1 and log_id = $2 and "partition" = $3 '
        'and "offset" >= $4 and "offset" < $5 order by "offset"',
        tenant, place.log_id, place.partition, first, end,
    )  # fmt: skip
    return [KeptLetter(**{**row, "headers": headers_of_letter(row["headers"])}) for row in rows]
