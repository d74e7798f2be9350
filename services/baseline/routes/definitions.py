"""HTTP surface of definitions: plan, apply, and single ones under optimistic concurrency."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Response
from pydantic import BaseModel, Field

from aivalue.kpis.applying import (
    Author,
    ChangesResponse,
    Wanted,
    WantedDefinition,
    changes_response,
)
from aivalue.kpis.change import Change
from aivalue.kpis.definition import Day, Key, Text
from aivalue.runtime.auth import Reader, Writer
from aivalue.runtime.clock import utc_now
from aivalue.runtime.requests import closed
from services.baseline import defining, metrics
from services.baseline.defining import Effective
from services.baseline.dependencies import Engine, KeyInPath, ReadConnection, Settings
from services.baseline.queries import definitions as queries
from services.baseline.queries.definitions import Stored

router = APIRouter(prefix="/v1", tags=["definitions"])
DEFINITIONS_MAX = 5_000
NOT_FOUND: dict[int | str, dict[str, object]] = {404: {"description": "Not defined."}}
Kind = Literal["portfolio", "initiative", "process", "kpi", "target", "design"]


ValidFrom = Annotated[
    Day | None, Field(description="First day it holds; without it, it holds for all days.")
]
Evidence = Annotated[
    dict[Key, Text],
    Field(max_length=50, description="What the decision to pass a gate rests on, by name."),
]


class DefinitionsRequest(BaseModel):
    """Definitions that become true together, or not at all."""

    model_config = closed(
        example={
            "definitions": [
                {
                    "kind": "portfolio",
                    "key": "operations",
                    "body": {
                        "name": "Operations",
                        "owner": "Chief operating officer",
                        "reporting_currency": "USD",
                    },
                }
            ],
            "reason": "first portfolio",
        }
    )

    definitions: list[WantedDefinition] = Field(max_length=DEFINITIONS_MAX)
    reason: Text
    valid_from: ValidFrom = None
    evidence: Evidence = {}


class DefinitionRequest(BaseModel):
    """One definition's new body."""

    model_config = closed(
        example={
            "body": {
                "name": "Operations",
                "owner": "Chief executive",
                "reporting_currency": "USD",
            },
            "reason": "new owner",
        }
    )

    body: dict[str, object]
    reason: Text
    valid_from: ValidFrom = None
    evidence: Evidence = {}


class DefinitionResponse(BaseModel):
    """One version of a definition."""

    kind: str
    key: str
    version: int
    sha256: str
    valid_from: datetime
    body: dict[str, object]


class VersionResponse(DefinitionResponse):
    """One version with who recorded it, when and why."""

    recorded_at: datetime
    recorded_by: str
    reason: str


class DefinitionsResponse(BaseModel):
    """A page of definitions."""

    definitions: list[DefinitionResponse]
    next_cursor: str | None


class HistoryResponse(BaseModel):
    """All versions, newest first."""

    versions: list[VersionResponse]


@router.post("/definitions:plan")
async def plan_definitions(
    request: DefinitionsRequest, principal: Reader, connection: ReadConnection
) -> ChangesResponse:
    """Say what applying would change; nothing is written."""
    changes = await defining.plan(connection, principal.tenant, _wanted(request))
    return changes_response(changes)


@router.post("/definitions:apply")
async def apply_definitions(
    request: DefinitionsRequest, principal: Writer, engine: Engine, settings: Settings
) -> ChangesResponse:
    """Store what changed in one transaction; applying the same again changes nothing."""
    author = Author(
        tenant=principal.tenant, subject=principal.subject, now=utc_now(), reason=request.reason
    )
    async with engine.begin() as connection:
        changes = await defining.apply(
            connection, author, _wanted(request), settings.kafka, effective=_effective(request)
        )
    _count(changes)
    return changes_response(changes)


