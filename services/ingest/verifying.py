"""Compute the hashes of a partition again from what is stored, and say which row was edited.

Every batch is linked to the one before, its counts to its rows, its digest to the fingerprint of
every record it read, and every raw event to its key. Whoever edits a row must edit all later
batches too, and then the last hash is another one than was known before.
"""

import asyncio
import bisect
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from asyncpg import Connection

from aivalue.errors import InvalidEvent
from services.ingest.batch import Record, chained, sha256_of
from services.ingest.originals import decode_original
from services.ingest.queries import verification as queries
from services.ingest.queries.partitions import GENESIS
from services.ingest.queries.verification import KeptEvent, KeptLetter, LogPartition, Sealed
from services.ingest.storing.repeated import repeated_in

# Small enough for a thread to give the interpreter back; the consumer lives beside it.
WINDOW_RECORDS = 5_000
FAULTS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row that is not what was recorded."""

    row: str
    fault: str


@dataclass(slots=True, kw_only=True)
class Verified:
    """How far a partition was followed, and what was found.

    Attributes
    ----------
    n_unsealed :
        Batches from before repetitions were kept: their events are compared with their keys, the
        digest of the batch is not computed.
    """

    place: LogPartition
    next_offset: int
    head: bytes
    n_batches: int = 0
    n_records: int = 0
    n_unsealed: int = 0
    faults: list[Fault] = field(default_factory=list)
    hash_found: bool = False


async def verify(
    connection: Connection,
    tenant: str,
    place: LogPartition,
    *,
    start: int,
    n_records: int,
    known_hash: bytes | None = None,
) -> Verified:
    """Follow the chain from the batch that begins at `start`, for about so many records."""
    head = GENESIS if start == 0 else await queries.hash_before(connection, tenant, place, start)
    verified = Verified(place=place, next_offset=start, head=head or GENESIS)
    if head is None:
        verified.faults.append(_fault(place, f"batch @{start}", "no batch ends where it begins"))
    window = await _window(connection, tenant, place, start)
    while verified.n_records < n_records and verified.next_offset < place.next_offset:
        if not window.batches:
            said = f"no batch follows {verified.next_offset}, it is at {place.next_offset}"
            verified.faults.append(_fault(place, "partition", said))
            verified.next_offset = place.next_offset
            return verified
        verified.hash_found |= known_hash in {each.hash for each in window.batches}
        following = window.batches[-1].next_offset
        n_followed = verified.n_records + sum(each.consumed for each in window.batches)
        goes_on = n_followed < n_records and following < place.next_offset
        # PostgreSQL looks for the next window meanwhile.
        _, window = await asyncio.gather(
            asyncio.to_thread(_follow, verified, window),
            _window(connection, tenant, place, following if goes_on else None),
        )
    beyond = verified.next_offset > place.next_offset
    at_end = verified.next_offset == place.next_offset
    if beyond or (at_end and verified.head != place.head_hash):
        said = "its offset and hash are not those of its last batch"
        verified.faults.append(_fault(place, "partition", said))
    return verified


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Some batches in a row, and every row that lies between their ends, by offset."""

    batches: Sequence[Sealed] = ()
    kept: Sequence[KeptEvent | KeptLetter] = ()


async def _window(
    connection: Connection, tenant: str, place: LogPartition, offset: int | None
) -> _Window:
    """Read the batches from an offset on; none where they end, or where nobody asks."""
    if offset is None:
        return _Window()
    batches = await queries.batches_from(
        connection, tenant, place, offset, n_records=WINDOW_RECORDS
    )
    if not batches:
        return _Window()
    first, end = batches[0].first_offset, batches[-1].next_offset
    kept: list[KeptEvent | KeptLetter] = [
        *await queries.events_between(connection, tenant, place, first, end),
        *await queries.letters_between(connection, tenant, place, first, end),
    ]
    kept.sort(key=lambda each: each.offset)
    return _Window(batches=batches, kept=kept)


def _follow(verified: Verified, window: _Window) -> None:
    """Compare batches with one another and with the rows they stored."""
    kept = window.kept
    offsets = [each.offset for each in kept]
    for batch in window.batches:
        first = bisect.bisect_left(offsets, batch.first_offset)
        end = bisect.bisect_left(offsets, batch.next_offset)
        verified.faults += [
            _fault(verified.place, row, fault)
            for row, fault in _faults(verified, batch, kept[first:end])
        ]
        verified.next_offset, verified.head = batch.next_offset, batch.hash
        verified.n_batches += 1
        verified.n_records += batch.consumed


