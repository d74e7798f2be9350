"""A batch as it goes to PostgreSQL: all of it that can be prepared while the one before is stored.

By whoever decoded it: the thread that stores has a chain of statements to get through, and what
is done here need not wait in it. Nothing of this looks at what was stored before.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from services.ingest.batch import Batch
from services.ingest.queries.storing import Run
from services.ingest.storing import wire
from services.ingest.storing.identities import Ids
from services.ingest.storing.recent import Identity
from services.ingest.storing.runs import runs_but, runs_of

# Events are few where these many times as many are none of them.
FEW: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A batch with the rows of its keys.

    Attributes
    ----------
    identities, distinct :
        Of the events; the index is `seq`.
    twins :
        Events that repeat an earlier one of the batch: which that is.
    order, keys :
        The events but twins in the order of the primary key, and the rows of their keys.
    runs :
        What the events but twins measure.
    """

    ids: Ids
    identities: Sequence[Identity]
    distinct: AbstractSet[Identity]
    twins: dict[int, int]
    order: Sequence[int]
    keys: Sequence[bytes]
    runs: Sequence[Run]

    @classmethod
    def of(cls, batch: Batch, ids: Ids) -> "Ready":
        """Write the rows of a batch."""
        rows = wire.key_rows(batch, ids)
        identities = identities_of(batch, ids)
        distinct = set(identities)
        twins: dict[int, int] = {}
        if len(distinct) < len(identities):
            twins = twins_of(identities, batch.events.fingerprints)
        # Sorting is stable, and of texts alone it is twice as fast as of identities.
        order = [seq for seq in range(len(identities)) if seq not in twins]
        order.sort(key=batch.events.ids.__getitem__)
        order.sort(key=ids.sources.__getitem__)
        return cls(
            ids=ids,
            identities=identities,
            distinct=distinct,
            twins=twins,
            order=order,
            keys=[rows[seq] for seq in order],
            runs=runs_of(batch, ids, without=twins.keys()),
        )

    def keys_without(self, gone: AbstractSet[int]) -> Sequence[bytes]:
        """Return the rows of keys, in the order of the primary key, but of what is not kept."""
        if gone == self.twins.keys():
            return self.keys
        return [row for seq, row in zip(self.order, self.keys, strict=True) if seq not in gone]

    def runs_without(self, batch: Batch, gone: AbstractSet[int]) -> Sequence[Run]:
        """Return what is measured by the events that are kept."""
        more = gone - self.twins.keys()
        # Of a replay nearly all is gone, and soon gathered anew.
        if gone >= self.twins.keys() and len(more) * FEW < len(self.identities):
            return runs_but(self.runs, batch, more)
        return runs_of(batch, self.ids, without=gone)


def identities_of(batch: Batch, ids: Ids) -> list[Identity]:
    """Return the identity of every event."""
    return list(zip(itertools.repeat(batch.tenant), ids.sources, batch.events.ids))


def twins_of(
    identities: Sequence[Identity],
    fingerprints: Sequence[bytes],
    *,
    without: AbstractSet[int] = frozenset(),
) -> dict[int, int]:
    """Return the events that repeat an earlier one, with which one that is.

    What contradicts an earlier event is left to PostgreSQL, which may know a third.
    """
    repeated = {each for each, n in Counter(identities).items() if n > 1}
    seen: dict[Identity, int] = {}
    twins: dict[int, int] = {}
    for seq in [seq for seq, each in enumerate(identities) if each in repeated]:
        if seq in without:
            continue
        first = seen.setdefault(identities[seq], seq)
        if first != seq and fingerprints[first] == fingerprints[seq]:
            twins[seq] = first
    return twins
