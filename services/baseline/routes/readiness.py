"""HTTP surface of readiness: is the history good enough, and what could it show."""

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from aivalue.baselines.level import levels_of
from aivalue.baselines.readiness.assess import Assessment, assess, target_share
from aivalue.baselines.readiness.power import Plan, Power
from aivalue.baselines.window import Scope, restrict
from aivalue.kpis.definition import Text
from aivalue.kpis.series import Series
from aivalue.runtime.auth import Reader
from aivalue.runtime.requests import closed
from services.baseline.dependencies import Engine, Ingest
from services.baseline.load import Defined, defined, read_pilots, read_series, scope_of
from services.baseline.routes.requests import SCOPE_EXAMPLE, ScopeRequest

router = APIRouter(prefix="/v1/readiness", tags=["readiness"])
TRIAL_WEEKS = 26


class ReadinessRequest(ScopeRequest):
    """Which history, and how the AI is to be tried; pilots default to the first treated units."""

    model_config = closed(example={**SCOPE_EXAMPLE, "treated_units": 6})

    treated_units: Annotated[int | None, Field(ge=1)] = None
    weeks: Annotated[int, Field(ge=1, le=520)] = TRIAL_WEEKS
    pilots: tuple[Text, ...] | None = None


class ItemResponse(BaseModel):
    """One finding; the number is null where the history is too thin to compute it."""

    name: str
    status: Literal["pass", "warn", "fail"]
    number: float | None
    needed: str
    detail: str


class ReadinessResponse(BaseModel):
    """All findings; `status` is the worst of them."""

    initiative: str
    kpi: str
    start: date
    end: date
    status: Literal["pass", "warn", "fail"]
    items: list[ItemResponse]
    power: Power | None
    snapshot: dict[str, Any]


@router.post(
    "",
    responses={
        404: {"description": "The initiative or the KPI is not defined."},
        409: {"description": "Too little was measured to say anything."},
        503: {"description": "Ingest does not answer."},
    },
)
async def assess_readiness(
    request: ReadinessRequest, principal: Reader, engine: Engine, ingest: Ingest
) -> ReadinessResponse:
    """Look at a history from every side before it is frozen; nothing is stored."""
    async with engine.connect() as connection:
        known = await defined(connection, principal.tenant, request.wanted())
    scope = scope_of(request.wanted(), known.design)
    series, snapshot = await read_series(ingest, principal.tenant, request.kpi, scope)
    pilots = request.pilots
    if pilots is None:
        pilots = await read_pilots(ingest, principal.tenant, request.initiative)
    assessment = await asyncio.to_thread(
        _assessed, restrict(series, scope), known=known, scope=scope, request=request, pilots=pilots
    )
    return ReadinessResponse.model_validate(
        {
            "initiative": request.initiative,
            "kpi": request.kpi,
            "start": scope.window.start,
            "end": scope.window.end,
            "status": assessment.status,
            "items": assessment.items,
            "power": assessment.power,
            "snapshot": snapshot,
        },
        from_attributes=True,
    )


def _assessed(
    series: Series,
    *,
    known: Defined,
    scope: Scope,
    request: ReadinessRequest,
    pilots: tuple[str, ...],
) -> Assessment:
    kpi, design, target = known.subject.kpi, known.design, known.target
    promised = None
    if target is not None and len(series):
        promised = target_share(target, kpi=kpi, level=levels_of(series, kpi).overall)
    plan = Plan(
        n_treated=request.treated_units or max(len(pilots), 1),
        n_weeks=request.weeks,
        target=promised,
        better_when=kpi.better_when,
        scale="additive" if design is None else design.scale,
        confidence=0.95 if design is None else design.confidence,
    )
    by_event = design is not None and design.randomized_by == "event"
    return assess(series, kpi=kpi, scope=scope, plan=plan, pilots=pilots, by_event=by_event)
