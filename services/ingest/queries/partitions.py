"""Logs and the positions in them: the fence that makes every event count once."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from asyncpg import Connection, Record

from services.ingest.batch import Origin, Stretch, tail_sha256_of

GENESIS = bytes(32)
# Looks before it inserts: a conflict with a row that a batch is just advancing would wait for it.
_NEW_PARTITION = (
    'insert into ingest.partitions (tenant_id, log_id, "partition", next_offset, head_hash) '
    "select $1, $2, $3, 0, $4 where not exists (select from ingest.partitions "
    'where tenant_id = $1 and log_id = $2 and "partition" = $3) on conflict do nothing'
)


class Fenced(Exception):
    """Another worker has the partition, or it is not where this worker believes: start over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to advance a partition, until somebody else claims it."""

    tenant: str
    topic: str
    origin: Origin
    tail_sha256: bytes | None


class Refusal(Enum):
    """Why a partition cannot be claimed now."""

    HALTED = "an operator has to look at it"
    HELD = "another worker claimed or advanced it a moment ago"


async def open_log(
    connection: Connection, tenant: str, topic: str, *, kind: str, identity: str
) -> tuple[int, str]:
    """Return the open log of a topic and the identity it was opened with."""
    await connection.execute(
        "insert into ingest.logs (tenant_id, kind, topic, incarnation, identity) "
        "select $1, $2, $3, 1, $4 where not exists (select from ingest.logs "
        "where tenant_id = $1 and topic = $3) on conflict do nothing",
        tenant, kind, topic, identity,
    )  # fmt: skip
    row = await connection.fetchrow(
        "select log_id, identity from ingest.logs "
        "where tenant_id = $1 and topic = $2 and closed_at is null",
        tenant, topic,
    )  # fmt: skip
    if row is None:
        raise LookupError(f"topic {topic} of {tenant} has no open log: rotate it")
    return row["log_id"], row["identity"]


async def rotate_log(
    connection: Connection, tenant: str, topic: str, *, identity: str, reason: str
) -> int:
    """Close the open incarnation of Kafka's log, open the next at offset 0; event keys apply."""
    row = await connection.fetchrow(
        "update ingest.logs set closed_at = clock_timestamp(), closed_reason = $3 "
        "where tenant_id = $1 and topic = $2 and closed_at is null and kind = 'kafka' "
        "returning log_id, incarnation, kind",
        tenant, topic, reason,
    )  # fmt: skip
    if row is None:
        raise LookupError(f"topic {topic} of {tenant} has no open log that is read from Kafka")
    # Whoever still reads the old log is fenced, and claims in the new one.
    await connection.execute(
        "update ingest.partitions set epoch = epoch + 1 where tenant_id = $1 and log_id = $2",
        tenant, row["log_id"],
    )  # fmt: skip
    log_id: int = await connection.fetchval(
        "insert into ingest.logs (tenant_id, kind, topic, incarnation, identity) "
        "values ($1, $2, $3, $4, $5) returning log_id",
        tenant, row["kind"], topic, row["incarnation"] + 1, identity,
    )  # fmt: skip
    return log_id


async def claim(
    connection: Connection,
    tenant: str,
    topic: str,
    log_id: int,
    partition: int,
    *,
    owner: str,
    lease_seconds: float,
) -> Claim | Refusal:
    """Take a partition over and read where it stands.

    Whoever claimed or advanced it within the lease is left alone: two workers that both believe
    it theirs would else take it from each other without end. Safety is the fence's, not the
    lease's. A row that a batch is just advancing is held, too: waiting for it would stop the poll
    loop.
    """
    await connection.execute(_NEW_PARTITION, tenant, log_id, partition, GENESIS)
    row = await connection.fetchrow(
        'with free as (select tenant_id, log_id, "partition" from ingest.partitions '
        "where tenant_id = $1 and log_id = $2 and \"partition\" = $3 and state = 'active' "
        "and (owner is null or owner = $4 or renewed_at is null "
        "or renewed_at <= clock_timestamp() - make_interval(secs => $5)) "
        "for update skip locked) "
        "update ingest.partitions p set epoch = epoch + 1, owner = $4, "
        "claimed_at = clock_timestamp(), renewed_at = clock_timestamp() from free "
        "where p.tenant_id = free.tenant_id and p.log_id = free.log_id "
        'and p."partition" = free."partition" '
        "returning p.epoch, p.next_offset, p.tail_sha256, p.head_hash",
        tenant, log_id, partition, owner, lease_seconds,
    )  # fmt: skip
    if row is not None:
        return _claimed(tenant, topic, log_id, partition, row)
    state = await connection.fetchval(
        "select state from ingest.partitions "
        'where tenant_id = $1 and log_id = $2 and "partition" = $3',
        tenant, log_id, partition,
    )  # fmt: skip
    return Refusal.HALTED if state == "halted" else Refusal.HELD


