"""What runs found, in rows: effects with their covariance, months, checks, benefits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Table, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.attribution.queries.runs import newest_numbers
from services.attribution.tables import benefits, checks, effect_months, effects, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """What one rule makes of one month."""

    initiative: str
    run_id: str
    rule: str
    rule_version: int
    kpi: str
    month: date
    category: str
    lever: str
    recurrence: str
    currency: str
    quantity: Decimal
    point: Decimal
    low: Decimal
    high: Decimal
    lower_bound: Decimal
    risk_adjusted: Decimal
    grade: str
    status: str


BenefitKey = tuple[str, date, str]


async def add_effects(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Append effects."""
    await _add(connection, effects, rows)


async def add_effect_months(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Append the months of effects."""
    await _add(connection, effect_months, rows)


async def add_checks(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Append the checks of effects."""
    await _add(connection, checks, rows)


async def add_benefits(connection: AsyncConnection, tenant: str, rows: Sequence[Benefit]) -> None:
    """Append benefits."""
    values = [
        {"tenant_id": tenant, **{name: getattr(row, name) for name in Benefit.__slots__}}
        for row in rows
    ]
    await _add(connection, benefits, values)


async def benefits_of_newest_runs(
    connection: AsyncConnection,
    tenant: str,
    *,
    initiative: str | None,
    category: str | None,
    after: BenefitKey | None,
    limit: int,
) -> list[Benefit]:
    """Return benefits of each initiative's newest run, by initiative, month and rule."""
    newest = newest_numbers(tenant).subquery()
    is_newest = (runs.c.initiative == newest.c.initiative) & (runs.c.number == newest.c.number)
    of_run = (benefits.c.tenant_id == runs.c.tenant_id) & (benefits.c.run_id == runs.c.run_id)
    order = (benefits.c.initiative, benefits.c.month, benefits.c.rule)
    statement = (
        select(benefits)
        .join(runs, of_run)
        .join(newest, is_newest)
        .where(benefits.c.tenant_id == tenant)
        .order_by(*order)
        .limit(limit)
    )
    if initiative is not None:
        statement = statement.where(benefits.c.initiative == initiative)
    if category is not None:
        statement = statement.where(benefits.c.category == category)
    if after is not None:
        statement = statement.where(tuple_(*order) > after)
    return [_benefit(row) for row in (await connection.execute(statement)).all()]


async def _add(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(table), list(rows))


def _benefit(row: Row[Any]) -> Benefit:
    return Benefit(**{name: getattr(row, name) for name in Benefit.__slots__})
