"""HTTP surface of differences: a frozen baseline against today's events, or another version."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from aivalue.baselines.difference import Difference, difference_of
from aivalue.kpis.series import plain
from aivalue.runtime.auth import Reader
from services.baseline.dependencies import KEY_PATTERN, Engine, Ingest, KeyInPath, ReadConnection
from services.baseline.drift import drift_of, frozen_series, known
from services.baseline.routes.baselines import NOT_FOUND

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
    drift = await drift_of(engine, ingest, principal.tenant, baseline_id)
    return DriftResponse(
        baseline_id=baseline_id,
        new_units=list(drift.new_units),
        frozen_snapshot=dict(drift.baseline.snapshot),
        snapshot=dict(drift.snapshot),
        **_shape(drift.difference).model_dump(),
    )


@router.get("/{baseline_id}/difference", responses=NOT_FOUND)
async def read_difference(
    baseline_id: KeyInPath,
    principal: Reader,
    connection: ReadConnection,
    to: Annotated[str, Query(pattern=KEY_PATTERN, description="Id of the later baseline.")],
) -> DifferenceResponse:
    """Compare two frozen baselines of the same KPI."""
    earlier, kpi = await known(connection, principal.tenant, baseline_id)
    later, _ = await known(connection, principal.tenant, to)
    if earlier.kpi != later.kpi:
        raise HTTPException(409, f"{baseline_id} is of {earlier.kpi}, {to} is of {later.kpi}")
    before = await frozen_series(connection, principal.tenant, earlier)
    after = await frozen_series(connection, principal.tenant, later)
    # Comparing years of a thousand units takes longer than a transaction may sit idle.
    await connection.rollback()
    return _shape(await asyncio.to_thread(difference_of, before, after, kpi))


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
