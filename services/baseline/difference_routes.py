"""HTTP surface of differences: a frozen baseline against today's events, or another version."""

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.baselines.difference import Difference, difference_of
from aivalue.baselines.window import Exclusion, Scope, restrict
from aivalue.kpis.definition import Kpi, Window
from aivalue.kpis.series import Series, plain, series_from_columns
from aivalue.runtime.auth import Reader
from services.baseline import baseline_queries as queries
from services.baseline import definition_queries
from services.baseline.baseline_queries import StoredBaseline
from services.baseline.baseline_routes import NOT_FOUND
from services.baseline.dependencies import KEY_PATTERN, Engine, Ingest, KeyInPath, ReadConnection
from services.baseline.load import read_series

router = APIRouter(prefix="/v1/baselines", tags=["baselines"])


class DayResponse(BaseModel):
    """A unit-day that differs: added, removed or changed."""

    unit: str
    day: date
    how: str


class DifferenceResponse(BaseModel):
    """How a later state differs; levels are decimal strings, the change a share of the earlier."""

    differs: bool
    added: int
    removed: int
    changed: int
    days: list[DayResponse]
    level_before: str | None
    level_after: str | None
    level_change: str | None


class DriftResponse(DifferenceResponse):
    """How today's events differ from what was frozen; `new_units` were not measured then."""

    baseline_id: str
    new_units: list[str]
    frozen_snapshot: dict[str, Any]
    snapshot: dict[str, Any]


@router.get("/{baseline_id}/drift", responses=NOT_FOUND)
async def read_drift(
    baseline_id: KeyInPath, principal: Reader, engine: Engine, ingest: Ingest
) -> DriftResponse:
    """Compare a frozen baseline with what ingest holds now; the baseline never moves."""
    async with engine.connect() as connection:
        stored, kpi = await _known(connection, principal.tenant, baseline_id)
        frozen = await _series(connection, principal.tenant, stored)
    scope = Scope(
        window=Window(start=stored.start_day, end=stored.end_day),
        exclusions=tuple(Exclusion.model_validate(each) for each in stored.exclusions),
    )
    series, snapshot = await read_series(ingest, principal.tenant, stored.kpi, scope)
    everything = restrict(series, scope)
    frozen_units = frozenset(stored.units)
    now = everything.where(lambda key: key[0] in frozen_units)
    difference = await asyncio.to_thread(difference_of, frozen, now, kpi)
    return DriftResponse(
        baseline_id=baseline_id,
        new_units=sorted(set(everything.unit) - frozen_units),
        frozen_snapshot=dict(stored.snapshot),
        snapshot=dict(snapshot),
        **_shape(difference).model_dump(),
    )


@router.get("/{baseline_id}/difference", responses=NOT_FOUND)
async def read_difference(
    baseline_id: KeyInPath,
    principal: Reader,
    connection: ReadConnection,
    to: Annotated[str, Query(pattern=KEY_PATTERN, description="Id of the later baseline.")],
) -> DifferenceResponse:
    """Compare two frozen baselines of the same KPI."""
    earlier, kpi = await _known(connection, principal.tenant, baseline_id)
    later, _ = await _known(connection, principal.tenant, to)
    if earlier.kpi != later.kpi:
        raise HTTPException(409, f"{baseline_id} is of {earlier.kpi}, {to} is of {later.kpi}")
    before = await _series(connection, principal.tenant, earlier)
    after = await _series(connection, principal.tenant, later)
    # Comparing years of a thousand units takes longer than a transaction may sit idle.
    await connection.rollback()
    return _shape(await asyncio.to_thread(difference_of, before, after, kpi))


async def _known(
    connection: AsyncConnection, tenant: str, baseline_id: str
) -> tuple[StoredBaseline, Kpi]:
    found = await queries.baseline_of(connection, tenant, baseline_id)
    if found is None:
        raise HTTPException(404, f"there is no baseline {baseline_id!r}")
    stored = found[0]
    kpi = await definition_queries.version_of(
        connection, tenant, "kpi", stored.kpi, stored.kpi_version
    )
    assert kpi is not None  # noqa: S101 - definitions are append-only
    return stored, Kpi.model_validate(kpi.body)


async def _series(connection: AsyncConnection, tenant: str, stored: StoredBaseline) -> Series:
    content = await queries.content_of(connection, tenant, stored.baseline_id)
    return series_from_columns(stored.kpi, json.loads(content or b"{}")["columns"])


def _shape(difference: Difference) -> DifferenceResponse:
    before, after = difference.level_before, difference.level_after
    change = None
    if before and after is not None:
        change = plain(((after - before) / abs(before)).quantize(Decimal("0.000001")))
    return DifferenceResponse(
        differs=not difference.is_none,
        added=difference.added,
        removed=difference.removed,
        changed=difference.changed,
        days=[DayResponse(unit=each.unit, day=each.day, how=each.how) for each in difference.days],
        level_before=None if before is None else plain(before),
        level_after=None if after is None else plain(after),
        level_change=change,
    )