@router.get("/definitions")
async def list_definitions(
    principal: Reader,
    connection: ReadConnection,
    kind: Kind | None = None,
    kpi: Annotated[Key | None, Query(description="Designs that name this KPI.")] = None,
    cursor: Annotated[str | None, Query(pattern=r"^[a-z]+/[a-z0-9._-]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DefinitionsResponse:
    """Return current definitions, sorted by kind and key."""
    after = None
    if cursor is not None:
        at, _, key = cursor.partition("/")
        after = (at, key)
    found = await queries.page(
        connection, principal.tenant, kind=kind, kpi=kpi, after=after, limit=limit + 1
    )
    page = found[:limit]
    more = len(found) > limit
    return DefinitionsResponse(
        definitions=[definition_response(each) for each in page],
        next_cursor=f"{page[-1].kind}/{page[-1].key}" if more else None,
    )


@router.get("/definitions/{kind}/{key}", responses=NOT_FOUND)
async def read_definition(
    kind: Kind,
    key: KeyInPath,
    principal: Reader,
    connection: ReadConnection,
    response: Response,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    valid_at: Annotated[
        Day | None, Query(description="The version that held on this day, as known today.")
    ] = None,
) -> DefinitionResponse:
    """Return one definition: the newest version, the one named, or the one that held on a day."""
    stored = await queries.version_of(
        connection, principal.tenant, kind, key, version, valid_at=valid_at
    )
    if stored is None:
        raise HTTPException(404, f"there is no {kind} {key!r} of that version")
    response.headers["etag"] = etag_of(stored)
    return definition_response(stored)


@router.get("/definitions/{kind}/{key}/history", responses=NOT_FOUND)
async def read_history(
    kind: Kind, key: KeyInPath, principal: Reader, connection: ReadConnection
) -> HistoryResponse:
    """Return all versions of one definition: who changed what, when and why."""
    found = await queries.versions(connection, principal.tenant, kind, key)
    if not found:
        raise HTTPException(404, f"there is no {kind} {key!r}")
    return HistoryResponse(
        versions=[VersionResponse.model_validate(each, from_attributes=True) for each in found]
    )


async def expected_etag(
    if_match: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> str | None:
    """Return the ETag that the caller has seen, None where it saw nothing and wants to create."""
    if if_match is None and if_none_match != "*":
        raise HTTPException(428, "send If-Match with the ETag you read, or If-None-Match: *")
    return if_match


Expected = Annotated[str | None, Depends(expected_etag)]


@router.put(
    "/definitions/{kind}/{key}",
    responses={
        201: {"model": DefinitionResponse, "description": "Created."},
        412: {"description": "Someone else has changed it since."},
        428: {"description": "If-Match (or If-None-Match: * to create) is missing."},
    },
)
async def put_definition(
    kind: Kind,
    key: KeyInPath,
    request: DefinitionRequest,
    principal: Writer,
    engine: Engine,
    settings: Settings,
    response: Response,
    expected: Expected,
) -> DefinitionResponse:
    """Create or change one definition, if it still is what the caller has seen."""
    author = Author(
        tenant=principal.tenant, subject=principal.subject, now=utc_now(), reason=request.reason
    )
    wanted = Wanted(kind=kind, key=key, body=request.body)
    async with engine.begin() as connection:
        await queries.lock_tenant(connection, author.tenant)
        seen = await queries.version_of(connection, author.tenant, kind, key, None)
        now = None if seen is None else etag_of(seen)
        if now != expected:
            raise HTTPException(412, f"{kind} {key!r} has ETag {now}, you sent {expected}")
        changes = await defining.apply(
            connection, author, [wanted], settings.kafka, effective=_effective(request)
        )
        stored = await queries.version_of(connection, author.tenant, kind, key, None)
    _count(changes)
    assert stored is not None  # noqa: S101 - just written
    response.status_code = 201 if seen is None else 200
    response.headers["etag"] = etag_of(stored)
    return definition_response(stored)


def etag_of(stored: Stored) -> str:
    """Return the strong ETag of a version."""
    return f'"{stored.version}"'


def definition_response(stored: Stored) -> DefinitionResponse:
    """Shape one stored version as answers carry it."""
    return DefinitionResponse.model_validate(stored, from_attributes=True)


def _count(changes: tuple[Change, ...]) -> None:
    # After the commit: what was rolled back did not happen.
    for each in changes:
        if each.action != "none":
            metrics.CHANGES.labels(each.kind, each.action).inc()


def _effective(request: DefinitionsRequest | DefinitionRequest) -> Effective:
    return Effective(day=request.valid_from, evidence=request.evidence)


def _wanted(request: DefinitionsRequest) -> list[Wanted]:
    return [each.wanted() for each in request.definitions]
