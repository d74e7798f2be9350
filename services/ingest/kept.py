"""What was kept of a stretch of a log, read again record by record, and what is wrong with it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from asyncpg import Connection

from aivalue.errors import InvalidEvent
from aivalue.events.event import Event
from services.ingest.batch import Record, sha256_of
from services.ingest.lateness import late_spans
from services.ingest.originals import decode_original, unpack
from services.ingest.queries import verification as queries
from services.ingest.queries.verification import KeptKey, KeptLetter, KeptRun, LogPartition
from services.ingest.storing.handler import REASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A record, or what holds several; its digest is computed anew from its bytes."""

    kind: Literal["event", "dead letter", "events"]
    offset: int
    digest: bytes = b""
    fault: str | None = None
    source: str | None = None
    event_id: str | None = None

    @property
    def row(self) -> str:
        """Which it is, for people."""
        named = "" if self.event_id is None else f" ({self.source} {self.event_id})"
        return f"{self.kind} @{self.offset}{named}"


async def kept_between(
    connection: Connection, tenant: str, place: LogPartition, first: int, end: int
) -> list[Kept]:
    """Return what is kept of a stretch of offsets that begins where a batch does, in order."""
    runs = await queries.runs_between(connection, tenant, place, first, end)
    letters = await queries.letters_between(connection, tenant, place, first, end)
    read = await asyncio.to_thread(lambda: [each for run in runs for each in _read(run, place)])
    events = [each for each in read if isinstance(each, _Read)]
    keys = await queries.keys_of(
        connection, tenant, [each.event.source for each in events],
        [each.event.id for each in events],
    )  # fmt: skip
    kept = [each for each in read if isinstance(each, Kept)]
    kept += [_compared(each, key, place) for each, key in zip(events, keys, strict=True)]
    kept += [_kept_letter(letter, place.kind) for letter in letters]
    return sorted(kept, key=lambda each: each.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    offset: int
    event: Event


def _read(run: KeptRun, place: LogPartition) -> Iterator[_Read | Kept]:
    """Decode the events of a run."""
    try:
        records = unpack(run.originals)
    except ValueError as error:
        fault = f"its bytes are not those that were written: {error}"
        yield Kept(kind="events", offset=run.first_offset, fault=fault)
        return
    times: list[int] | None = []
    for record in records:
        try:
            event = decode_original(
                record.value, record.headers, kind=place.kind, now=run.received_at
            )
        except InvalidEvent as error:
            fault = f"its bytes are no event any more: {error}"
            yield Kept(kind="event", offset=record.offset, fault=fault)
            times = None
            continue
        if times is not None:
            times.append(event.microseconds)
        yield _Read(offset=record.offset, event=event)
    offsets = [each.offset for each in records]
    said = (run.first_offset, run.last_offset, run.n_events)
    is_untrue = not records or said != (offsets[0], offsets[-1], len(offsets))
    # Of what is no event any more nobody knows whether it was late.
    if is_untrue or (times and late_spans(offsets, times, run.received_at) != run.late):
        fault = "its offsets, its count or what it calls late are not those of its records"
        yield Kept(kind="events", offset=run.first_offset, fault=fault)


def _compared(read: _Read, key: KeptKey, place: LogPartition) -> Kept:
    event = read.event
    fault = None
    if key.fingerprint is None:
        fault = "no key stands for it"
    elif key.fingerprint != event.fingerprint:
        fault = "its bytes are not those that its key was made of"
    elif (key.log_id, key.partition, key.offset) != (place.log_id, place.partition, read.offset):
        fault = "its key stands for another record"
    return Kept(
        kind="event", offset=read.offset, digest=event.fingerprint, fault=fault,
        source=event.source, event_id=event.id,
    )  # fmt: skip


def _kept_letter(letter: KeptLetter, kind: str) -> Kept:
    """Digest a dead letter; it was an event where the store refused it."""
    digest, fault = b"", None
    if letter.reason not in REASONS:
        record = Record(
            offset=letter.offset, timestamp=0, key=letter.key, value=letter.value,
            headers=letter.headers,
        )  # fmt: skip
        digest = sha256_of(record)
    else:
        try:
            digest = decode_original(
                letter.value, letter.headers, kind=kind, now=letter.received_at
            ).fingerprint
        except InvalidEvent as error:
            fault = f"its bytes are no event any more: {error}"
    return Kept(kind="dead letter", offset=letter.offset, digest=digest, fault=fault)


def count_of(kept: Sequence[Kept], kind: Literal["event", "dead letter"]) -> int:
    """Count the records of a kind."""
    return sum(each.kind == kind for each in kept)
