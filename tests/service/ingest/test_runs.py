"""Whether runs that some events are taken out of are those that had been gathered without them."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aivalue.events.business import MeasurementRecorded
from aivalue.events.encode import kafka_message
from services.ingest.batch import Batch, Origin, Record
from services.ingest.queries.storing import Run
from services.ingest.reading.decoding import decode_stretch
from services.ingest.storing.identities import Ids
from services.ingest.storing.runs import runs_but, runs_of

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_UNITS = ("a", "b", "c")
# Of each partition, the unit that every event measures, and whether as a ratio.
_MEASURED = st.lists(st.tuples(st.sampled_from(_UNITS), st.booleans()), min_size=1, max_size=8)


def _record(offset: int, unit: str, *, is_ratio: bool) -> Record:
    value = Decimal(offset)
    data = MeasurementRecorded(kpi="k", unit=unit, value=value)
    if is_ratio:
        data = MeasurementRecorded(kpi="k", unit=unit, numerator=value, denominator=Decimal(2))
    said = kafka_message(data, source="s", event_id=f"e{offset}", time=_NOW)
    return Record(offset=offset, timestamp=1, key=None, value=said.value, headers=said.headers)


def _by_place(runs: list[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: (run.log_id, run.partition, run.series_id, run.offsets))


@given(partitions=st.lists(_MEASURED, min_size=1, max_size=3), data=st.data())
def test_taking_out_is_gathering_without(
    partitions: list[list[tuple[str, bool]]], data: st.DataObject
) -> None:
    stretches = []
    for number, measured in enumerate(partitions):
        origin = Origin(log_id=1, partition=number, epoch=1, next_offset=5, head_hash=bytes(32))
        records = [
            _record(5 + n, unit, is_ratio=is_ratio) for n, (unit, is_ratio) in enumerate(measured)
        ]
        stretches.append(decode_stretch(origin, records, now=_NOW))
    batch = Batch(tenant="t", received_at=_NOW, stretches=stretches)
    series = [None if key is None else _UNITS.index(key[1]) for key in batch.events.series]
    ids = Ids(sources=[1] * len(series), series=series, by_source={})
    gone = data.draw(st.sets(st.integers(0, len(series) - 1)))

    left = runs_but(runs_of(batch, ids, without=frozenset()), batch, gone)

    assert _by_place(left) == _by_place(runs_of(batch, ids, without=gone))
