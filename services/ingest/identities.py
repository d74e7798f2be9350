"""Surrogate ids already known to this process; only committed ids are ever in here."""

from collections.abc import Iterable

from asyncpg import Connection

from aivalue.measurements.measurement import SeriesKey
from services.ingest.queries import identities as queries

ENTRIES_MAX = 1_000_000


class Identities:
    """Look ids up, asking PostgreSQL once for each."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], int] = {}
        self._series: dict[tuple[str, SeriesKey], int] = {}

    async def learn(
        self,
        connection: Connection,
        tenant: str,
        *,
        sources: Iterable[str],
        series: Iterable[SeriesKey],
    ) -> None:
        """Know the ids of these afterwards. Not inside a transaction that may roll back."""
        unknown = {source for source in sources if (tenant, source) not in self._sources}
        if unknown:
            found = await queries.source_ids(connection, tenant, unknown)
            _make_room(self._sources, len(found))
            self._sources.update({(tenant, source): i for source, i in found.items()})
        missing = {key for key in series if (tenant, key) not in self._series}
        if missing:
            ids = await queries.series_ids(connection, tenant, missing)
            _make_room(self._series, len(ids))
            self._series.update({(tenant, key): i for key, i in ids.items()})

    def source(self, tenant: str, source: str) -> int:
        """Return the id of a source that was learnt."""
        return self._sources[tenant, source]

    def series(self, tenant: str, key: SeriesKey) -> int:
        """Return the id of a series that was learnt."""
        return self._series[tenant, key]


def _make_room(
    entries: dict[tuple[str, str], int] | dict[tuple[str, SeriesKey], int], n: int
) -> None:
    if len(entries) + n > ENTRIES_MAX:
        entries.clear()
