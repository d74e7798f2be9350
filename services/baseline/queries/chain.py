"""Every SQL statement about the hash chain. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.hash_chain import Link
from services.baseline.tables import chain


async def lock_chain(connection: AsyncConnection, tenant: str) -> None:
    """Let one transaction append to a tenant's chain at a time, until it ends."""
    await connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"aivalue.baseline.chain.{tenant}"},
    )


async def read_one_snapshot(connection: AsyncConnection) -> None:
    """Let every statement of the transaction that starts here see the same moment."""
    await connection.execute(text("set transaction isolation level repeatable read read only"))


async def last_link(connection: AsyncConnection, tenant: str) -> Link | None:
    """Return the newest entry, None before the first."""
    statement = (
        select(chain).where(chain.c.tenant_id == tenant).order_by(chain.c.position.desc()).limit(1)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _link(row)


async def links(connection: AsyncConnection, tenant: str) -> list[Link]:
    """Return the whole chain, to be verified."""
    statement = select(chain).where(chain.c.tenant_id == tenant).order_by(chain.c.position)
    return [_link(row) for row in (await connection.execute(statement)).all()]


async def add(connection: AsyncConnection, tenant: str, new: Sequence[Link]) -> None:
    """Append entries; a position that another writer has taken raises IntegrityError."""
    rows = [{"tenant_id": tenant, **asdict(each)} for each in new]
    if rows:
        await connection.execute(insert(chain), rows)


def _link(row: Row[tuple[object, ...]]) -> Link:
    return Link(**{field.name: getattr(row, field.name) for field in fields(Link)})
