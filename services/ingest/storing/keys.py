"""Who is new: claim the identity of every event of a batch, and stage those that are.

The primary key of `event_keys` decides. Repetitions of what was stored lately are known without
it, so that the rest is usually all new and can be copied into it; where it is not, the batch goes
the slower way that tells duplicates, conflicts and awaited events apart one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from asyncpg import Connection

from services.ingest.batch import Batch, DeadLetter
from services.ingest.queries import storing
from services.ingest.queries.backfills import Key
from services.ingest.storing import wire
from services.ingest.storing.identities import Ids
from services.ingest.storing.ready import Ready, seqs_by_source, twins_of
from services.ingest.storing.recent import RecentIdentities

# After a batch that was not all new, how many the faster way is not even tried: twice as many
# each time, for a replay is nothing but repetitions.
PATIENCE_MAX: Final = 64
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Stored:
    """What became of a batch; every event is kept, a duplicate or dead.

    Attributes
    ----------
    duplicates, refused : seq of events
        Known already; dead, each with the reason.
    twins :
        Of duplicates of an earlier event of the same batch: which event that is.
    dead :
        All dead letters, of events and of records that are none.
    """

    duplicates: set[int] = field(default_factory=set)
    twins: dict[int, int] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)

    def keeps(self, seq: int) -> bool:
        """Whether an event was stored, now and for the first time."""
        return seq not in self.duplicates and seq not in self.refused

    @property
    def gone(self) -> set[int]:
        """The events that are not kept, at once: for who goes through a whole batch."""
        return self.duplicates | self.refused.keys()

    def refuse(self, reasons: Mapping[int, str]) -> None:
        """Keep events out, with those that repeat them: what repeats is not stored either."""
        self.refused |= reasons
        for seq, first in self.twins.items():
            if first in reasons:
                self.duplicates.discard(seq)
                self.refused[seq] = reasons[first]

    def recognise(self, restated: Mapping[int, int | None]) -> None:
        """Take what was refused for what it is, a repetition; of which event of the batch."""
        for seq, first in restated.items():
            del self.refused[seq]
            self.duplicates.add(seq)
            if first is not None:
                self.twins[seq] = first


class KeyStore:
    """Claims identities; remembers lately stored ones for all connections that write."""

    def __init__(self) -> None:
        self._recent = RecentIdentities()
        self._patience = 1
        self._wait = 0

    async def store(
        self, connection: Connection, batch: Batch, ready: Ready, stored: Stored
    ) -> set[Key]:
        """Claim the events but those recognised, staging those that more is to be done with.

        Returns the keys of those that corrections came before.
        """
        ids = ready.ids
        staged = {seq for seq in batch.special if stored.keeps(seq)}
        await _stage(connection, batch, ids, sorted(staged))
        if self._wait > 0:
            self._wait -= 1
        elif await storing.copy_keys(
            connection, wire.stream((ready.keys_without(batch, stored.gone),))
        ):
            self._patience = 1
            return set()
        else:
            self._wait = self._patience
            self._patience = min(2 * self._patience, PATIENCE_MAX)
        others = stored.gone | staged
        rest = [seq for seq in range(len(batch.events)) if seq not in others]
        await _stage(connection, batch, ids, rest)
        return await _tell_apart(connection, batch, ids, stored)

    def remember(self, batch: Batch, ids: Ids, stored: Stored) -> None:
        """Note what is committed; a repetition may say the same in other digits than is stored."""
        events, gone = batch.events, stored.gone
        for source_id, seqs in seqs_by_source(ids.sources).items():
            kept = [seq for seq in seqs if seq not in gone] if gone else seqs
            self._recent.remember(
                (batch.tenant, source_id),
                zip(_among(events.ids, kept), _among(events.fingerprints, kept), strict=True),
            )

    def recognise(self, batch: Batch, ready: Ready, stored: Stored) -> None:
        """Find repetitions of what was stored lately, and of earlier events of the batch."""
        recognised: set[int] = set()
        for source_id, seqs in seqs_by_source(ready.ids.sources).items():
            event_ids = _among(batch.events.ids, seqs)
            known = self._recent.known_among((batch.tenant, source_id), event_ids)
            if known:
                for seq, event_id in zip(seqs, event_ids, strict=True):
                    if event_id in known:
                        recognised.add(seq)
                        _compare(batch, seq, known[event_id], stored)
        twins = ready.twins
        if stored.refused:
            refused = stored.refused.keys()
            twins = twins_of(batch.events, ready.ids, ready.order, without=refused)
        stored.twins = {seq: at for seq, at in twins.items() if seq not in recognised}
        stored.duplicates |= stored.twins.keys()


def _compare(batch: Batch, seq: int, said: bytes, stored: Stored) -> None:
    """Say what an event is whose identity is known."""
    if seq in stored.refused:
        return
    if batch.events.fingerprints[seq] == said:
        stored.duplicates.add(seq)
    else:
        stored.refused[seq] = "id_conflict"


def _among(column: Sequence[T], seqs: Sequence[int]) -> Sequence[T]:
    return column if len(seqs) == len(column) else [column[seq] for seq in seqs]


async def _stage(connection: Connection, batch: Batch, ids: Ids, seqs: Sequence[int]) -> None:
    if seqs:
        await storing.stage(connection, wire.stream(wire.staged_rows(batch, ids, seqs)))


async def _tell_apart(connection: Connection, batch: Batch, ids: Ids, stored: Stored) -> set[Key]:
    """Claim identities where some exist; return the keys of events that were awaited."""
    tenant = batch.tenant
    seqs = await storing.insert_keys(connection, tenant)
    if not seqs:
        return set()
    seen = await storing.compare_keys(connection, tenant, seqs)
    awaited = [each.seq for each in seen if each.awaited]
    arrived: list[int] = []
    if awaited:
        arrived = await storing.fill_awaited_keys(connection, tenant, awaited)
        others = [seq for seq in seqs if seq not in arrived]
        seen = await storing.compare_keys(connection, tenant, others)
    known = {each.seq for each in seen if each.same}
    refused = {each.seq: "id_conflict" for each in seen if not each.same}
    await storing.unstage(connection, sorted(known | refused.keys()))
    stored.duplicates |= known
    stored.refuse(refused)
    return {(ids.sources[seq], batch.events.ids[seq]) for seq in arrived}
