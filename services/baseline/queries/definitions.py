"""Every SQL statement about definitions. The caller owns the transaction."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    and_,
    func,
    insert,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.canonical import Json
from services.baseline.tables import definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One version of a definition, as the table holds it."""

    kind: str
    key: str
    version: int
    body: dict[str, Json]
    sha256: str
    valid_from: datetime
    recorded_at: datetime
    recorded_by: str
    reason: str

    @property
    def holds_from(self) -> date | None:
        """First day it holds; None where it was recorded for all days."""
        return None if self.valid_from == self.recorded_at else self.valid_from.date()


async def lock_tenant(connection: AsyncConnection, tenant: str) -> None:
    """Let one writer of a tenant's definitions in at a time, until the transaction ends.

    Definitions refer to each other, so two writers that each look consistent could disagree. The
    primary key (tenant, kind, key, version) is the second barrier.
    """
    await connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"aivalue.baseline.definitions.{tenant}"},
    )


async def current(
    connection: AsyncConnection, tenant: str, *, kind: str | None = None
) -> dict[tuple[str, str], Stored]:
    """Return the newest version of every definition of the tenant, by (kind, key)."""
    rows = (await connection.execute(_newest(tenant, kind))).all()
    return {(row.kind, row.key): _stored(row) for row in rows}


async def named(
    connection: AsyncConnection, tenant: str, pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Stored]:
    """Return the newest versions of those that there are, by (kind, key)."""
    statement = _newest(tenant, None).where(
        tuple_(definitions.c.kind, definitions.c.key).in_(list(pairs))
    )
    rows = (await connection.execute(statement)).all()
    return {(row.kind, row.key): _stored(row) for row in rows}


async def targets_of(connection: AsyncConnection, tenant: str, initiative: str) -> list[Stored]:
    """Return the newest versions of an initiative's targets, by key."""
    statement = _newest(tenant, "target").where(
        definitions.c.body["initiative"].astext == initiative
    )
    return [_stored(row) for row in (await connection.execute(statement)).all()]


async def page(
    connection: AsyncConnection,
    tenant: str,
    *,
    kind: str | None,
    kpi: str | None = None,
    after: tuple[str, str] | None,
    limit: int,
) -> list[Stored]:
    """Return the newest versions after a (kind, key), sorted, at most `limit`.

    With a KPI, those of designs that name it.
    """
    statement = _newest(tenant, kind).limit(limit)
    if kpi is not None:
        statement = statement.where(
            definitions.c.kind == "design", definitions.c.body.contains({"kpis": [kpi]})
        )
    if after is not None:
        statement = statement.where(tuple_(definitions.c.kind, definitions.c.key) > after)
    return [_stored(row) for row in (await connection.execute(statement)).all()]


async def versions(
    connection: AsyncConnection, tenant: str, kind: str, key: str, *, limit: int = 1_000
) -> list[Stored]:
    """Return the versions of one definition, newest first."""
    statement = (
        select(definitions)
        .where(_is(tenant, kind, key))
        .order_by(definitions.c.version.desc())
        .limit(limit)
    )
    return [_stored(row) for row in (await connection.execute(statement)).all()]


async def every_version(connection: AsyncConnection, tenant: str) -> list[Stored]:
    """Return all versions of all definitions of the tenant, to be verified."""
    statement = (
        select(definitions)
        .where(definitions.c.tenant_id == tenant)
        .order_by(definitions.c.kind, definitions.c.key, definitions.c.version)
    )
    return [_stored(row) for row in (await connection.execute(statement)).all()]


async def version_of(
    connection: AsyncConnection,
    tenant: str,
    kind: str,
    key: str,
    version: int | None,
    *,
    valid_at: date | None = None,
) -> Stored | None:
    """Return one version, the newest where none is named, or the newest that held on a day."""
    statement = select(definitions).where(_is(tenant, kind, key))
    if version is not None:
        statement = statement.where(definitions.c.version == version)
    if valid_at is not None:
        # Not the day after: there is none after the last.
        end_of_day = datetime.combine(valid_at, time.max, tzinfo=UTC)
        # Without a day of its own a version holds for all days.
        for_all_days = definitions.c.valid_from == definitions.c.recorded_at
        statement = statement.where(for_all_days | (definitions.c.valid_from <= end_of_day))
    statement = statement.order_by(definitions.c.version.desc()).limit(1)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _stored(row)


async def add(connection: AsyncConnection, tenant: str, stored: Iterable[Stored]) -> None:
    """Append versions; a version that another writer has taken raises IntegrityError."""
    rows = [
        {
            "tenant_id": tenant,
            "kind": each.kind,
            "key": each.key,
            "version": each.version,
            "body": each.body,
            "sha256": each.sha256,
            "valid_from": each.valid_from,
            "recorded_at": each.recorded_at,
            "recorded_by": each.recorded_by,
            "reason": each.reason,
        }
        for each in stored
    ]
    if rows:
        await connection.execute(insert(definitions), rows)


def _newest(tenant: str, kind: str | None) -> Select[tuple[object, ...]]:
    same = definitions.alias("same")
    newest = (
        select(func.max(same.c.version))
        .where(_is(tenant, definitions.c.kind, definitions.c.key, table=same))
        .scalar_subquery()
    )
    statement = (
        select(definitions)
        .where(definitions.c.tenant_id == tenant, definitions.c.version == newest)
        .order_by(definitions.c.kind, definitions.c.key)
    )
    return statement if kind is None else statement.where(definitions.c.kind == kind)


def _is(
    tenant: str,
    kind: str | ColumnElement[str],
    key: str | ColumnElement[str],
    *,
    table: FromClause = definitions,
) -> ColumnElement[bool]:
    return and_(table.c.tenant_id == tenant, table.c.kind == kind, table.c.key == key)


def _stored(row: Row[tuple[object, ...]]) -> Stored:
    return Stored(
        kind=row.kind,
        key=row.key,
        version=row.version,
        body=row.body,
        sha256=row.sha256,
        # asyncpg takes the first instant there is for -infinity, which it returns without a zone.
        valid_from=row.valid_from.replace(tzinfo=UTC),
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
        reason=row.reason,
    )
