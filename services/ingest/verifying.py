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

from services.ingest.batch import chained
from services.ingest.kept import Kept, count_of, kept_between
from services.ingest.queries import verification as queries
from services.ingest.queries.partitions import GENESIS
from services.ingest.queries.verification import LogPartition, Sealed
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
    kept: Sequence[Kept] = ()


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
    kept = await kept_between(connection, tenant, place, first, end)
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


def _faults(verified: Verified, batch: Sealed, kept: Sequence[Kept]) -> Iterator[tuple[str, str]]:
    faults = [(each.row, each.fault) for each in kept if each.fault is not None]
    yield from faults
    of_batch = [*_link_faults(verified, batch), *_count_faults(batch, kept)]
    if not faults and not of_batch:
        # Nothing finer explains what the digest may show.
        digests = {each.offset: each.digest for each in kept}
        of_batch = [*_seal_faults(verified, batch, digests)]
    for fault in of_batch:
        yield f"batch @{batch.first_offset}", fault


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


def _count_faults(batch: Sealed, found: Sequence[Kept]) -> Iterator[str]:
    if batch.consumed != batch.inserted + batch.duplicate + batch.dead:
        yield "consumed is not inserted + duplicate + dead"
    for name, said, n in (
        ("events", batch.inserted, count_of(found, "event")),
        ("dead letters", batch.dead, count_of(found, "dead letter")),
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
