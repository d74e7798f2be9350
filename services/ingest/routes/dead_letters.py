"""Dead letters over HTTP: what is not counted and why, another chance for it, or its end."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from aivalue.runtime.auth import Operator, Principal, Reader
from aivalue.runtime.requests import closed
from services.ingest import metrics
from services.ingest.originals import base64_of
from services.ingest.queries import asked, dead_letters
from services.ingest.queries.dead_letters import Wanted
from services.ingest.replaying import Replayer

router = APIRouter(prefix="/v1")
LetterId = Annotated[int, Field(ge=1, lt=2**63)]


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
    headers: list[tuple[str, str | None]]


class DeadLetters(BaseModel):
    """One page, oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dead_letters: list[DeadLetter]
    next_cursor: str | None


class Resolution(BaseModel):
    """What was done about a letter; one that is rejected again stays open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resolved_at: datetime
    outcome: Literal["replayed", "rejected_again", "discarded"]
    resolved_by: str
    reason: str


class DeadLetterHistory(BaseModel):
    """One letter and everything that was tried with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dead_letter: DeadLetter
    resolutions: list[Resolution]


class Selection(BaseModel):
    """Which open letters: by id, or the oldest of those that match."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: list[LetterId] | None = Field(default=None, max_length=1_000)
    reason: str | None = Field(default=None, max_length=100)
    source: str | None = Field(default=None, max_length=200)
    topic: str | None = Field(default=None, max_length=249)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: int = Field(default=100, ge=1, le=1_000)


class ReplayRequest(Selection):
    """Give letters another chance, as they are or changed by a JSON merge patch (RFC 7396)."""

    model_config = closed(
        example={"ids": [17], "patch": {"data": {"unit": "L07"}}, "dry_run": True}
    )

    patch: dict[str, Any] | None = None
    dry_run: bool = False


class DiscardRequest(Selection):
    """Close letters for good."""

    model_config = closed(example={"ids": [17], "because": "sent by a test system"})

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


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "A letter that is named does not exist; nothing is done."},
    409: {"description": "A letter that is named was closed the other way; nothing is done."},
}
_NAMED_MAX: Final = 20


@router.post("/dead-letters:replay", response_model_exclude_none=True, responses=_REFUSALS)
async def replay_dead_letters(
    request: Request, principal: Operator, wanted: ReplayRequest
) -> ReplayAnswer:
    """Store dead letters again; what has been stored meanwhile is a duplicate."""
    replayer: Replayer = request.app.state.replayer
    ids = await _selected(request, principal, wanted, closed_as="discarded")
    results = await replayer.replay(
        principal.tenant, ids, patch=wanted.patch, dry_run=wanted.dry_run, by=principal.subject
    )
    if not wanted.dry_run:
        for each in results:
            metrics.DEAD_LETTERS_RESOLVED.labels(each.outcome).inc()
    return ReplayAnswer(
        dry_run=wanted.dry_run, results=[ReplayResult(**asdict(each)) for each in results]
    )


@router.post("/dead-letters:discard", responses=_REFUSALS)
async def discard_dead_letters(
    request: Request, principal: Operator, wanted: DiscardRequest
) -> Discarded:
    """Close dead letters without storing them; their bytes stay."""
    ids = await _selected(request, principal, wanted, closed_as="replayed")
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        letters = await dead_letters.lock_open(connection, principal.tenant, ids)
        closed = [
            dead_letters.Resolution(
                dead_letter_id=letter.dead_letter_id, outcome="discarded", reason=wanted.because
            )
            for letter in letters
        ]
        await dead_letters.resolve(connection, principal.tenant, closed, by=principal.subject)
    metrics.DEAD_LETTERS_RESOLVED.labels("discarded").inc(len(closed))
    return Discarded(ids=[each.dead_letter_id for each in closed])


async def _selected(
    request: Request, principal: Principal, wanted: Selection, *, closed_as: str
) -> list[int]:
    async with request.app.state.pool.acquire() as connection:
        if wanted.ids is not None:
            known = await dead_letters.statuses_of(connection, principal.tenant, wanted.ids)
            _require(wanted.ids, known, closed_as=closed_as)
            return wanted.ids
        matching = Wanted(
            status="open",
            reason=wanted.reason,
            source=wanted.source,
            topic=wanted.topic,
            since=wanted.since,
            until=wanted.until,
        )
        return await dead_letters.letters_wanted(
            connection, principal.tenant, matching, limit=wanted.limit
        )


def _require(ids: Sequence[int], known: Mapping[int, str], *, closed_as: str) -> None:
    """Refuse what names a letter that is none, or one that cannot be closed this way any more.

    Closing a letter again in the same way is no mistake: it is left out of the answer.
    """
    unknown = [each for each in ids if each not in known]
    if unknown:
        raise HTTPException(404, f"no such dead letter: {_numbers(unknown)} (nothing was done)")
    closed = [each for each in ids if known[each] == closed_as]
    if closed:
        raise HTTPException(
            409, f"{closed_as} already: dead letter {_numbers(closed)} (nothing was done)"
        )


def _numbers(ids: Sequence[int]) -> str:
    shown = ", ".join(str(each) for each in ids[:_NAMED_MAX])
    return shown if len(ids) <= _NAMED_MAX else f"{shown} and {len(ids) - _NAMED_MAX} more"


@router.get("/dead-letters")
async def get_dead_letters(  # noqa: PLR0913 - one parameter per filter
    request: Request,
    principal: Reader,
    *,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    status: Literal["open", "replayed", "discarded"] | None = None,
    source: Annotated[str | None, Query(max_length=200)] = None,
    topic: Annotated[str | None, Query(max_length=249)] = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    cursor: Annotated[str | None, Query(max_length=18)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeadLetters:
    """Return dead letters; header values are base64, their bytes need not be text."""
    wanted = Wanted(
        status=status, reason=reason, source=source, topic=topic, since=since, until=until
    )
    async with asked.snapshot_of(request.app.state.pool) as connection:
        rows = await dead_letters.list_dead_letters(
            connection, principal.tenant, wanted, after=_position(cursor), limit=limit + 1
        )
    page = [_shape(row) for row in rows[:limit]]
    more = len(rows) > limit
    return DeadLetters(
        dead_letters=page, next_cursor=str(page[-1].dead_letter_id) if more else None
    )


@router.get(
    "/dead-letters/{dead_letter_id}", responses={404: {"description": "No such dead letter."}}
)
async def get_dead_letter(
    request: Request, principal: Reader, dead_letter_id: Annotated[LetterId, Path()]
) -> DeadLetterHistory:
    """Return one dead letter with what was tried, by whom and with which result."""
    async with asked.snapshot_of(request.app.state.pool) as connection:
        row = await dead_letters.find_dead_letter(connection, principal.tenant, dead_letter_id)
        done = await dead_letters.resolutions_of(connection, principal.tenant, dead_letter_id)
    if row is None:
        raise HTTPException(404, f"there is no dead letter {dead_letter_id}")
    return DeadLetterHistory(
        dead_letter=_shape(row), resolutions=[Resolution.model_validate(each) for each in done]
    )


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit():
        raise HTTPException(422, f"cursor {cursor!r} is not one that we returned")
    return int(cursor)


def _shape(row: dict[str, Any]) -> DeadLetter:
    key, value = row.pop("key"), row.pop("value")
    return DeadLetter.model_validate(
        {
            **row,
            "errors": msgspec.json.decode(str(row["errors"])),
            "headers": msgspec.json.decode(str(row["headers"])),
            "key_base64": base64_of(key),
            "value_base64": base64_of(value),
        }
    )
