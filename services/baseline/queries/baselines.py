"""Every SQL statement about baselines. The caller owns the transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Row, ScalarSelect, Select, func, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.canonical import Json
from services.baseline.tables import baseline_content, baselines


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBaseline:
    """A frozen baseline without its measurements."""

    baseline_id: str
    initiative: str
    kpi: str
    kpi_version: int
    version: int
    start_day: date
    end_day: date
    units: list[str]
    exclusions: list[Json]
    coverage: Mapping[str, Json]
    levels: Mapping[str, str]
    level: Decimal
    n: int
    reconstructed: bool
    reason: str
    sha256: str
    snapshot: Mapping[str, Json]
    frozen_at: datetime
    frozen_by: str
    drafted_by: str | None = None
    reviewed_by: str | None = None
    merkle_root: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineKey:
    """Where a baseline stands among those of its tenant."""

    initiative: str
    kpi: str
    version: int


async def lock_baseline(connection: AsyncConnection, tenant: str, key: tuple[str, str]) -> None:
    """Let one writer freeze a KPI of an initiative at a time, until the transaction ends."""
    await connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"aivalue.baseline.baselines.{tenant}.{'/'.join(key)}"},
    )


async def latest_version(connection: AsyncConnection, tenant: str, key: tuple[str, str]) -> int:
    """Return the highest version of an (initiative, kpi), 0 before the first."""
    statement = select(func.coalesce(func.max(baselines.c.version), 0)).where(
        baselines.c.tenant_id == tenant,
        baselines.c.initiative == key[0],
        baselines.c.kpi == key[1],
    )
    return int((await connection.execute(statement)).scalar_one())


async def add(
    connection: AsyncConnection, tenant: str, baseline: StoredBaseline, content: bytes
) -> None:
    """Append a baseline with its measurements."""
    row = {field.name: getattr(baseline, field.name) for field in fields(baseline)}
    await connection.execute(insert(baselines), {"tenant_id": tenant, **row})
    await connection.execute(
        insert(baseline_content),
        {"tenant_id": tenant, "baseline_id": baseline.baseline_id, "content": content},
    )


async def baseline_of(
    connection: AsyncConnection, tenant: str, baseline_id: str
) -> tuple[StoredBaseline, bool] | None:
    """Return a baseline and whether a later version supersedes it."""
    statement = _with_latest(tenant).where(baselines.c.baseline_id == baseline_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else (_stored(row), row.version < row.latest)


async def content_of(connection: AsyncConnection, tenant: str, baseline_id: str) -> bytes | None:
    """Return the canonical bytes that were hashed."""
    statement = select(baseline_content.c.content).where(
        baseline_content.c.tenant_id == tenant, baseline_content.c.baseline_id == baseline_id
    )
    found: bytes | None = (await connection.execute(statement)).scalar_one_or_none()
    return found


async def listed(
    connection: AsyncConnection,
    tenant: str,
    *,
    initiative: str | None,
    kpi: str | None,
    limit: int | None,
    after: BaselineKey | None = None,
) -> list[tuple[StoredBaseline, bool]]:
    """Return baselines by initiative and KPI, the newest version first.

    Parameters
    ----------
    limit :
        None for all there are.
    after :
        The last one of the page before.
    """
    statement = _with_latest(tenant)
    if initiative is not None:
        statement = statement.where(baselines.c.initiative == initiative)
    if kpi is not None:
        statement = statement.where(baselines.c.kpi == kpi)
    if after is not None:
        of_kpi = tuple_(baselines.c.initiative, baselines.c.kpi)
        same, version = (after.initiative, after.kpi), after.version
        statement = statement.where(
            (of_kpi > same) | ((of_kpi == same) & (baselines.c.version < version))
        )
    statement = statement.order_by(
        baselines.c.initiative, baselines.c.kpi, baselines.c.version.desc()
    ).limit(limit)
    rows = (await connection.execute(statement)).all()
    return [(_stored(row), row.version < row.latest) for row in rows]


async def newest(connection: AsyncConnection, *, limit: int) -> list[tuple[str, StoredBaseline]]:
    """Return the newest version of every baseline of every tenant, with its tenant."""
    statement = _with_latest(None).where(baselines.c.version == _latest()).limit(limit)
    statement = statement.order_by(baselines.c.tenant_id, baselines.c.initiative, baselines.c.kpi)
    rows = (await connection.execute(statement)).all()
    return [(row.tenant_id, _stored(row)) for row in rows]


def _with_latest(tenant: str | None) -> Select[tuple[object, ...]]:
    statement = select(baselines, _latest().label("latest"))
    return statement if tenant is None else statement.where(baselines.c.tenant_id == tenant)


def _latest() -> ScalarSelect[int]:
    # "Superseded" is derived: writing it down would change a frozen row.
    same = baselines.alias("same")
    return (
        select(func.max(same.c.version))
        .where(
            same.c.tenant_id == baselines.c.tenant_id,
            same.c.initiative == baselines.c.initiative,
            same.c.kpi == baselines.c.kpi,
        )
        .scalar_subquery()
    )


def _stored(row: Row[tuple[object, ...]]) -> StoredBaseline:
    return StoredBaseline(
        **{field.name: getattr(row, field.name) for field in fields(StoredBaseline)}
    )
