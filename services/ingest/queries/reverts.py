"""Which events of a backfill its reverts concern; a large revert is many, each up to an event."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from asyncpg import Connection

from services.ingest.queries.backfills import STANDING_REVERTS, Key

# Before and behind every event; ids of sources begin at 1.
FIRST: Final[Key] = (0, "")
LAST: Final[Key] = (2**63 - 1, "")
# Of tenant $1: those of backfill $2 behind ($3, $4) up to ($5, $6).
_MEMBERS = (
    "ingest.backfill_events e where e.tenant_id = $1 and e.backfill = $2 "
    "and (e.source_id, e.event_id) > ($3, $4) and (e.source_id, e.event_id) <= ($5, $6)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Events of a backfill: those behind `after`, None for the first, up to `through`."""

    backfill: str
    after: Key | None
    through: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An event that reverts a backfill up to `through`, None for all of it."""

    source: str
    event_id: str
    through: Key | None


async def reverted_by(connection: Connection, tenant: str, keys: Sequence[Key]) -> list[str]:
    """Return the backfills whose reverts are among these events."""
    rows = await connection.fetch(
        "select distinct v.backfill from unnest($2::bigint[], $3::text[]) "
        "as k (source_id, event_id) join ingest.backfill_reverts v on v.tenant_id = $1 "
        "and v.by_source_id = k.source_id and v.by_event_id = k.event_id order by 1",
        tenant,
        *_columns(keys),
    )
    return [row[0] for row in rows]


async def spans_of(connection: Connection, tenant: str, keys: Sequence[Key]) -> list[Span]:
    """Return the events that count otherwise since reverts among these events came or went.

    Each reaches from where the other reverts of its backfill end; what those concern stays as it
    is.
    """
    rows = await connection.fetch(
        "with named as (select v.backfill, v.by_source_id, v.by_event_id, v.through_source_id, "  # noqa: S608 - our own text
        "v.through_event_id from unnest($2::bigint[], $3::text[]) as k (source_id, event_id) "
        "join ingest.backfill_reverts v on v.tenant_id = $1 and v.by_source_id = k.source_id "
        "and v.by_event_id = k.event_id) "
        "select backfill, through_source_id, through_event_id, true as moved from named union all "
        "select v.backfill, v.through_source_id, v.through_event_id, false "
        f"from {STANDING_REVERTS} v where v.backfill in (select backfill from named) "
        "and (v.backfill, v.by_source_id, v.by_event_id) not in "
        "(select backfill, by_source_id, by_event_id from named)",
        tenant,
        *_columns(keys),
    )
    moved: dict[str, list[Key | None]] = {}
    others: dict[str, list[Key | None]] = {}
    for backfill, source_id, event_id, has_moved in rows:
        ends = (moved if has_moved else others).setdefault(backfill, [])
        ends.append(None if event_id is None else (source_id, event_id))
    spans = (span_of(each, others.get(each, []), moved[each]) for each in sorted(moved))
    return [span for span in spans if span is not None]


def span_of(
    backfill: str, others: Sequence[Key | None], moved: Sequence[Key | None]
) -> Span | None:
    """Return what lies behind the ends of other reverts and not behind those that moved."""
    if None in others:
        return None
    after = max((each for each in others if each is not None), default=None)
    if None in moved:
        return Span(backfill=backfill, after=after, through=None)
    through = max(each for each in moved if each is not None)
    if after is not None and through <= after:
        return None
    return Span(backfill=backfill, after=after, through=through)


async def members(
    connection: Connection, tenant: str, span: Span, *, page: int
) -> AsyncIterator[list[Key]]:
    """Return the events of a span, a page at a time: there may be millions."""
    after = span.after
    while True:
        rows = await connection.fetch(
            f"select e.source_id, e.event_id from {_MEMBERS} "  # noqa: S608 - our own text
            "order by e.source_id, e.event_id limit $7",
            tenant, span.backfill, *(after or FIRST), *(span.through or LAST), page,
        )  # fmt: skip
        if not rows:
            return
        yield [(row[0], row[1]) for row in rows]
        after = (rows[-1][0], rows[-1][1])


async def n_members(connection: Connection, tenant: str, span: Span, *, n_max: int) -> int:
    """Count the events of a span, up to `n_max`."""
    found: int = await connection.fetchval(
        f"select count(*) from (select from {_MEMBERS} limit $7) m",  # noqa: S608 - our own text
        tenant, span.backfill, *(span.after or FIRST), *(span.through or LAST), n_max,
    )  # fmt: skip
    return found


async def slices_of(
    connection: Connection, tenant: str, span: Span, *, n_events: int, n_slices: int
) -> list[Key]:
    """Return where slices of so many events end, the last slice left out; at most so many."""
    ends: list[Key] = []
    after = span.after
    while len(ends) < n_slices:
        # One more than the slice holds, so that something is left behind it.
        rows = await connection.fetch(
            f"select e.source_id, e.event_id from {_MEMBERS} "  # noqa: S608 - our own text
            "order by e.source_id, e.event_id limit 2 offset $7",
            tenant, span.backfill, *(after or FIRST), *(span.through or LAST), n_events - 1,
        )  # fmt: skip
        if len(rows) < 2:  # noqa: PLR2004 - the last of this slice and the first behind it
            break
        after = (rows[0][0], rows[0][1])
        ends.append(after)
    return ends


async def standing_reverts(
    connection: Connection, tenant: str, backfill: str
) -> list[Standing] | None:
    """Return the events that revert a backfill, the farthest last; None where it is not known."""
    known = await connection.fetchval(
        "select true from ingest.backfills where tenant_id = $1 and backfill = $2",
        tenant,
        backfill,
    )
    if not known:
        return None
    rows = await connection.fetch(
        "select s.source, v.by_event_id, v.through_source_id, v.through_event_id "  # noqa: S608 - our own text
        f"from {STANDING_REVERTS} v "
        "join ingest.sources s on s.tenant_id = $1 and s.source_id = v.by_source_id "
        "where v.backfill = $2 order by v.through_source_id nulls last, "
        "v.through_event_id nulls last, 1, 2",
        tenant,
        backfill,
    )
    return [
        Standing(
            source=source, event_id=by, through=None if event_id is None else (source_id, event_id)
        )
        for source, by, source_id, event_id in rows
    ]


async def source_of(connection: Connection, tenant: str, source_id: int) -> str:
    """Return the name of a source."""
    found: str = await connection.fetchval(
        "select source from ingest.sources where tenant_id = $1 and source_id = $2",
        tenant,
        source_id,
    )
    return found


async def ends_of_standing(connection: Connection, tenant: str, backfill: str) -> list[Key | None]:
    """Return where the reverts of a backfill end."""
    standing = await standing_reverts(connection, tenant, backfill)
    return [each.through for each in standing or ()]


def _columns(keys: Sequence[Key]) -> tuple[list[int], list[str]]:
    return [source_id for source_id, _ in keys], [event_id for _, event_id in keys]
