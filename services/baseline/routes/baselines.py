"""HTTP surface of baselines: freeze, list, read; frozen bytes never change."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Header, HTTPException, Query, Response

from aivalue.kpis.applying import Author
from aivalue.kpis.canonical import body_of, sha256_of
from aivalue.kpis.definition import Text
from aivalue.runtime.auth import Reader, Writer
from aivalue.runtime.clock import utc_now
from aivalue.runtime.requests import closed
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
from services.baseline.queries.baselines import BaselineKey, StoredBaseline
from services.baseline.routes.requests import SCOPE_EXAMPLE, ScopeRequest
from services.baseline.routes.shapes import (
    BaselineResponse,
    BaselinesResponse,
    BaselineWithSeries,
    answers,
)

router = APIRouter(prefix="/v1/baselines", tags=["baselines"])
CURSOR_PATTERN = r"^[a-z0-9._-]+/[a-z0-9._-]+/[0-9]{1,9}$"
NOT_FOUND: dict[int | str, dict[str, object]] = {404: {"description": "Not frozen."}}


class FreezeRequest(ScopeRequest):
    """What to freeze and why."""

    model_config = closed(example={**SCOPE_EXAMPLE, "reason": "pre-AI year"})

    reason: Text


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
    async with engine.connect() as connection:
        [answer] = await answers(connection, principal.tenant, [(stored, outcome.superseded)])
    response.headers["etag"] = _etag(answer)
    response.headers["location"] = f"/v1/baselines/{stored.baseline_id}"
    return answer


@router.get("")
async def list_baselines(
    principal: Reader,
    connection: ReadConnection,
    initiative: KeyInQuery = None,
    kpi: KeyInQuery = None,
    cursor: Annotated[str | None, Query(pattern=CURSOR_PATTERN)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 1_000,
) -> BaselinesResponse:
    """Return frozen baselines, without their measurements."""
    found = await queries.listed(
        connection,
        principal.tenant,
        initiative=initiative,
        kpi=kpi,
        after=None if cursor is None else _key_of(cursor),
        limit=limit + 1,
    )
    page = found[:limit]
    return BaselinesResponse(
        baselines=await answers(connection, principal.tenant, page),
        next_cursor=_cursor(page[-1][0]) if len(found) > limit else None,
    )


@router.get("/{baseline_id}", responses={200: {"model": BaselineWithSeries}, **NOT_FOUND})
async def read_baseline(
    baseline_id: KeyInPath,
    principal: Reader,
    connection: ReadConnection,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a baseline with its measurements; the ETag is its hash and what it stands for now."""
    found = await queries.baseline_of(connection, principal.tenant, baseline_id)
    if found is None:
        raise HTTPException(404, f"there is no baseline {baseline_id!r}")
    [answer] = await answers(connection, principal.tenant, [found])
    headers = {"etag": _etag(answer)}
    if _is_known(headers["etag"], if_none_match):
        return Response(status_code=304, headers=headers)
    content = await queries.content_of(connection, principal.tenant, baseline_id)
    document = answer.model_dump(mode="json")
    # The stored columns pass through as they are: millions of cells need no second validation.
    stored_content = orjson.loads(content or b"")
    document["profile"] = stored_content.get("profile")
    document["series"] = stored_content["columns"]
    return Response(orjson.dumps(document), media_type="application/json", headers=headers)


@router.get("/{baseline_id}/content", responses=NOT_FOUND)
async def read_content(
    baseline_id: KeyInPath,
    principal: Reader,
    connection: ReadConnection,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the canonical bytes; their SHA-256 is the baseline's and the ETag."""
    found = await queries.baseline_of(connection, principal.tenant, baseline_id)
    if found is None:
        raise HTTPException(404, f"there is no baseline {baseline_id!r}")
    headers = {"etag": f'"{found[0].sha256}"', "cache-control": "max-age=31536000, immutable"}
    if _is_known(headers["etag"], if_none_match):
        return Response(status_code=304, headers=headers)
    content = await queries.content_of(connection, principal.tenant, baseline_id)
    return Response(content, media_type="application/json", headers=headers)


def _cursor(last: StoredBaseline) -> str:
    return f"{last.initiative}/{last.kpi}/{last.version}"


def _key_of(cursor: str) -> BaselineKey:
    initiative, kpi, version = cursor.split("/")
    return BaselineKey(initiative=initiative, kpi=kpi, version=int(version))


def _etag(answer: BaselineResponse) -> str:
    """Name the answer: the content never changes, what it stands for does."""
    stands = sha256_of({"superseded": answer.superseded, "renewal": body_of(answer.renewal)})
    return f'"{answer.sha256}-{stands[:8]}"'


def _is_known(etag: str, if_none_match: str | None) -> bool:
    known = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    return etag in known or "*" in known
