"""Dead letters over HTTP: what is not counted, and why."""

import base64
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict

from aivalue.runtime.auth import Reader
from services.ingest.queries import dead_letters, reading

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
