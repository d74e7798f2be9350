"""Put out of its transaction whoever holds a partition and is not heard of any more."""

from asyncpg import Connection


async def evict(
    connection: Connection, tenant: str, log_id: int, partition: int, *, silent_seconds: float
) -> int:
    """End the session that holds a partition's row in a transaction as old as this; say how many.

    A worker that is paused or unreachable in the middle of COPY, or between preparing a statement
    and running it, holds its locks as long as it likes: PostgreSQL waits for its next message, and
    neither statement_timeout nor idle_in_transaction_session_timeout applies.
    """
    rows = await connection.fetch(
        "select pg_terminate_backend(a.pid) from ingest.partitions p "
        "join pg_stat_activity a on a.backend_xid = p.xmax "
        'where p.tenant_id = $1 and p.log_id = $2 and p."partition" = $3 '
        "and a.xact_start <= clock_timestamp() - make_interval(secs => $4)",
        tenant, log_id, partition, silent_seconds,
    )  # fmt: skip
    return len(rows)
