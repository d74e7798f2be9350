"""Backfills over HTTP: what they brought, taking one back as a whole, and letting it count again.

A revert is an event in the log like any other, so that the snapshot says whether a figure was
computed before or after it; it holds until it is retracted.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from aivalue.runtime.auth import Operator, Principal, Reader
from aivalue.runtime.requests import closed
from services.ingest.queries import asked
from services.ingest.queries import backfills as queries
from services.ingest.reverting import Progress, Refused, Reverting, UnknownBackfill
from services.ingest.settings import IngestSettings

router = APIRouter(prefix="/v1")
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"description": "No event of that backfill was ever stored."}
}


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Backfill(_Shape):
    """A backfill and what it brought; it counts unless it is reverted.

    `partly_reverted` is one whose revert, or the restoring of it, was begun and not finished.
    """

    backfill: str
    announced_at: datetime
    state: Literal["counts", "partly_reverted", "reverted"]
    n_events: int
    n_reverted: int
    reverted_at: datetime | None
    revert_reason: str | None


class Backfills(_Shape):
    """One page, by name."""

    backfills: list[Backfill]
    next_cursor: str | None


class BackfillChange(_Shape):
    """What to do about which backfill, and why."""

    model_config = closed(example={"backfill": "history-2023", "reason": "wrong time zone"})

    backfill: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


class BackfillState(_Shape):
    """How the backfill stands now; `changed` is false where it stood so already.

    While `n_left` is not 0 that many of its events are left to be taken back, or to count again:
    ask again.
    """

    backfill: str
    reverted: bool
    changed: bool
    n_left: int


@router.get("/backfills")
async def get_backfills(
    request: Request,
    principal: Reader,
    *,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Backfills:
    """Return backfills, how many events each brought, and which are reverted."""
    async with asked.snapshot_of(request.app.state.pool) as connection:
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
    """Stop counting everything that came with a backfill alone, now and later.

    A large one takes several calls, of which each takes a slice back: call until `n_left` is 0.
    """
    reason = f"{principal.subject}: {wanted.reason}"
    with _refusing():
        progress = await _reverting(request, principal).revert(wanted.backfill, reason=reason)
    return _state(wanted, progress, reverted=not progress.n_left)


@router.post("/backfills:restore", responses=_UNKNOWN)
async def restore_backfill(
    request: Request, principal: Operator, wanted: BackfillChange
) -> BackfillState:
    """Count a reverted backfill again; a large one by slices, as it was reverted."""
    reason = f"{principal.subject}: {wanted.reason}"
    with _refusing():
        progress = await _reverting(request, principal).restore(wanted.backfill, reason=reason)
    return _state(wanted, progress, reverted=False)


def _reverting(request: Request, principal: Principal) -> Reverting:
    state = request.app.state
    settings: IngestSettings = state.settings
    return Reverting(
        state.pool,
        state.http_ingestion,
        tenant=principal.tenant,
        slice_events=settings.ingest.revert_slice_events,
    )


def _state(wanted: BackfillChange, progress: Progress, *, reverted: bool) -> BackfillState:
    return BackfillState(
        backfill=wanted.backfill, reverted=reverted, changed=progress.changed,
        n_left=progress.n_left,
    )  # fmt: skip


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except UnknownBackfill as error:
        raise HTTPException(404, str(error)) from error
    except Refused as error:
        raise HTTPException(409, str(error)) from error
