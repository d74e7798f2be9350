"""Every SQL statement of the outbox. The caller owns the transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What will stand on Kafka; `topic` is the full name."""

    tenant: str
    topic: str
    key: bytes | None
    value: bytes


async def record(connection: AsyncConnection, outbox: Table, messages: Iterable[Message]) -> None:
    """Put messages in the transaction that made them true."""
    rows = [
        {"tenant_id": each.tenant, "topic": each.topic, "key": each.key, "value": each.value}
        for each in messages
    ]
    if rows:
        await connection.execute(insert(outbox), rows)


async def oldest(
    connection: AsyncConnection, outbox: Table, *, limit: int
) -> Sequence[tuple[tuple[str, int], Message]]:
    """Lock the oldest messages that no other relay holds, in the order they were recorded."""
    statement = (
        select(outbox).order_by(outbox.c.outbox_id).limit(limit).with_for_update(skip_locked=True)
    )
    rows = (await connection.execute(statement)).all()
    return [
        (
            (row.tenant_id, row.outbox_id),
            Message(tenant=row.tenant_id, topic=row.topic, key=row.key, value=row.value),
        )
        for row in rows
    ]


async def remove(
    connection: AsyncConnection, outbox: Table, keys: Iterable[tuple[str, int]]
) -> None:
    """Forget messages that the broker has acknowledged."""
    key = tuple_(outbox.c.tenant_id, outbox.c.outbox_id)
    await connection.execute(delete(outbox).where(key.in_(list(keys))))


async def backlog(connection: AsyncConnection, outbox: Table) -> int:
    """Count what waits to be published."""
    return int((await connection.execute(select(func.count()).select_from(outbox))).scalar_one())
