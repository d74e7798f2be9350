"""Apply retractions and corrections to everything that was derived from what they concern.

A retraction itself cannot be withdrawn: send the event again under a new id.
"""

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from asyncpg import Connection

from aivalue.events.business import EventRetracted
from services.ingest.batch import Batch
from services.ingest.queries import backfills, joining, recounting, reverts
from services.ingest.queries import corrections as queries
from services.ingest.queries.backfills import Key
from services.ingest.queries.corrections import Correction
from services.ingest.queries.recounting import Move
from services.ingest.queries.storing import Change
from services.ingest.storing.identities import Ids

# A backfill may have brought millions of events; no statement works on more than this at a time.
EVENTS_AT_ONCE: Final = 5_000
DECISIONS_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What other services must hear about."""

    series: Sequence[Change] = ()
    interventions: frozenset[str] = frozenset()
    costs: frozenset[str] = frozenset()


def corrections_in(batch: Batch, seqs: Iterable[int], ids: Ids) -> list[Correction]:
    """Return what the events retract or supersede; an event of the same source, where it does."""
    found = []
    for seq in seqs:
        event = batch.event(seq)
        by = (ids.sources[seq], event.id)
        recorded_at = event.recordedtime or event.time
        if isinstance(event.data, EventRetracted):
            source_id = ids.by_source[event.data.source]
            found.append(
                Correction(
                    seq=seq, target=(source_id, event.data.id), by=by, kind="retraction",
                    recorded_at=recorded_at, sequence="", reason=event.data.reason,
                )
            )  # fmt: skip
        elif event.supersedes is not None:
            found.append(
                Correction(
                    seq=seq, target=(by[0], event.supersedes), by=by, kind="correction",
                    recorded_at=recorded_at, sequence=event.sequence or "", reason="",
                )
            )  # fmt: skip
    return found


async def register(
    connection: Connection, batch: Batch, seqs: Iterable[int], ids: Ids
) -> tuple[set[Key], dict[int, str]]:
    """Keep what the events retract or supersede; return the keys concerned and who is too late."""
    found = corrections_in(batch, seqs, ids)
    if not found:
        return set(), {}
    late = await queries.register(connection, batch.tenant, found)
    kept = [each for each in found if each.seq not in late]
    keys = {each.target for each in kept}
    # Nothing is derived from a retraction itself.
    keys |= {each.by for each in kept if each.kind == "correction"}
    return keys, dict.fromkeys(late, "already_retracted")


async def apply(
    connection: Connection, tenant: str, keys: Iterable[Key], decisions: Collection[str]
) -> Changed:
    """Bring everything derived from these events up to date, and these decisions besides."""
    found = _Found(decisions=set(decisions))
    names = await _bring_up_to_date(connection, tenant, sorted(keys), found)
    if names:
        await backfills.hold(connection, tenant, names, exclusively=True)
    for span in await reverts.spans_of(connection, tenant, sorted(keys)) if names else ():
        async for page in reverts.members(connection, tenant, span, page=EVENTS_AT_ONCE):
            await _bring_up_to_date(connection, tenant, page, found)
    await _settle(connection, tenant, found)
    return Changed(
        series=await recounting.recount(connection, tenant, found.moves),
        interventions=frozenset(found.interventions),
        costs=frozenset(found.costs),
    )


@dataclass(slots=True, kw_only=True)
class _Found:
    """What counts otherwise than before, and what others must hear about."""

    decisions: set[str]
    moves: list[Move] = field(default_factory=list)
    interventions: set[str] = field(default_factory=set)
    costs: set[str] = field(default_factory=set)


async def _bring_up_to_date(
    connection: Connection, tenant: str, keys: Sequence[Key], found: _Found
) -> Sequence[str]:
    """Let what depends on these events count or not; return the backfills that they revert."""
    affected = await queries.affected(connection, tenant, keys)
    if affected.backfills:
        # Whoever reverts one of them has committed and is seen, or waits for us.
        await backfills.hold(connection, tenant, affected.backfills, exclusively=False)
    kinds = (affected.measured, affected.halves, affected.others)
    holds = await queries.standing(connection, tenant, [key for kind in kinds for key in kind])
    ends = [*itertools.accumulate(map(len, kinds))]
    if affected.measured:
        found.moves += await queries.apply_to_measurements(
            connection, tenant, affected.measured, holds[: ends[0]]
        )
    if affected.halves:
        found.decisions |= await queries.apply_to_halves(
            connection, tenant, affected.halves, holds[ends[0] : ends[1]]
        )
    if affected.others:
        facts = await queries.apply_to_facts(connection, tenant, affected.others, holds[ends[1] :])
        found.interventions |= facts["interventions"]
        found.costs |= facts["costs"]
    return affected.reverted


async def _settle(connection: Connection, tenant: str, found: _Found) -> None:
    """Let what decisions and outcomes measure together count only while both halves do."""
    # In one order for everybody; locked before it is looked at who else brought a half.
    ordered = sorted(found.decisions)
    for first in range(0, len(ordered), DECISIONS_AT_ONCE):
        part = ordered[first : first + DECISIONS_AT_ONCE]
        await joining.lock(connection, tenant, part)
        found.moves += await joining.settle(connection, tenant, part)
