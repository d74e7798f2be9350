"""HTTP surface of baselines: freeze, list, read; frozen bytes never change."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, HTTPException, Query, Response
from pydantic import BaseModel

from aivalue.baselines.window import expiry_of
from aivalue.kpis.definition import Text, Window
from aivalue.kpis.series import plain
from aivalue.runtime.auth import Reader, Writer
from aivalue.runtime.clock import utc_now
from services.baseline.defining import Author
from services.baseline.dependencies import (
    Engine,
    Ingest,
    KeyInPath,
    KeyInQuery,
    ReadConnection,
    ReviewRequired,
    Settings,
)
from services.baseline.freezing import freeze_baseline
from services.baseline.queries import baselines as queries
from services.baseline.queries.baselines import StoredBaseline
from services.baseline.routes.requests import ScopeRequest

router = APIRouter(prefix="/v1/baselines", tags=["baselines"])
NOT_FOUND: dict[int | str, dict[str, object]] = {404: {"description": "Not frozen."}}


class FreezeRequest(ScopeRequest):
    """What to freeze and why."""

    reason: Text


class CoverageResponse(BaseModel):
    """Unit-days that should have been measured, and that were; shares are decimal strings."""

    expected_unit_days: int
    observed_unit_days: int
    ratio: str
    units: dict[str, str]


class ExclusionResponse(BaseModel):
    """Days taken out, for some units or for all, and why."""

    start: date
    end: date
    units: list[str] | None
    reason: str


class BaselineResponse(BaseModel):
    """A frozen baseline; `superseded` says that a later version exists."""

    baseline_id: str
    initiative: str
    kpi: str
    kpi_version: int
    version: int
    status: Literal["draft", "frozen"]
    superseded: bool
    start: date
    end: date
    expires_on: date
    units: list[str]
    exclusions: list[ExclusionResponse]
    coverage: CoverageResponse
    reconstructed: bool
    reason: str
    sha256: str
    snapshot: dict[str, Any]
    frozen_at: datetime
    frozen_by: str
    drafted_by: str | None
    reviewed_by: str | None
    level: str
    levels: dict[str, str]
    n: int


class BaselineWithSeries(BaselineResponse):
    """A frozen baseline with its measurements, columnar."""

    series: dict[str, list[Any]]


class BaselinesResponse(BaseModel):
    """Baselines by initiative and KPI, the newest version first."""

    baselines: list[BaselineResponse]


@router.post(
    "",
    status_code=201,
    responses={
        200: {"model": BaselineResponse, "description": "The same content was frozen before."},
        404: {"description": "The initiative or the KPI is not defined."},
        409: {"description": "It cannot be frozen: nothing measured, or not before go-live."},
        503: {"description": "Ingest does not answer."},
    },
)
async def post_baseline(
    request: FreezeRequest,
    principal: Writer,
    engine: Engine,
    ingest: Ingest,
    settings: Settings,
    review_required: ReviewRequired,
    response: Response,
) -> BaselineResponse:
    """Freeze the pre-AI series of a KPI; the same content again is the same baseline."""
    if review_required:
        raise HTTPException(
            409, "baselines are reviewed here: post it to /v1/baseline-drafts, have it approved"
        )
    author = Author(
        tenant=principal.tenant, subject=principal.subject, now=utc_now(), reason=request.reason
    )
    outcome = await freeze_baseline(
        engine, ingest, wanted=request.wanted(), author=author, kafka=settings.kafka
    )
    stored = outcome.baseline
    response.status_code = 201 if outcome.created else 200
    response.headers["etag"] = f'"{stored.sha256}"'
    response.headers["location"] = f"/v1/baselines/{stored.baseline_id}"
    return baseline_response(stored, superseded=outcome.superseded)


@router.get("")
async def list_baselines(
    principal: Reader,
    connection: ReadConnection,
    initiative: KeyInQuery = None,
    kpi: KeyInQuery = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 1_000,
) -> BaselinesResponse:
    """Return frozen baselines, without their measurements."""
    found = await queries.listed(
        connection, principal.tenant, initiative=initiative, kpi=kpi, limit=limit
    )
    return BaselinesResponse(
        baselines=[baseline_response(each, superseded=later) for each, later in found]
    )


@router.get("/{baseline_id}", responses={200: {"model": BaselineWithSeries}, **NOT_FOUND})
async def read_baseline(
    baseline_id: KeyInPath,
    principal: Reader,
    connection: ReadConnection,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a baseline with its measurements; the ETag is the hash of its content."""
    found = await queries.baseline_of(connection, principal.tenant, baseline_id)
    if found is None:
        raise HTTPException(404, f"there is no baseline {baseline_id!r}")
    stored, superseded = found
    headers = {"etag": f'"{stored.sha256}"'}
    if if_none_match == headers["etag"]:
        return Response(status_code=304, headers=headers)
    content = await queries.content_of(connection, principal.tenant, baseline_id)
    document = baseline_response(stored, superseded=superseded).model_dump(mode="json")
    # The stored columns pass through as they are: millions of cells need no second validation.
    document["series"] = orjson.loads(content or b"")["columns"]
    return Response(orjson.dumps(document), media_type="application/json", headers=headers)


@router.get("/{baseline_id}/content", responses=NOT_FOUND)
async def read_content(
    baseline_id: KeyInPath, principal: Reader, connection: ReadConnection
) -> Response:
    """Return the canonical bytes; their SHA-256 is the baseline's."""
    content = await queries.content_of(connection, principal.tenant, baseline_id)
    if content is None:
        raise HTTPException(404, f"there is no baseline {baseline_id!r}")
    return Response(content, media_type="application/json")


def baseline_response(stored: StoredBaseline, *, superseded: bool) -> BaselineResponse:
    """Shape a baseline as answers carry it."""
    return BaselineResponse.model_validate(
        {
            "baseline_id": stored.baseline_id,
            "initiative": stored.initiative,
            "kpi": stored.kpi,
            "kpi_version": stored.kpi_version,
            "version": stored.version,
            "status": "frozen",
            "superseded": superseded,
            "start": stored.start_day,
            "end": stored.end_day,
            "expires_on": expiry_of(Window(start=stored.start_day, end=stored.end_day)),
            "units": stored.units,
            "exclusions": stored.exclusions,
            "coverage": stored.coverage,
            "reconstructed": stored.reconstructed,
            "reason": stored.reason,
            "sha256": stored.sha256,
            "snapshot": stored.snapshot,
            "frozen_at": stored.frozen_at,
            "frozen_by": stored.frozen_by,
            "drafted_by": stored.drafted_by,
            "reviewed_by": stored.reviewed_by,
            "level": plain(stored.level),
            "levels": stored.levels,
            "n": stored.n,
        }
    )
