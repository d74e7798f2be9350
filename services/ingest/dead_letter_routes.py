"""Dead letters over HTTP: what is not counted and why, another chance for it, or its end."""

import base64
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from aivalue.runtime.auth import Operator, Principal, Reader
from services.ingest.queries import dead_letters, reading
from services.ingest.queries.dead_letters import Resolution
from services.ingest.replaying import Replayer

router = APIRouter(prefix="/v1")


class DeadLetterError(BaseModel):
    """What is wrong, and where in the event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    message: str


class DeadLetter(BaseModel):
    """A record that is not counted, with its original bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dead_letter_id: int
    topic: str
    partition: int
    offset: int
    reason: str
    errors: list[DeadLetterError]
    received_at: datetime
    log_timestamp: datetime
    source: str | None
    event_id: str | None
    status: Literal["open", "replayed", "discarded"]
    key_base64: str | None
    value_base64: str | None
    headers: list[tuple[str, str]]


class DeadLetters(BaseModel):
    """One page, oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dead_letters: list[DeadLetter]
    next_cursor: str | None


class Selection(BaseModel):
    """Which open letters: by id, or the oldest with a reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: list[int] | None = Field(default=None, max_length=1_000)
    reason: str | None = Field(default=None, max_length=100)
    limit: int = Field(default=100, ge=1, le=1_000)


class ReplayRequest(Selection):
    """Give letters another chance, as they are or changed by a JSON merge patch (RFC 7396)."""

    patch: dict[str, Any] | None = None
    dry_run: bool = False


class DiscardRequest(Selection):
    """Close letters for good."""

    because: str = Field(min_length=1, max_length=500)


class ReplayResult(BaseModel):
    """What became of one letter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dead_letter_id: int
    outcome: Literal["replayed", "duplicate", "rejected_again"]
    reason: str | None = None
    detail: str | None = None


class ReplayAnswer(BaseModel):
    """What became of the letters that were open; a dry run changed nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dry_run: bool
    results: list[ReplayResult]


class Discarded(BaseModel):
    """The letters that are closed now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: list[int]


@router.post("/dead-letters:replay", response_model_exclude_none=True)
async def replay_dead_letters(
    request: Request, principal: Operator, wanted: ReplayRequest
) -> ReplayAnswer:
    """Store dead letters again; what has been stored meanwhile is a duplicate."""
    replayer: Replayer = request.app.state.replayer
    ids = await _selected(request, principal, wanted)
    results = await replayer.replay(
        principal.tenant, ids, patch=wanted.patch, dry_run=wanted.dry_run, by=principal.subject
    )
    return ReplayAnswer(
        dry_run=wanted.dry_run, results=[ReplayResult(**asdict(each)) for each in results]
    )


@router.post("/dead-letters:discard")
async def discard_dead_letters(
    request: Request, principal: Operator, wanted: DiscardRequest
) -> Discarded:
    """Close dead letters without storing them; their bytes stay."""
    ids = await _selected(request, principal, wanted)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        letters = await dead_letters.lock_open(connection, principal.tenant, ids)
        closed = [
            Resolution(
                dead_letter_id=letter.dead_letter_id, outcome="discarded", reason=wanted.because
            )
            for letter in letters
        ]
        await dead_letters.resolve(connection, principal.tenant, closed, by=principal.subject)
    return Discarded(ids=[each.dead_letter_id for each in closed])


async def _selected(request: Request, principal: Principal, wanted: Selection) -> list[int]:
    if wanted.ids is not None:
        return wanted.ids
    async with request.app.state.pool.acquire() as connection:
        return await dead_letters.open_letters(
            connection, principal.tenant, reason=wanted.reason, limit=wanted.limit
        )


@router.get("/dead-letters")
async def get_dead_letters(
    request: Request,
    principal: Reader,
    *,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    status: Literal["open", "replayed", "discarded"] | None = None,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeadLetters:
    """Return dead letters; header values are base64, their bytes need not be text."""
    async with reading.snapshot_of(request.app.state.pool) as connection:
        rows = await dead_letters.list_dead_letters(
            connection,
            principal.tenant,
            reason=reason,
            status=status,
            after=_position(cursor),
            limit=limit + 1,
        )
    page = [_shape(row) for row in rows[:limit]]
    more = len(rows) > limit
    return DeadLetters(
        dead_letters=page, next_cursor=str(page[-1].dead_letter_id) if more else None
    )


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit():
        raise HTTPException(422, f"cursor {cursor!r} is not one that we returned")
    return int(cursor)


def _shape(row: dict[str, object]) -> DeadLetter:
    key, value = row.pop("key"), row.pop("value")
    return DeadLetter.model_validate(
        {
            **row,
            "errors": msgspec.json.decode(str(row["errors"])),
            "headers": msgspec.json.decode(str(row["headers"])),
            "key_base64": _base64(key),
            "value_base64": _base64(value),
        }
    )


def _base64(value: object) -> str | None:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else None
