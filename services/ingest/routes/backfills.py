"""Backfills over HTTP: what they brought, taking one back as a whole, and letting it count again.

A revert is an event in the log like any other, so that the snapshot says whether a figure was
computed before or after it; it holds until it is retracted.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from aivalue.events.business import BackfillReverted, EventRetracted
from aivalue.events.encode import http_event
from aivalue.events.fields import EventData
from aivalue.events.http_binding import STRUCTURED_JSON, Headers
from aivalue.runtime.auth import Operator, Principal, Reader
from aivalue.runtime.clock import utc_now
from services.ingest.http_ingestion import HttpIngestion
from services.ingest.queries import backfills as queries
from services.ingest.queries import reading

router = APIRouter(prefix="/v1")
SOURCE: Final = "urn:aivalue:ingest"
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"description": "No event of that backfill was ever stored."}
}


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Backfill(_Shape):
    """A backfill and what it brought; it counts unless it is reverted."""

    backfill: str
    announced_at: datetime
    n_events: int
    reverted_at: datetime | None
    revert_reason: str | None


class Backfills(_Shape):
    """One page, by name."""

    backfills: list[Backfill]
    next_cursor: str | None


class BackfillChange(_Shape):
    """What to do about which backfill, and why."""

    backfill: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class BackfillState(_Shape):
    """How the backfill stands now; `changed` is false where it stood so already."""

    backfill: str
    reverted: bool
    changed: bool


@router.get("/backfills")
async def get_backfills(
    request: Request,
    principal: Reader,
    *,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Backfills:
    """Return backfills, how many events each brought, and which are reverted."""
    async with reading.snapshot_of(request.app.state.pool) as connection:
        rows = await queries.list_backfills(
            connection, principal.tenant, after=cursor, limit=limit + 1
        )
    page = [Backfill.model_validate(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Backfills(backfills=page, next_cursor=page[-1].backfill if more else None)


@router.post("/backfills:revert", responses=_UNKNOWN)
async def revert_backfill(
    request: Request, principal: Operator, wanted: BackfillChange
) -> BackfillState:
    """Stop counting everything that came with a backfill alone, now and later."""
    if await _standing_reverts(request, principal, wanted):
        return BackfillState(backfill=wanted.backfill, reverted=True, changed=False)
    reason = f"{principal.subject}: {wanted.reason}"
    await _tell(request, principal, [BackfillReverted(backfill=wanted.backfill, reason=reason)])
    return BackfillState(backfill=wanted.backfill, reverted=True, changed=True)


@router.post("/backfills:restore", responses=_UNKNOWN)
async def restore_backfill(
    request: Request, principal: Operator, wanted: BackfillChange
) -> BackfillState:
    """Count a reverted backfill again."""
    reverts = await _standing_reverts(request, principal, wanted)
    if reverts:
        reason = f"{principal.subject}: {wanted.reason}"
        said = [EventRetracted(source=source, id=by, reason=reason) for source, by in reverts]
        await _tell(request, principal, said)
    return BackfillState(backfill=wanted.backfill, reverted=False, changed=bool(reverts))


async def _standing_reverts(
    request: Request, principal: Principal, wanted: BackfillChange
) -> list[tuple[str, str]]:
    async with request.app.state.pool.acquire() as connection:
        found = await queries.standing_reverts(connection, principal.tenant, wanted.backfill)
    if found is None:
        raise HTTPException(404, f"no event came with a backfill {wanted.backfill!r}")
    return found


async def _tell(request: Request, principal: Principal, said: Sequence[EventData]) -> None:
    """Put events into the log in one transaction with all that follows from them."""
    ingestion: HttpIngestion = request.app.state.http_ingestion
    parts: list[tuple[bytes, Headers]] = []
    for data in said:
        event = http_event(data, source=SOURCE, event_id=uuid.uuid4().hex, time=utc_now())
        parts.append((msgspec.json.encode(event), [("content-type", STRUCTURED_JSON)]))
    results = await ingestion.ingest(principal.tenant, parts)
    refused = [each for each in results if each.status == "rejected"]
    if refused:
        # Somebody else has said the same in between.
        raise HTTPException(409, refused[0].detail or "refused")
