"""HTTP surface: summaries as JSON, business metrics for Prometheus. Both show the board."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel

from aivalue.reports.evidence import Evidence
from aivalue.reports.summary import InitiativeSummary, PortfolioSummary
from aivalue.runtime.auth import Principal, Reader
from aivalue.runtime.clock import utc_now
from aivalue.runtime.problems import DependencyUnavailable
from services.reporting.board import Board, Shown
from services.reporting.exposition import BusinessCollector
from services.reporting.settings import ReportingSettings
from services.reporting.snapshot import Reading, Snapshot

router = APIRouter(tags=["reports"])
NO_SNAPSHOT: dict[int | str, dict[str, object]] = {
    503: {"description": "The services have never been read completely."}
}
# Roles that watch over all tenants; everyone else sees their own.
OVERSEERS = frozenset({"service", "operator"})


class FromSnapshot(BaseModel):
    """How current an answer is.

    `snapshot` names the content: equal figures have equal names. `stale` says that the last
    reading of the services failed, and `stale_reason` why.
    """

    as_of: datetime
    snapshot: str
    stale: bool
    stale_reason: str | None
    age_seconds: float


class SummaryResponse(FromSnapshot):
    """Every portfolio with its totals and all its initiatives."""

    portfolios: tuple[PortfolioSummary, ...]


class InitiativeResponse(FromSnapshot):
    """One initiative.

    `scopes` are the effects on parts (campaigns, segments) alone: they are not independent of the
    whole and never added to it. `pending` says why its figures are about to change, or cannot.
    """

    initiative: InitiativeSummary
    scopes: tuple[Evidence, ...]
    pending: str | None


async def board(request: Request) -> Board:
    """Return the board that `app.py` put on the application."""
    found: Board = request.app.state.board
    return found


async def settings(request: Request) -> ReportingSettings:
    """Return the settings the application was created with."""
    found: ReportingSettings = request.app.state.settings
    return found


Figures = Annotated[Board, Depends(board)]
Settings = Annotated[ReportingSettings, Depends(settings)]


@router.get("/v1/summary", responses=NO_SNAPSHOT)
async def read_summary(principal: Reader, figures: Figures) -> SummaryResponse:
    """Return all portfolios; the last complete figures, flagged where they are not current."""
    shown, snapshot = _shown(figures, principal.tenant)
    return SummaryResponse.model_validate(
        {**_freshness(shown, snapshot), "portfolios": shown.portfolios}
    )


@router.get(
    "/v1/initiatives/{key}/summary",
    responses={404: {"description": "No such initiative."}, **NO_SNAPSHOT},
)
async def read_initiative(key: str, principal: Reader, figures: Figures) -> InitiativeResponse:
    """Return one initiative: KPIs before and after, targets, effects, value, cost and return."""
    shown, snapshot = _shown(figures, principal.tenant)
    found = (
        summary
        for portfolio in shown.portfolios
        for summary in portfolio.initiatives
        if summary.initiative == key
    )
    summary = next(found, None)
    if summary is None:
        raise HTTPException(404, f"there is no initiative {key!r}")
    estimate = _reading(snapshot, key).estimate
    return InitiativeResponse.model_validate(
        {
            **_freshness(shown, snapshot),
            "initiative": summary,
            "scopes": estimate.scopes() if estimate else (),
            "pending": estimate.pending if estimate else None,
        }
    )


@router.get(
    "/metrics/business",
    response_class=PlainTextResponse,
    responses={404: {"description": "No such tenant, or not yours."}, **NO_SNAPSHOT},
)
async def business_metrics(
    request: Request,
    principal: Reader,
    figures: Figures,
    settings: Settings,
    tenant: str | None = None,
) -> Response:
    """Export the figures; those older than the limit are withheld, and without any it is 503."""
    group = settings.reporting
    now = utc_now()
    shown = {name: figures[name] for name in _visible(principal, tenant, settings.tenants)}
    current = {
        name: each for name, each in shown.items() if each.age_seconds(now) <= group.max_age_seconds
    }
    if not current:
        reasons = "; ".join(f"{name}: {each.stale_reason}" for name, each in shown.items())
        raise DependencyUnavailable(
            f"no figures of the last {group.max_age_seconds:.0f} s ({reasons})"
        )
    registry = CollectorRegistry()
    registry.register(BusinessCollector(shown=current, series_max=group.series_max))
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    # Thousands of series take a third of a second to spell; other requests need not wait for it.
    body = await asyncio.to_thread(encode, registry)
    return Response(body, media_type=content_type)


def _visible(principal: Principal, wanted: str | None, tenants: tuple[str, ...]) -> list[str]:
    seen = set(tenants) if principal.roles & OVERSEERS else {principal.tenant} & set(tenants)
    if wanted is not None:
        seen &= {wanted}
    if not seen:
        # Whether another tenant exists is nobody's business.
        raise HTTPException(404, f"there is no tenant {wanted or principal.tenant!r}")
    return sorted(seen)


def _shown(figures: Board, tenant: str) -> tuple[Shown, Snapshot]:
    shown = figures[tenant]
    if shown.snapshot is None:
        raise DependencyUnavailable(f"there are no figures yet: {shown.stale_reason}")
    return shown, shown.snapshot


def _freshness(shown: Shown, snapshot: Snapshot) -> dict[str, object]:
    return {
        "as_of": snapshot.taken_at,
        "snapshot": shown.digest,
        "stale": shown.stale_reason is not None,
        "stale_reason": shown.stale_reason,
        "age_seconds": round(shown.age_seconds(utc_now()), 3),
    }


def _reading(snapshot: Snapshot, key: str) -> Reading:
    return next(each for each in snapshot.figures.initiatives if each.initiative.key == key)
