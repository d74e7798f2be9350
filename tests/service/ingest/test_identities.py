"""Whether who asks for ids has them all, whatever another connection asks for meanwhile."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import cast

import pytest
from asyncpg import Connection

from aivalue.events.business import MeasurementRecorded
from aivalue.events.encode import kafka_message
from services.ingest.batch import Origin, Record
from services.ingest.queries.partitions import GENESIS
from services.ingest.reading.decoding import decode_stretch
from services.ingest.storing import identities
from services.ingest.storing.identities import Identities, Ids
from tests.model.world import NOW


class Postgres:
    """Knows every source and series; runs something else while it answers."""

    def __init__(self, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        self._meanwhile = meanwhile

    async def execute(self, _: str, *given: object) -> None:
        """Create what is new: nothing to do."""

    async def fetch(self, statement: str, _: str, *names: Sequence[str]) -> Sequence[object]:
        """Answer with the number of letters, or of the unit."""
        if "ingest.sources" in statement:
            return [{"source": name, "source_id": len(name)} for name in names[0]]
        if self._meanwhile is not None:
            await self._meanwhile()
        return [(*key, int(key[1])) for key in zip(*names, strict=True)]


async def _resolve(known: Identities, postgres: Postgres, units: Sequence[int]) -> Ids:
    """Ask for the ids of a measurement of each unit."""
    messages = [
        kafka_message(
            MeasurementRecorded(kpi="k", unit=str(unit), value=Decimal(1)),
            source="urn:s",
            event_id=f"e{unit}",
            time=NOW,
        )
        for unit in units
    ]
    records = [
        Record(offset=at, timestamp=0, key=each.key, value=each.value, headers=each.headers)
        for at, each in enumerate(messages)
    ]
    origin = Origin(log_id=1, partition=0, epoch=1, next_offset=0, head_hash=GENESIS)
    events = decode_stretch(origin, records, now=NOW).events
    return await known.resolve(cast(Connection, postgres), "acme", events)


async def test_room_made_for_others_takes_no_id_from_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(identities, "ENTRIES_MAX", 3)
    known = Identities()
    await _resolve(known, Postgres(), [1, 2])

    ids = await _resolve(known, Postgres(lambda: _resolve(known, Postgres(), [5, 6, 7])), [1, 2, 3])

    assert ids.series == [1, 2, 3]
