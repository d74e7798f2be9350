"""Dead letters as the command line works with them: found page by page, resolved by the hundred."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

from aivalue.cli.answers import ingest as answers
from aivalue.cli.service_calls import CallFailed, call, find

# Each batch is one transaction of the service.
BATCH_LETTERS: Final = 500
PAGE_LETTERS: Final = 500

Letter = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which letters; what is None does not matter."""

    status: str | None = "open"
    reason: str | None = None
    source: str | None = None
    topic: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def parameters(self) -> dict[str, str]:
        """Write them as the service reads them."""
        texts = {
            "status": self.status,
            "reason": self.reason,
            "source": self.source,
            "topic": self.topic,
            "since": None if self.since is None else self.since.astimezone().isoformat(),
            "until": None if self.until is None else self.until.astimezone().isoformat(),
        }
        return {name: text for name, text in texts.items() if text is not None}


async def letters(
    client: httpx.AsyncClient, wanted: Filter, *, limit: int | None = None
) -> list[Letter]:
    """Return the letters that match, oldest first."""
    found: list[Letter] = []
    cursor: str | None = None
    while limit is None or len(found) < limit:
        size = PAGE_LETTERS if limit is None else min(limit - len(found), PAGE_LETTERS)
        parameters = wanted.parameters() | {"limit": str(size)}
        if cursor is not None:
            parameters["cursor"] = cursor
        page = await call(
            client, "GET", "/v1/dead-letters", answers.DeadLettersPage, params=parameters
        )
        found += page["dead_letters"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return found


async def letter(client: httpx.AsyncClient, dead_letter_id: int) -> Letter:
    """Return one letter and what was tried with it.

    Raises
    ------
    CallFailed
        There is none.
    """
    found: Letter | None = await find(
        client, f"/v1/dead-letters/{dead_letter_id}", answers.DeadLetterHistory
    )
    if found is None:
        raise CallFailed(f"there is no dead letter {dead_letter_id}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What became of letters."""

    dry_run: bool
    results: Sequence[Letter]

    @property
    def counts(self) -> dict[str, int]:
        """Count them by outcome."""
        return dict(Counter(str(each["outcome"]) for each in self.results))

    def document(self) -> dict[str, object]:
        """Write it as JSON carries it."""
        return {"dry_run": self.dry_run, **self.counts, "results": list(self.results)}


async def replay(
    client: httpx.AsyncClient,
    ids: Sequence[int],
    *,
    patch: Mapping[str, Any] | None,
    dry_run: bool,
    advance: Callable[[int], None] = lambda _: None,
) -> Replay:
    """Give letters another chance, as they are or changed by a merge patch."""
    results: list[Letter] = []
    for first in range(0, len(ids), BATCH_LETTERS):
        some = list(ids[first : first + BATCH_LETTERS])
        body = {"ids": some, "patch": patch, "dry_run": dry_run}
        answer = await call(
            client, "POST", "/v1/dead-letters:replay", answers.ReplayAnswer, json=body
        )
        results += answer["results"]
        advance(len(some))
    return Replay(dry_run=dry_run, results=results)


async def discard(
    client: httpx.AsyncClient,
    ids: Sequence[int],
    *,
    because: str,
    advance: Callable[[int], None] = lambda _: None,
) -> list[int]:
    """Close letters for good; return those that were open."""
    closed: list[int] = []
    for first in range(0, len(ids), BATCH_LETTERS):
        some = list(ids[first : first + BATCH_LETTERS])
        body = {"ids": some, "because": because}
        answer = await call(
            client, "POST", "/v1/dead-letters:discard", answers.Discarded, json=body
        )
        closed += answer["ids"]
        advance(len(some))
    return closed
