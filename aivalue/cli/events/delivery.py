"""Sends prepared events batch by batch, and keeps count of what became of each."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from aivalue.cli.events.checkpoint import Checkpoint, Progress, Rejection
from aivalue.cli.events.prepared import COMPLAINTS_SHOWN, Line, Prepared
from aivalue.errors import AivalueError

BATCH_EVENTS = 1_000
BATCH_BYTES = 900_000
# While one is stored the next is on its way.
UNDER_WAY_MAX = 2
REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one event: accepted, duplicate, rejected, or sent where nobody answers."""

    status: str
    id: str | None = None
    reason: str = ""
    detail: str = ""


class Sender(Protocol):
    """Somewhere events go."""

    @property
    def target(self) -> str:
        """Name where they go: a checkpoint of one target says nothing about another."""

    async def send(self, lines: Sequence[Line]) -> list[Result]:
        """Send, and return what became of each once that is final."""


class DeliveryInterrupted(AivalueError):
    """The rest could not be sent; the message says how far it got."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a file."""

    name: str
    n_events: int
    n_repeated: int
    n_resumed: int
    counts: dict[str, int]
    rejections: tuple[Rejection, ...]

    @property
    def n_rejected(self) -> int:
        """Count what the service refused."""
        return self.counts.get(REJECTED, 0)

    def document(self) -> dict[str, object]:
        """Write it as JSON carries it."""
        return {
            "file": self.name,
            "events": self.n_events,
            "repeated_lines": self.n_repeated,
            "resumed_after": self.n_resumed,
            **self.counts,
            "rejections": [
                {"line": each.line, "id": each.id, "reason": each.reason, "detail": each.detail}
                for each in self.rejections
            ],
        }


async def deliver(
    prepared: Prepared,
    sender: Sender,
    *,
    checkpoint: Checkpoint,
    resume: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Send what was not sent yet.

    Raises
    ------
    DeliveryInterrupted
        The target is away; what was sent before is kept, and the next call goes on from there.
    """
    fresh = Progress(digest=prepared.digest, target=sender.target)
    progress = checkpoint.load(digest=prepared.digest, target=sender.target) if resume else fresh
    n_resumed = progress.n_sent
    advance(n_resumed)
    batches = _batches(islice(prepared.lines(), n_resumed, None))
    try:
        async with contextlib.aclosing(_sent(batches, sender)) as sent:
            async for batch, results in sent:
                _note(progress, batch, results)
                checkpoint.save(progress)
                advance(len(batch))
    except AivalueError as error:
        raise DeliveryInterrupted(
            f"{error}\n{progress.n_sent} of {prepared.n_events} events were sent; "
            "call again to go on from there"
        ) from error
    checkpoint.remove()
    return Summary(
        name=prepared.name,
        n_events=prepared.n_events,
        n_repeated=prepared.n_repeated,
        n_resumed=n_resumed,
        counts=progress.counts,
        rejections=tuple(progress.rejections),
    )


async def _sent(
    batches: Iterable[list[Line]], sender: Sender
) -> AsyncGenerator[tuple[list[Line], list[Result]], None]:
    """Send batches, a few at a time; yield each in its turn, with what became of it."""
    under_way: deque[tuple[list[Line], asyncio.Task[list[Result]]]] = deque()
    try:
        for batch in batches:
            under_way.append((batch, asyncio.create_task(sender.send(batch))))
            if len(under_way) == UNDER_WAY_MAX:
                sent, task = under_way.popleft()
                yield sent, await task
        while under_way:
            sent, task = under_way.popleft()
            yield sent, await task
    finally:
        # What of these is stored already counts once when it is sent again.
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


def _note(progress: Progress, batch: Sequence[Line], results: Sequence[Result]) -> None:
    for line, result in zip(batch, results, strict=True):
        progress.count(result.status)
        if result.status == REJECTED and len(progress.rejections) < COMPLAINTS_SHOWN:
            progress.rejections.append(
                Rejection(
                    line=line.number, id=result.id, reason=result.reason, detail=result.detail
                )
            )
    progress.n_sent += len(batch)


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    n_bytes = 0
    for line in lines:
        if batch and (len(batch) == BATCH_EVENTS or n_bytes + len(line.value) > BATCH_BYTES):
            yield batch
            batch, n_bytes = [], 0
        batch.append(line)
        n_bytes += len(line.value) + 1
    if batch:
        yield batch
