"""Take a backfill back, or let it count again, a slice at a time.

Every slice is an event in the log, in a transaction of its own: the snapshot moves with it, the
statistics are those of the raw events behind every one, and whoever was interrupted goes on by
asking again, because what is left to do follows from what stands.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg
import msgspec

from aivalue.events.business import BackfillReverted, EventRetracted
from aivalue.events.encode import http_event
from aivalue.events.fields import EventData
from aivalue.events.http_binding import STRUCTURED_JSON, Headers
from aivalue.runtime.clock import utc_now
from services.ingest.http_ingestion import HttpIngestion
from services.ingest.queries import reverts as queries
from services.ingest.queries.backfills import Key
from services.ingest.queries.reverts import Span, Standing

SOURCE: Final = "urn:aivalue:ingest"
MARKS_MAX: Final = 500


class UnknownBackfill(Exception):
    """No event ever came with it."""


class Refused(Exception):
    """Somebody else has said the same in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a backfill stands after a slice.

    Attributes
    ----------
    changed : false where it stood so already
    n_left : events that further slices concern; 0 is the end
    """

    changed: bool
    n_left: int


class Reverting:
    """Reverts and restores one tenant's backfills, on behalf of whoever asked."""

    def __init__(
        self, pool: asyncpg.Pool, ingestion: HttpIngestion, *, tenant: str, slice_events: int
    ) -> None:
        self._pool = pool
        self._slice_events = slice_events
        self._ingestion = ingestion
        self._tenant = tenant

    async def revert(self, backfill: str, *, reason: str) -> Progress:
        """Stop counting the next slice of what came with a backfill alone.

        The last slice is all of it: what comes later does not count either.
        """
        standing = await self._standing(backfill)
        after = standing[-1].through if standing else None
        if standing and after is None:
            return Progress(changed=False, n_left=0)
        rest = Span(backfill=backfill, after=after, through=None)
        async with self._pool.acquire() as connection:
            ends = await queries.slices_of(
                connection, self._tenant, rest, n_events=self._slice_events, n_slices=1
            )
            said = await self._slices(connection, backfill, ends or [None], reason)
        await self._tell(said)
        return Progress(changed=True, n_left=await self._n_behind(backfill, ends))

    async def restore(self, backfill: str, *, reason: str) -> Progress:
        """Count the last slice of a reverted backfill again.

        Where the farthest revert reaches over more than a slice, slices are marked before: while
        it stands they change nothing.
        """
        standing = await self._standing(backfill)
        if not standing:
            return Progress(changed=False, n_left=0)
        farthest = standing[-1].through
        nearer = [each.through for each in standing if each.through != farthest]
        last = Span(backfill=backfill, after=nearer[-1] if nearer else None, through=farthest)
        marks = await self._mark(last, reason=reason)
        said: list[EventData] = [
            EventRetracted(source=each.source, id=each.event_id, reason=reason)
            for each in standing
            if each.through == farthest
        ]
        await self._tell(said)
        left = marks[-1] if marks else last.after
        if left is None:
            return Progress(changed=True, n_left=0)
        rest = Span(backfill=backfill, after=None, through=left)
        return Progress(changed=True, n_left=await self._n_members(rest))

    async def _mark(self, span: Span, *, reason: str) -> list[Key]:
        """Put the ends of slices into the log, as reverts within one that stands."""
        marks: list[Key] = []
        while True:
            rest = Span(
                backfill=span.backfill, after=marks[-1] if marks else span.after,
                through=span.through,
            )  # fmt: skip
            async with self._pool.acquire() as connection:
                more = await queries.slices_of(
                    connection, self._tenant, rest, n_events=self._slice_events, n_slices=MARKS_MAX
                )
                said = await self._slices(connection, span.backfill, more, reason)
            if not more:
                return marks
            await self._tell(said)
            marks += more

    async def _standing(self, backfill: str) -> list[Standing]:
        async with self._pool.acquire() as connection:
            found = await queries.standing_reverts(connection, self._tenant, backfill)
        if found is None:
            raise UnknownBackfill(f"no event came with a backfill {backfill!r}")
        return found

    async def _slices(
        self,
        connection: asyncpg.Connection,
        backfill: str,
        ends: Sequence[Key | None],
        reason: str,
    ) -> list[EventData]:
        said: list[EventData] = []
        for end in ends:
            source, event_id = None, None
            if end is not None:
                source = await queries.source_of(connection, self._tenant, end[0])
                event_id = end[1]
            said.append(
                BackfillReverted(
                    backfill=backfill, reason=reason, through_source=source, through_id=event_id
                )
            )
        return said

    async def _n_behind(self, backfill: str, ends: Sequence[Key]) -> int:
        if not ends:
            return 0
        return await self._n_members(Span(backfill=backfill, after=ends[-1], through=None))

    async def _n_members(self, span: Span) -> int:
        async with self._pool.acquire() as connection:
            return await queries.n_members(connection, self._tenant, span, n_max=queries.LAST[0])

    async def _tell(self, said: Sequence[EventData]) -> None:
        """Put events into the log in one transaction with all that follows from them."""
        parts: list[tuple[bytes, Headers]] = []
        for data in said:
            event = http_event(data, source=SOURCE, event_id=uuid.uuid4().hex, time=utc_now())
            parts.append((msgspec.json.encode(event), [("content-type", STRUCTURED_JSON)]))
        results = await self._ingestion.ingest(self._tenant, parts)
        refused = [each for each in results if each.status == "rejected"]
        if refused:
            raise Refused(refused[0].detail or "refused")