async def renew(
    connection: Connection, tenant: str, origins: Sequence[Origin]
) -> set[tuple[int, int]]:
    """Renew leases; return log and partition of those that are another's by now.

    Rows that a batch is just advancing are left to it: waiting for them would stop the poll loop.
    """
    rows = await connection.fetch(
        "with asked as (select * from unnest($2::bigint[], $3::int[], $4::bigint[]) "
        'as s (log_id, "partition", epoch)), '
        'held as (select p.tenant_id, p.log_id, p."partition" from ingest.partitions p '
        'join asked s on p.log_id = s.log_id and p."partition" = s."partition" '
        "and p.epoch = s.epoch where p.tenant_id = $1 for update of p skip locked), "
        "renewed as (update ingest.partitions p set renewed_at = clock_timestamp() from held "
        "where p.tenant_id = held.tenant_id and p.log_id = held.log_id "
        'and p."partition" = held."partition") '
        'select p.log_id, p."partition" from ingest.partitions p join asked s '
        'on p.log_id = s.log_id and p."partition" = s."partition" and p.epoch <> s.epoch '
        "where p.tenant_id = $1",
        tenant,
        [origin.log_id for origin in origins],
        [origin.partition for origin in origins],
        [origin.epoch for origin in origins],
    )
    return {(row["log_id"], row["partition"]) for row in rows}


async def release(connection: Connection, tenant: str, origins: Sequence[Origin]) -> None:
    """Give partitions up before their lease ends, so that the next worker need not wait."""
    await connection.execute(
        "update ingest.partitions p set owner = null "
        "from unnest($2::bigint[], $3::int[], $4::bigint[]) "
        'as s (log_id, "partition", epoch) where p.tenant_id = $1 and p.log_id = s.log_id '
        'and p."partition" = s."partition" and p.epoch = s.epoch',
        tenant,
        [origin.log_id for origin in origins],
        [origin.partition for origin in origins],
        [origin.epoch for origin in origins],
    )


async def lock(
    connection: Connection, tenant: str, topic: str, log_id: int, partition: int
) -> Claim:
    """Hold a partition until the transaction ends: where PostgreSQL itself is the log."""
    await connection.execute(_NEW_PARTITION, tenant, log_id, partition, GENESIS)
    row = await connection.fetchrow(
        "select epoch, next_offset, tail_sha256, head_hash from ingest.partitions "
        'where tenant_id = $1 and log_id = $2 and "partition" = $3 for update',
        tenant, log_id, partition,
    )  # fmt: skip
    return _claimed(tenant, topic, log_id, partition, row)


def _claimed(tenant: str, topic: str, log_id: int, partition: int, row: Record) -> Claim:
    origin = Origin(
        log_id=log_id,
        partition=partition,
        epoch=row["epoch"],
        next_offset=row["next_offset"],
        head_hash=row["head_hash"],
        topic=topic,
    )
    return Claim(tenant=tenant, topic=topic, origin=origin, tail_sha256=row["tail_sha256"])


async def halt(connection: Connection, tenant: str, origin: Origin, *, reason: str) -> None:
    """Stop a partition for an operator to look at, if it still is its finder's to stop."""
    await connection.execute(
        "update ingest.partitions set state = 'halted', halt_reason = $5, epoch = epoch + 1, "
        "owner = null "
        'where tenant_id = $1 and log_id = $2 and "partition" = $3 and epoch = $4',
        tenant, origin.log_id, origin.partition, origin.epoch, reason,
    )  # fmt: skip


