"""What other services must hear, in the transaction that made it true."""

from collections.abc import Sequence

from asyncpg import Connection


async def record_changes(
    connection: Connection, tenant: str, topic: str, messages: Sequence[tuple[bytes, bytes]]
) -> None:
    """Put messages (key, value) into the outbox; the relay publishes them after commit."""
    if messages:
        await connection.execute(
            "insert into ingest.outbox (tenant_id, topic, key, value) "
            "select $1, $2, * from unnest($3::bytea[], $4::bytea[])",
            tenant,
            topic,
            [key for key, _ in messages],
            [value for _, value in messages],
        )
