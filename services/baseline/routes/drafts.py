"""HTTP surface of drafts: propose a baseline, have a second person agree, freeze it."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.applying import Author
from aivalue.kpis.definition import Text
from aivalue.runtime.auth import Principal, Reader, Writer, require
from aivalue.runtime.clock import utc_now
from aivalue.runtime.requests import closed
from services.baseline import metrics
from services.baseline.dependencies import (
    KEY_PATTERN,
    Engine,
    Ingest,
    KeyInPath,
    ReadConnection,
    Settings,
)
from services.baseline.drafting import draft_baseline, freeze_draft, review_draft
from services.baseline.freezing import count
from services.baseline.queries import drafts as queries
from services.baseline.queries.drafts import Draft
from services.baseline.routes.baselines import FreezeRequest
from services.baseline.routes.shapes import BaselineResponse, answers

router = APIRouter(prefix="/v1/baseline-drafts", tags=["drafts"])
Approver = Annotated[Principal, Depends(require("approver"))]
RESPONSES: dict[int | str, dict[str, object]] = {
    404: {"description": "No such draft."},
    409: {"description": "Not the second person, or not agreed yet."},
}


class ReviewRequest(BaseModel):
    """What a second person decides, and why."""

    model_config = closed(
        example={"decision": "approved", "comment": "window agrees with the plan"}
    )

    decision: Literal["approved", "rejected"]
    comment: Text


class ReviewResponse(BaseModel):
    """One review."""

    reviewed_by: str
    decision: str
    comment: str
    reviewed_at: datetime


class DraftResponse(BaseModel):
    """A baseline to be; `baseline` is what freezing would store."""

    status: Literal["draft", "reviewed", "rejected", "frozen"]
    drafted_at: datetime
    drafted_by: str
    reviews: list[ReviewResponse]
    baseline: BaselineResponse


class DraftsResponse(BaseModel):
    """A page of drafts, the newest first."""

    drafts: list[DraftResponse]
    next_cursor: str | None


@router.post("", status_code=201)
async def post_draft(
    request: FreezeRequest, principal: Writer, engine: Engine, ingest: Ingest, response: Response
) -> DraftResponse:
    """Capture what would be frozen; the same content again is the same draft."""
    author = _author(principal, request.reason)
    draft, created = await draft_baseline(engine, ingest, wanted=request.wanted(), author=author)
    response.status_code = 201 if created else 200
    async with engine.connect() as connection:
        return await _answer(connection, principal.tenant, draft)


@router.get("")
async def list_drafts(
    principal: Reader,
    connection: ReadConnection,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DraftsResponse:
    """Return drafts, the newest first."""
    after = None if cursor is None else _place_of(cursor)
    found = await queries.listed(connection, principal.tenant, after=after, limit=limit + 1)
    page = found[:limit]
    candidates = [(each.candidate, False) for each in page]
    shaped = await answers(connection, principal.tenant, candidates)
    return DraftsResponse(
        drafts=list(map(_response, page, shaped)),
        next_cursor=_cursor(page[-1]) if len(found) > limit else None,
    )


@router.get("/{baseline_id}", responses=RESPONSES)
async def read_draft(
    baseline_id: KeyInPath, principal: Reader, connection: ReadConnection
) -> DraftResponse:
    """Return one draft with its reviews."""
    draft = await queries.draft_of(connection, principal.tenant, baseline_id)
    return await _answer(connection, principal.tenant, _found(draft, baseline_id))


@router.post("/{baseline_id}/reviews", status_code=201, responses=RESPONSES)
async def post_review(
    baseline_id: KeyInPath, request: ReviewRequest, principal: Approver, engine: Engine
) -> DraftResponse:
    """Approve or reject a draft; whoever drafted it cannot."""
    author = _author(principal, request.comment)
    async with engine.begin() as connection:
        draft = _found(await queries.draft_of(connection, author.tenant, baseline_id), baseline_id)
        await review_draft(connection, author, draft, request.decision)
        reviewed = await queries.draft_of(connection, author.tenant, baseline_id)
        return await _answer(connection, author.tenant, _found(reviewed, baseline_id))


@router.post("/{baseline_id}:freeze", status_code=201, responses=RESPONSES)
async def post_freeze(
    baseline_id: KeyInPath,
    principal: Writer,
    engine: Engine,
    settings: Settings,
    response: Response,
) -> BaselineResponse:
    """Freeze exactly what was reviewed."""
    with metrics.counting_refusals():
        async with engine.begin() as connection:
            draft = _found(
                await queries.draft_of(connection, principal.tenant, baseline_id), baseline_id
            )
            author = _author(principal, draft.candidate.reason)
            outcome = await freeze_draft(connection, author, draft, settings.kafka)
            frozen = (outcome.baseline, outcome.superseded)
            [answer] = await answers(connection, principal.tenant, [frozen])
    count(principal.tenant, outcome)
    response.status_code = 201 if outcome.created else 200
    return answer


def _cursor(last: Draft) -> str:
    # Z, as a plus sign in a query is a space.
    drafted_at = last.drafted_at.astimezone(UTC).replace(tzinfo=None)
    return f"{drafted_at.isoformat()}Z/{last.candidate.baseline_id}"


def _place_of(cursor: str) -> tuple[datetime, str]:
    at, _, baseline_id = cursor.partition("/")
    try:
        drafted_at = datetime.fromisoformat(at)
    except ValueError:
        drafted_at = None
    if (
        drafted_at is None
        or drafted_at.tzinfo is None
        or not re.fullmatch(KEY_PATTERN, baseline_id)
    ):
        raise HTTPException(422, f"{cursor!r} is not a cursor of this list")
    return drafted_at, baseline_id


def _author(principal: Principal, reason: str) -> Author:
    return Author(tenant=principal.tenant, subject=principal.subject, now=utc_now(), reason=reason)


def _found(draft: Draft | None, baseline_id: str) -> Draft:
    if draft is None:
        raise HTTPException(404, f"there is no draft {baseline_id!r}")
    return draft


async def _answer(connection: AsyncConnection, tenant: str, draft: Draft) -> DraftResponse:
    [baseline] = await answers(connection, tenant, [(draft.candidate, False)])
    return _response(draft, baseline)


def _response(draft: Draft, baseline: BaselineResponse) -> DraftResponse:
    status = draft.status
    # A candidate is shown as what it is until it is frozen.
    shown = baseline.model_copy(
        update={
            "status": "frozen" if status == "frozen" else "draft",
            "version": draft.version or 0,
        }
    )
    return DraftResponse.model_validate(
        {
            "status": status,
            "drafted_at": draft.drafted_at,
            "drafted_by": draft.drafted_by,
            "reviews": draft.reviews,
            "baseline": shown,
        },
        from_attributes=True,
    )