async def resume(
    connection: Connection, tenant: str, topic: str, partition: int, *, forget_tail: bool
) -> str | None:
    """Let a partition of the open log go on if it is halted; `forget_tail` trusts the log as it is.

    Return the state that it had, None where it is not known.
    """
    state: str | None = await connection.fetchval(
        'with found as (select p.tenant_id, p.log_id, p."partition", p.state '
        "from ingest.partitions p join ingest.logs l using (tenant_id, log_id) "
        "where p.tenant_id = $1 and l.topic = $2 and l.closed_at is null "
        'and p."partition" = $3 for update of p), '
        "resumed as (update ingest.partitions p set state = 'active', halt_reason = null, "
        "tail_sha256 = case when $4 then null else p.tail_sha256 end from found f "
        "where f.state = 'halted' and p.tenant_id = f.tenant_id and p.log_id = f.log_id "
        'and p."partition" = f."partition") select state from found',
        tenant, topic, partition, forget_tail,
    )  # fmt: skip
    return state


async def advance(connection: Connection, tenant: str, stretches: Sequence[Stretch]) -> None:
    """Move every partition of a batch, or none: the first statement of its transaction.

    The row locks make this worker the only one until commit; a worker that waited for them sees
    the new position and is fenced.

    Raises
    ------
    Fenced
        A partition has another owner or another position than the stretch assumes.
    """
    moved = await connection.fetchval(
        'with held as (select p.tenant_id, p.log_id, p."partition" from ingest.partitions p '
        "join unnest($2::bigint[], $3::int[], $4::bigint[], $5::bigint[]) "
        'as s (log_id, "partition", epoch, expected) '
        'on p.log_id = s.log_id and p."partition" = s."partition" and p.epoch = s.epoch '
        "and p.next_offset = s.expected "
        "where p.tenant_id = $1 and p.state = 'active' "
        'order by p.log_id, p."partition" for update of p), '
        "moved as (update ingest.partitions p set next_offset = s.following, "
        "head_hash = s.head, tail_sha256 = s.tail, renewed_at = clock_timestamp() from held, "
        "unnest($2::bigint[], $3::int[], $6::bigint[], $7::bytea[], $8::bytea[]) "
        'as s (log_id, "partition", following, head, tail) '
        "where p.tenant_id = held.tenant_id and p.log_id = held.log_id "
        'and p."partition" = held."partition" '
        'and p.log_id = s.log_id and p."partition" = s."partition" returning 1) '
        "select count(*) from moved",
        tenant,
        [stretch.origin.log_id for stretch in stretches],
        [stretch.origin.partition for stretch in stretches],
        [stretch.origin.epoch for stretch in stretches],
        [stretch.origin.next_offset for stretch in stretches],
        [stretch.following_offset for stretch in stretches],
        [stretch.hash for stretch in stretches],
        [tail_sha256_of(stretch.records[-1]) for stretch in stretches],
    )
    if moved != len(stretches):
        raise Fenced(f"{len(stretches) - moved} of {len(stretches)} partitions moved on")


async def record_batches(
    connection: Connection, tenant: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Write one row per stretch; the database checks that nothing is missing or counted twice."""
    await connection.executemany(
        'insert into ingest.batches (tenant_id, log_id, "partition", first_offset, next_offset, '
        "epoch, consumed, inserted, duplicate, dead, sha256, prev_hash, hash, repeated) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        [(tenant, *row) for row in rows],
    )


async def positions(connection: Connection, tenant: str) -> list[dict[str, object]]:
    """Return the vector of log positions: what a figure read now was computed from."""
    rows = await connection.fetch(
        'select l.topic, l.incarnation, p."partition", p.next_offset from ingest.partitions p '
        "join ingest.logs l using (tenant_id, log_id) where p.tenant_id = $1 "
        'order by l.topic, l.incarnation, p."partition"',
        tenant,
    )
    return [dict(row) for row in rows]


async def partition_states(connection: Connection, tenant: str) -> list[dict[str, object]]:
    """Return every partition with its owner and state."""
    rows = await connection.fetch(
        'select l.topic, l.incarnation, l.kind, p."partition", p.next_offset, p.epoch, p.owner, '
        "p.claimed_at, p.renewed_at, p.state, p.halt_reason, l.closed_at is not null as closed "
        "from ingest.partitions p join ingest.logs l using (tenant_id, log_id) "
        'where p.tenant_id = $1 order by l.topic, l.incarnation, p."partition"',
        tenant,
    )
    return [dict(row) for row in rows]
