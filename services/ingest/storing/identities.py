"""Surrogate ids already known to this process; only committed ids are ever in here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from asyncpg import Connection

from aivalue.events.business import BackfillReverted, EventRetracted, SeriesKey
from aivalue.events.columns import Columns
from services.ingest.queries import identities as queries

ENTRIES_MAX = 1_000_000
N = TypeVar("N", str, SeriesKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """Ids that a batch needs; `sources` and `series` have one entry an event, in order."""

    sources: Sequence[int]
    series: Sequence[int | None]
    by_source: dict[str, int]


class Identities:
    """Looks ids up, asking PostgreSQL once for each.

    Read by the thread that decodes, filled by those that store: an id in here never changes.
    """

    def __init__(self) -> None:
        self._sources: dict[str, dict[str, int]] = {}
        self._series: dict[str, dict[SeriesKey, int]] = {}

    def known(self, tenant: str, events: Columns) -> Ids | None:
        """Return the ids of all that the events name, None where PostgreSQL must be asked."""
        sources, series = self._sources.get(tenant, {}), self._series.get(tenant, {})
        try:
            return Ids(
                sources=[sources[name] for name in events.sources],
                series=[None if key is None else series[key] for key in events.series],
                by_source={name: sources[name] for name in _retracting(events)},
            )
        except KeyError:
            return None

    async def resolve(self, connection: Connection, tenant: str, events: Columns) -> Ids:
        """Return the ids of all that the events name, creating what is new.

        Not inside a transaction that may roll back: an id must be durable before a row uses it.
        """
        known = self.known(tenant, events)
        if known is not None:
            return known
        retracting = _retracting(events)
        sources = await _learned(
            self._sources.setdefault(tenant, {}),
            retracting.union(events.sources),
            partial(queries.source_ids, connection, tenant),
        )
        series = await _learned(
            self._series.setdefault(tenant, {}),
            {key for key in events.series if key is not None},
            partial(queries.series_ids, connection, tenant),
        )
        return Ids(
            sources=[sources[name] for name in events.sources],
            series=[None if key is None else series[key] for key in events.series],
            by_source={name: sources[name] for name in retracting},
        )


async def _learned(
    entries: dict[N, int],
    wanted: AbstractSet[N],
    ask: Callable[[AbstractSet[N]], Awaitable[Mapping[N, int]]],
) -> Mapping[N, int]:
    """Return the ids of all that is wanted, keeping what is new.

    Apart from `entries`: somebody else may make room in them while PostgreSQL is asked.
    """
    found = {name: known for name in wanted if (known := entries.get(name)) is not None}
    missing = wanted - found.keys()
    if missing:
        new = await ask(missing)
        if len(entries) + len(new) > ENTRIES_MAX:
            entries.clear()
        entries.update(new)
        found.update(new)
    return found


def _retracting(events: Columns) -> set[str]:
    """Return the sources of what the events take back."""
    said = [event.data for event in events.whole.values()]
    found = {each.source for each in said if type(each) is EventRetracted}
    slices = [each for each in said if type(each) is BackfillReverted]
    return found | {each.through_source for each in slices if each.through_source is not None}
