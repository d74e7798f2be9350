"""A batch as it goes to PostgreSQL: all of it that can be prepared while the one before is stored.

By whoever decoded it: the thread that stores has a chain of statements to get through, and what
is done here need not wait in it. Nothing of this looks at what was stored before.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import compress, islice
from operator import eq
from typing import Final

from aivalue.events.columns import Columns
from services.ingest.batch import Batch
from services.ingest.queries.storing import Run
from services.ingest.storing import wire
from services.ingest.storing.identities import Ids
from services.ingest.storing.runs import runs_but, runs_of

# Events are few where these many times as many are none of them.
FEW: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A batch with the rows of its keys.

    Attributes
    ----------
    order :
        All events in the order of the primary key, those of one identity as they came.
    twins :
        Events that repeat an earlier one of the batch: which that is.
    keys :
        The rows of all but twins, in the order of the primary key, one behind the other.
    runs :
        What the events but twins measure.
    """

    ids: Ids
    order: Sequence[int]
    twins: dict[int, int]
    keys: bytes
    runs: Sequence[Run]

    @classmethod
    def of(cls, batch: Batch, ids: Ids) -> "Ready":
        """Write the rows of a batch."""
        # Sorting is stable, and of texts alone it is twice as fast as of identities.
        order = sorted(range(len(ids.sources)), key=batch.events.ids.__getitem__)
        if len(set(ids.sources)) > 1:
            order.sort(key=ids.sources.__getitem__)
        twins = twins_of(batch.events, ids, order)
        return cls(
            ids=ids,
            order=order,
            twins=twins,
            keys=wire.key_rows(batch, ids, [seq for seq in order if seq not in twins]),
            runs=runs_of(batch, ids, without=twins.keys()),
        )

    def keys_without(self, batch: Batch, gone: AbstractSet[int]) -> bytes:
        """Return the rows of keys, in the order of the primary key, but of what is not kept."""
        if gone == self.twins.keys():
            return self.keys
        return wire.key_rows(batch, self.ids, [seq for seq in self.order if seq not in gone])

    def runs_without(self, batch: Batch, gone: AbstractSet[int]) -> Sequence[Run]:
        """Return what is measured by the events that are kept."""
        more = gone - self.twins.keys()
        # Of a replay nearly all is gone, and soon gathered anew.
        if gone >= self.twins.keys() and len(more) * FEW < len(self.order):
            return runs_but(self.runs, batch, more)
        return runs_of(batch, self.ids, without=gone)


def twins_of(
    events: Columns,
    ids: Ids,
    order: Sequence[int],
    *,
    without: AbstractSet[int] = frozenset(),
) -> dict[int, int]:
    """Return the events that repeat an earlier one, with which one that is.

    What contradicts an earlier event is left to PostgreSQL, which may know a third.

    Parameters
    ----------
    order :
        Of the primary key: whatever has the same identity stands side by side.
    without :
        Events that others do not repeat, for they are not stored.
    """
    groups: dict[tuple[int, str], list[int]] = {}
    event_ids = [events.ids[seq] for seq in order]
    for at in compress(range(len(order)), map(eq, event_ids, islice(event_ids, 1, None))):
        first, second = order[at], order[at + 1]
        if ids.sources[first] == ids.sources[second]:
            groups.setdefault((ids.sources[first], event_ids[at]), [first]).append(second)
    twins: dict[int, int] = {}
    for group in groups.values():
        stored = [seq for seq in group if seq not in without]
        for seq in stored[1:]:
            if events.fingerprints[seq] == events.fingerprints[stored[0]]:
                twins[seq] = stored[0]
    return twins


def seqs_by_source(sources: Sequence[int]) -> dict[int, Sequence[int]]:
    """Return the `seq` of the events of each source, given every event's."""
    distinct = set(sources)
    if len(distinct) == 1:
        return {distinct.pop(): range(len(sources))}
    found: dict[int, list[int]] = {source_id: [] for source_id in distinct}
    for seq, source_id in enumerate(sources):
        found[source_id].append(seq)
    return dict(found)
