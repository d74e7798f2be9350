"""Apply retractions and corrections to everything that was derived from what they concern.

A retraction itself cannot be withdrawn: send the event again under a new id. A decision or outcome
that was withdrawn before it arrived stays withdrawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from asyncpg import Connection

from aivalue.events.business import EventRetracted
from services.ingest.batch import Batch
from services.ingest.identities import Ids
from services.ingest.queries import corrections as queries
from services.ingest.queries.corrections import Correction, Key
from services.ingest.queries.storing import Change


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
        _, event = batch.events[seq]
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
    keys = {key for each in found if each.seq not in late for key in (each.target, each.by)}
    return keys, dict.fromkeys(late, "already_retracted")


async def apply(
    connection: Connection, tenant: str, keys: Iterable[Key], days: Sequence[tuple[int, date]]
) -> Changed:
    """Bring everything derived from these events up to date, and these days besides."""
    reached = await queries.affected(connection, tenant, sorted(keys))
    holds = await queries.standing(connection, tenant, reached)
    days = [
        *days,
        *await queries.apply_to_measurements(connection, tenant, reached, holds),
        *await queries.apply_to_pairs(connection, tenant, reached, holds),
    ]
    facts = await queries.apply_to_facts(connection, tenant, reached, holds)
    return Changed(
        series=await queries.recompute_days(connection, tenant, days) if days else (),
        interventions=frozenset(facts["interventions"]),
        costs=frozenset(facts["costs"]),
    )
