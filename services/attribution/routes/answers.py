"""HTTP surface of what the newest runs say: effects, benefits, value."""

from datetime import date, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.series import plain
from aivalue.reports.value_report import CostReport, ValueReport
from aivalue.runtime.auth import Reader
from services.attribution.dependencies import ReadConnection
from services.attribution.figures import restricted
from services.attribution.queries.recompute import waiting
from services.attribution.queries.results import (
    Benefit,
    BenefitKey,
    benefits_of_newest_runs,
)
from services.attribution.queries.runs import FullRun, newest_full_run, newest_runs
from services.attribution.routes.shapes import EffectShape, Shape

router = APIRouter(prefix="/v1", tags=["answers"])
NO_RUN: dict[int | str, dict[str, object]] = {404: {"description": "No run of it yet."}}


class FromRun(BaseModel):
    """Which run an answer comes from."""

    initiative: str
    run_id: str
    input_hash: str
    output_hash: str
    recorded_at: datetime


class EffectsResponse(FromRun):
    """Effects of the newest run; refused ones are listed with their reason."""

    effects: list[EffectShape]


class UnpricedPart(Shape):
    """A KPI or a rule that carries no money, and why; totals leave it out."""

    kpi: str
    rule: str | None
    reason: str


class ShareOfValue(Shape):
    """What one initiative is credited with."""

    initiative: str
    amount: str


class SharedValue(Shape):
    """What one rule makes of an effect that initiatives share; whole cents that sum exactly."""

    kpi: str
    rule: str
    total: str
    shares: list[ShareOfValue]


class ValueResponse(FromRun):
    """What the newest run's effects are worth; nothing priced is no value, not zero."""

    priced: bool
    reason: str | None
    currency: str
    unpriced: list[UnpricedPart]
    value: ValueReport | None
    cost: CostReport | None = Field(
        description="All charges, also where nothing is priced; null where nothing was charged."
    )
    cost_not_measured: str | None = Field(
        description="Charges after the last month whose effect is known; in no return."
    )
    shared: list[SharedValue] = Field(
        default=[], description="Where initiatives share an effect, by this one's rules."
    )


class BenefitResponse(BaseModel):
    """What one rule makes of one month; amounts are unrounded."""

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
    quantity: str
    point: str
    low: str
    high: str
    lower_bound: str
    risk_adjusted: str
    grade: str
    status: str


class BenefitsResponse(BaseModel):
    """A page of benefits, by initiative, month and rule."""

    benefits: list[BenefitResponse]
    next_cursor: str | None


class InitiativeResponse(BaseModel):
    """An initiative's newest run, and whether a newer one is due."""

    initiative: str
    run_id: str
    number: int
    status: str
    recorded_at: datetime
    stale: bool
    stale_reason: str | None
    last_error: str | None


class InitiativesResponse(BaseModel):
    """A page of initiatives that have been run, by key."""

    initiatives: list[InitiativeResponse]
    next_cursor: str | None


@router.get("/effects", response_model=None, responses=NO_RUN | {200: {"model": EffectsResponse}})
async def read_effects(
    initiative: str,
    principal: Reader,
    connection: ReadConnection,
    kpi: str | None = None,
    scope: Annotated[str | None, Query(description="A unit; empty is all together.")] = None,
    start: Annotated[date | None, Query(description="First day counted.")] = None,
    end: Annotated[date | None, Query(description="Day after the last.")] = None,
) -> Response:
    """Return effects; a window counts the months inside it, with the covariance between them."""
    if start is not None and end is not None and start >= end:
        raise HTTPException(422, f"start must be before end, got {start} and {end}")
    found = await _newest(connection, principal.tenant, initiative)
    effects = [
        restricted(each, better_when=each["better_when"], start=start, end=end)
        for each in orjson.loads(found.outputs)["effects"]
        if kpi in {None, each["kpi"]} and (scope is None or scope == (each["scope"] or ""))
    ]
    return _as_stored({**_from_run(found), "effects": effects})


@router.get(
    "/initiatives/{initiative}/value",
    response_model=None,
    responses=NO_RUN | {200: {"model": ValueResponse}},
)
async def read_value(initiative: str, principal: Reader, connection: ReadConnection) -> Response:
    """Return value, cost and return, each with its interval or the reason it has none."""
    found = await _newest(connection, principal.tenant, initiative)
    return _as_stored(_from_run(found) | orjson.loads(found.outputs)["value"])


@router.get("/benefits")
async def list_benefits(
    principal: Reader,
    connection: ReadConnection,
    initiative: str | None = None,
    category: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> BenefitsResponse:
    """Return the benefits of each initiative's newest run."""
    found = await benefits_of_newest_runs(
        connection,
        principal.tenant,
        initiative=initiative,
        category=category,
        after=None if cursor is None else _key(cursor),
        limit=limit + 1,
    )
    page = found[:limit]
    return BenefitsResponse(
        benefits=[_benefit(each) for each in page],
        next_cursor=_cursor(page[-1]) if len(found) > limit else None,
    )


@router.get("/initiatives")
async def list_initiatives(
    principal: Reader,
    connection: ReadConnection,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> InitiativesResponse:
    """Return what has been run, and what waits to be run again."""
    found = await newest_runs(connection, principal.tenant, after=cursor, limit=limit + 1)
    page = found[:limit]
    states = await waiting(connection, principal.tenant, [run.initiative for run in page])
    answers = []
    for run in page:
        state = states.get(run.initiative)
        stale = state is not None and state.is_stale
        answers.append(
            InitiativeResponse(
                initiative=run.initiative,
                run_id=run.run_id,
                number=run.number,
                status=run.status,
                recorded_at=run.recorded_at,
                stale=stale,
                stale_reason=state.reason if state is not None and stale else None,
                last_error=None if state is None else state.last_error,
            )
        )
    return InitiativesResponse(
        initiatives=answers,
        next_cursor=page[-1].initiative if len(found) > limit else None,
    )


async def _newest(connection: AsyncConnection, tenant: str, initiative: str) -> FullRun:
    found = await newest_full_run(connection, tenant, initiative)
    if found is None:
        raise HTTPException(404, f"no run of {initiative!r} yet")
    return found


def _from_run(found: FullRun) -> dict[str, Any]:
    return {name: getattr(found.run, name) for name in FromRun.model_fields}


def _as_stored(answer: dict[str, Any]) -> Response:
    """Answer past the model that documents it: a run of an older release keeps its own shape."""
    body = orjson.dumps(answer, option=orjson.OPT_UTC_Z)
    return Response(body, media_type="application/json")


def _benefit(benefit: Benefit) -> BenefitResponse:
    amounts = ("quantity", "point", "low", "high", "lower_bound", "risk_adjusted")
    values = {name: getattr(benefit, name) for name in BenefitResponse.model_fields}
    return BenefitResponse(**values | {name: plain(values[name]) for name in amounts})


def _cursor(benefit: Benefit) -> str:
    return f"{benefit.initiative}/{benefit.month}/{benefit.rule}"


def _key(cursor: str) -> BenefitKey:
    try:
        initiative, month, rule = cursor.split("/")
        return initiative, date.fromisoformat(month), rule
    except ValueError as error:
        raise HTTPException(422, f"{cursor!r} is not a cursor of this list") from error
