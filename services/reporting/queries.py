"""Every SQL statement of the reporting service. The caller owns the transaction."""

from collections.abc import Collection

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.snapshot import Snapshot
from services.reporting.tables import snapshots


async def save_snapshot(connection: AsyncConnection, snapshot: Snapshot) -> None:
    """Keep the snapshot unless a replica has kept a later one."""
    statement = insert(snapshots).values(
        tenant_id=snapshot.tenant,
        taken_at=snapshot.taken_at,
        body=orjson.loads(snapshot.model_dump_json()),
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[snapshots.c.tenant_id],
            set_={"taken_at": statement.excluded.taken_at, "body": statement.excluded.body},
            where=snapshots.c.taken_at < statement.excluded.taken_at,
        )
    )


async def saved_snapshots(
    connection: AsyncConnection, tenants: Collection[str]
) -> dict[str, Snapshot]:
    """Return what was kept last, by tenant."""
    statement = select(snapshots).where(snapshots.c.tenant_id.in_(tenants))
    rows = (await connection.execute(statement)).all()
    return {row.tenant_id: Snapshot.model_validate_json(orjson.dumps(row.body)) for row in rows}
