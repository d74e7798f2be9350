"""Every SQL statement about gates. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.canonical import Json
from services.baseline.tables import gates


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A stage that an initiative passed: who decided, why, and what there was to decide on.

    Attributes
    ----------
    version :
        Of the initiative; it is the first in the stage.
    from_stage :
        None where the initiative began in this stage.
    evidence :
        Versions and digests of definitions and baselines at that moment, and what was referred to.
    """

    initiative: str
    version: int
    from_stage: str | None
    to_stage: str
    decided_at: datetime
    decided_by: str
    reason: str
    evidence: Mapping[str, Json]


async def add(connection: AsyncConnection, tenant: str, passed: Sequence[Gate]) -> None:
    """Append gates."""
    rows = [{"tenant_id": tenant, **asdict(each)} for each in passed]
    if rows:
        await connection.execute(insert(gates), rows)


async def of_initiative(connection: AsyncConnection, tenant: str, initiative: str) -> list[Gate]:
    """Return an initiative's gates, the first first."""
    statement = (
        select(gates)
        .where(gates.c.tenant_id == tenant, gates.c.initiative == initiative)
        .order_by(gates.c.version)
    )
    return [_gate(row) for row in (await connection.execute(statement)).all()]


async def every_gate(connection: AsyncConnection, tenant: str) -> list[Gate]:
    """Return all gates of the tenant, to be verified."""
    statement = (
        select(gates)
        .where(gates.c.tenant_id == tenant)
        .order_by(gates.c.initiative, gates.c.version)
    )
    return [_gate(row) for row in (await connection.execute(statement)).all()]


def _gate(row: Row[tuple[object, ...]]) -> Gate:
    return Gate(**{field.name: getattr(row, field.name) for field in fields(Gate)})
