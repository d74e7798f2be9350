"""Valuation rules: every version is a row that stays."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.canonical import Json
from services.attribution.tables import valuation_rules

VERSIONS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRule:
    """One version of a rule, as the table holds it."""

    key: str
    version: int
    initiative: str
    body: dict[str, Json]
    sha256: str
    valid_from: datetime
    recorded_at: datetime
    recorded_by: str
    reason: str


async def lock_rules(connection: AsyncConnection, tenant: str) -> None:
    """Let one writer of a tenant's rules in at a time, until the transaction ends."""
    await connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"aivalue.attribution.valuation_rules.{tenant}"},
    )


async def current_rules(
    connection: AsyncConnection,
    tenant: str,
    *,
    initiative: str | None = None,
    keys: Iterable[str] | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[StoredRule]:
    """Return the newest version of each rule, by key."""
    # The newest version first, then the filters: a rule may have moved to another initiative.
    newest = (
        select(valuation_rules.c.key, func.max(valuation_rules.c.version).label("version"))
        .where(valuation_rules.c.tenant_id == tenant)
        .group_by(valuation_rules.c.key)
        .subquery()
    )
    is_newest = (valuation_rules.c.key == newest.c.key) & (
        valuation_rules.c.version == newest.c.version
    )
    statement = (
        select(valuation_rules)
        .join(newest, is_newest)
        .where(valuation_rules.c.tenant_id == tenant)
        .order_by(valuation_rules.c.key)
        .limit(limit)
    )
    if keys is not None:
        statement = statement.where(valuation_rules.c.key.in_(list(keys)))
    if after is not None:
        statement = statement.where(valuation_rules.c.key > after)
    if initiative is not None:
        statement = statement.where(valuation_rules.c.initiative == initiative)
    return [_rule(row) for row in (await connection.execute(statement)).all()]


async def rule_versions(
    connection: AsyncConnection, tenant: str, key: str, *, version: int | None = None
) -> list[StoredRule]:
    """Return the versions of one rule, newest first, or the one named."""
    statement = (
        select(valuation_rules)
        .where(valuation_rules.c.tenant_id == tenant, valuation_rules.c.key == key)
        .order_by(valuation_rules.c.version.desc())
        .limit(VERSIONS_MAX)
    )
    if version is not None:
        statement = statement.where(valuation_rules.c.version == version)
    return [_rule(row) for row in (await connection.execute(statement)).all()]


async def add_rules(connection: AsyncConnection, tenant: str, rules: Iterable[StoredRule]) -> None:
    """Append versions; a version that another writer has taken raises IntegrityError."""
    rows = [
        {"tenant_id": tenant, **{name: getattr(rule, name) for name in StoredRule.__slots__}}
        for rule in rules
    ]
    if rows:
        await connection.execute(insert(valuation_rules), rows)


def _rule(row: Row[Any]) -> StoredRule:
    return StoredRule(**{name: getattr(row, name) for name in StoredRule.__slots__})
