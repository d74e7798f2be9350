"""Runs: one row each, never changed; the newest of an initiative is its present answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Select, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.canonical import Json
from services.attribution.tables import effects, runs

Status = Literal["completed", "refused"]
_HEAD = tuple(
    runs.c[name]
    for name in (
        "run_id", "initiative", "number", "status", "input_hash", "output_hash", "snapshot_id",
        "code_version", "recorded_at", "recorded_by", "reason",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What names a run: its place among the initiative's runs, and the digests.

    Attributes
    ----------
    number :
        1, 2, 3 ... within the initiative.
    snapshot_id :
        Position of the log that all inputs were read at; None where they differ.
    """

    run_id: str
    initiative: str
    number: int
    status: Status
    input_hash: str
    output_hash: str
    snapshot_id: str | None
    code_version: str
    recorded_at: datetime
    recorded_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRun:
    """A run with the texts whose digests it carries."""

    run: Run
    inputs: str
    outputs: str
    snapshots: list[dict[str, Json]]


async def newest_run(connection: AsyncConnection, tenant: str, initiative: str) -> Run | None:
    """Return the run that answers for an initiative, None before the first."""
    row = (await connection.execute(_newest(tenant, initiative, *_HEAD))).one_or_none()
    return None if row is None else _run(row)


async def newest_full_run(
    connection: AsyncConnection, tenant: str, initiative: str
) -> FullRun | None:
    """Return the newest run with all that it computed."""
    row = (await connection.execute(_newest(tenant, initiative, runs))).one_or_none()
    return None if row is None else _full(row)


async def full_run(connection: AsyncConnection, tenant: str, run_id: str) -> FullRun | None:
    """Return one run with all that it computed."""
    statement = select(runs).where(runs.c.tenant_id == tenant, runs.c.run_id == run_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _full(row)


async def runs_of(
    connection: AsyncConnection,
    tenant: str,
    initiative: str,
    *,
    below: int | None,
    limit: int,
) -> list[Run]:
    """Return an initiative's runs with a number below `below`, newest first."""
    statement = (
        select(*_HEAD)
        .where(runs.c.tenant_id == tenant, runs.c.initiative == initiative)
        .order_by(runs.c.number.desc())
        .limit(limit)
    )
    if below is not None:
        statement = statement.where(runs.c.number < below)
    return [_run(row) for row in (await connection.execute(statement)).all()]


async def newest_runs(
    connection: AsyncConnection, tenant: str, *, after: str | None, limit: int
) -> list[Run]:
    """Return the newest run of each initiative whose key comes after `after`, by key."""
    newest = newest_numbers(tenant).subquery()
    is_newest = (runs.c.initiative == newest.c.initiative) & (runs.c.number == newest.c.number)
    statement = (
        select(*_HEAD)
        .join(newest, is_newest)
        .where(runs.c.tenant_id == tenant)
        .order_by(runs.c.initiative)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(runs.c.initiative > after)
    return [_run(row) for row in (await connection.execute(statement)).all()]


async def newest_runs_by(
    connection: AsyncConnection, tenant: str, *, estimator: str, limit: int
) -> list[FullRun]:
    """Return the newest runs with an effect that an estimator found, by initiative."""
    newest = newest_numbers(tenant).subquery()
    is_newest = (runs.c.initiative == newest.c.initiative) & (runs.c.number == newest.c.number)
    found = (
        select(effects.c.run_id)
        .where(effects.c.tenant_id == tenant, effects.c.run_id == runs.c.run_id)
        .where(effects.c.estimator == estimator)
    )
    statement = (
        select(runs)
        .join(newest, is_newest)
        .where(runs.c.tenant_id == tenant, found.exists())
        .order_by(runs.c.initiative)
        .limit(limit)
    )
    return [_full(row) for row in (await connection.execute(statement)).all()]


async def add_run(
    connection: AsyncConnection,
    tenant: str,
    run: Run,
    *,
    inputs: bytes,
    outputs: bytes,
    snapshots: Sequence[dict[str, Json]],
) -> None:
    """Append a run; a number that another run has taken raises IntegrityError."""
    values = {
        "tenant_id": tenant,
        **{column.name: getattr(run, column.name) for column in _HEAD},
        "inputs": inputs.decode(),
        "outputs": outputs.decode(),
        "snapshots": list(snapshots),
    }
    await connection.execute(insert(runs).values(values))


def newest_numbers(tenant: str) -> Select[tuple[str, int]]:
    """Select the number of each initiative's newest run."""
    return (
        select(runs.c.initiative, func.max(runs.c.number).label("number"))
        .where(runs.c.tenant_id == tenant)
        .group_by(runs.c.initiative)
    )


def _newest(tenant: str, initiative: str, *columns: Any) -> Select[Any]:  # noqa: ANN401 - columns or a table
    return (
        select(*columns)
        .where(runs.c.tenant_id == tenant, runs.c.initiative == initiative)
        .order_by(runs.c.number.desc())
        .limit(1)
    )


def _run(row: Row[Any]) -> Run:
    return Run(**{column.name: getattr(row, column.name) for column in _HEAD})


def _full(row: Row[Any]) -> FullRun:
    return FullRun(run=_run(row), inputs=row.inputs, outputs=row.outputs, snapshots=row.snapshots)