def _faults(
    verified: Verified, batch: Sealed, kept: Sequence[KeptEvent | KeptLetter]
) -> Iterator[tuple[str, str]]:
    kind = verified.place.kind
    digests: dict[int, bytes] = {}
    faults: list[tuple[str, str]] = []
    for row in kept:
        if isinstance(row, KeptEvent):
            digests[row.offset], fault = _digest_of_event(row, kind)
        else:
            digests[row.offset], fault = _digest_of_letter(row, kind)
        if fault is not None:
            faults.append((_name(row), fault))
    yield from faults
    of_batch = [*_link_faults(verified, batch), *_count_faults(batch, kept)]
    if not faults and not of_batch:
        # Nothing finer explains what the digest may show.
        of_batch = [*_seal_faults(verified, batch, digests)]
    for fault in of_batch:
        yield f"batch @{batch.first_offset}", fault


def _name(row: KeptEvent | KeptLetter) -> str:
    if isinstance(row, KeptEvent):
        return f"event @{row.offset} ({row.source} {row.event_id})"
    return f"dead letter @{row.offset}"


def _digest_of_event(event: KeptEvent, kind: str) -> tuple[bytes, str | None]:
    try:
        read = decode_original(event.value, event.headers, kind=kind, now=event.received_at)
    except InvalidEvent as error:
        return b"", f"its bytes are no event any more: {error}"
    said = (event.source, event.event_id, event.type, event.time)
    if (read.source, read.id, read.type, read.time) != said:
        return read.fingerprint, "its source, id, type or time is not that of its bytes"
    if event.fingerprint is None:
        return read.fingerprint, "no key stands for it"
    if read.fingerprint != event.fingerprint:
        return read.fingerprint, "its bytes are not those that its key was made of"
    return read.fingerprint, None if event.here else "its key stands for another record"


def _digest_of_letter(letter: KeptLetter, kind: str) -> tuple[bytes, str | None]:
    if letter.source is None:
        record = Record(
            offset=letter.offset, timestamp=0, key=letter.key, value=letter.value,
            headers=letter.headers,
        )  # fmt: skip
        return sha256_of(record), None
    try:
        read = decode_original(letter.value, letter.headers, kind=kind, now=letter.received_at)
    except InvalidEvent as error:
        return b"", f"its bytes are no event any more: {error}"
    return read.fingerprint, None


def _link_faults(verified: Verified, batch: Sealed) -> Iterator[str]:
    if batch.first_offset != verified.next_offset:
        yield f"a batch is missing: the one before ends at {verified.next_offset}"
    elif batch.prev_hash != verified.head:
        yield "it is not linked to the batch before"
    derived = chained(
        batch.prev_hash,
        batch.sha256,
        log_id=verified.place.log_id,
        partition=verified.place.partition,
        first_offset=batch.first_offset,
        next_offset=batch.next_offset,
    )
    if derived != batch.hash:
        yield "its hash is not that of its digest, its place and the batch before"


def _count_faults(batch: Sealed, found: Sequence[KeptEvent | KeptLetter]) -> Iterator[str]:
    if batch.consumed != batch.inserted + batch.duplicate + batch.dead:
        yield "consumed is not inserted + duplicate + dead"
    n_events = sum(isinstance(each, KeptEvent) for each in found)
    for name, said, n in (
        ("events", batch.inserted, n_events),
        ("dead letters", batch.dead, len(found) - n_events),
    ):
        if said != n:
            yield f"it stored {said} {name}, {n} are there"


def _seal_faults(verified: Verified, batch: Sealed, digests: Mapping[int, bytes]) -> Iterator[str]:
    if batch.repeated is None and batch.duplicate:
        verified.n_unsealed += 1
        return
    said = {**digests, **repeated_in(batch.repeated or b"")}
    if len(said) != batch.consumed:
        yield f"it read {batch.consumed} records, {len(said)} are known"
    elif hashlib.sha256(b"".join(said[each] for each in sorted(said))).digest() != batch.sha256:
        yield "its digest is not that of the records it read"


def _fault(place: LogPartition, row: str, fault: str) -> Fault:
    return Fault(row=f"{place.topic}#{place.incarnation}/{place.partition} {row}", fault=fault)
