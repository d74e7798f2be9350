"""Whether raw events are packed byte for byte, whatever they are, and read again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.batch import Batch, Origin, Record
from services.ingest.lateness import late_spans
from services.ingest.originals import pack, unpack
from services.ingest.reading.decoding import decode_stretch
from services.ingest.storing.event_runs import EVENTS_MAX, event_runs_of

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_BYTES = st.none() | st.binary(max_size=64)
_RECORDS = st.lists(
    st.builds(
        Record,
        offset=st.integers(0, 2**63 - 1),
        timestamp=st.integers(-1, 2**63 - 1),
        key=_BYTES,
        value=_BYTES,
        headers=st.lists(st.tuples(st.text(max_size=8), _BYTES), max_size=3),
    ),
    max_size=20,
)


def _record(offset: int, *, at: datetime) -> Record:
    value = (
        f'{{"specversion":"1.0","id":"e{offset}","source":"s","time":"{at.isoformat()}",'
        '"type":"aivalue.measurement.recorded.v1","data":{"kpi":"k","unit":"u","value":"1"}}'
    )
    header = ("content-type", b"application/cloudevents+json")
    return Record(offset=offset, timestamp=1, key=None, value=value.encode(), headers=[header])


def _batch(n_records: int, *, n_late: int = 0) -> Batch:
    late = _NOW - timedelta(days=1, microseconds=1)
    stretches = []
    for partition in (0, 1):
        origin = Origin(log_id=7, partition=partition, epoch=1, next_offset=10, head_hash=bytes(32))
        records = [
            _record(10 + n, at=late if n < n_late else _NOW - timedelta(days=1))
            for n in range(n_records)
        ]
        stretches.append(decode_stretch(origin, records, now=_NOW))
    return Batch(tenant="t", received_at=_NOW, stretches=stretches)


@given(records=_RECORDS)
def test_records_are_packed_byte_for_byte(records: list[Record]) -> None:
    assert unpack(pack(records)) == records


@pytest.mark.parametrize("junk", [b"", b"junk", pack([])[:-1], pack([])[::-1]])
def test_what_was_not_packed_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="no run of records"):
        unpack(junk)


def test_a_run_spans_so_many_events_and_one_partition() -> None:
    runs = event_runs_of(_batch(EVENTS_MAX + 3), without=frozenset())

    found = [(each.partition, each.first_offset, each.last_offset, each.n_events) for each in runs]
    assert found == [
        (0, 10, 9 + EVENTS_MAX, EVENTS_MAX), (0, 10 + EVENTS_MAX, 12 + EVENTS_MAX, 3),
        (1, 10, 9 + EVENTS_MAX, EVENTS_MAX), (1, 10 + EVENTS_MAX, 12 + EVENTS_MAX, 3),
    ]  # fmt: skip


def test_what_is_not_kept_leaves_a_gap() -> None:
    # The first of either partition, and all of the second but its last.
    runs = event_runs_of(_batch(4), without={0, 4, 5, 6})

    kept = [[record.offset for record in unpack(each.originals)] for each in runs]
    assert kept == [[11, 12, 13], [13]]
    assert [(each.first_offset, each.n_events) for each in runs] == [(11, 3), (13, 1)]
    assert event_runs_of(_batch(1), without={0, 1}) == []


def test_late_events_are_named() -> None:
    # One of a day ago to the microsecond is not late.
    runs = event_runs_of(_batch(4, n_late=2), without={1, 4, 5})

    assert [each.late for each in runs] == ["{[10,11)}", None]


def test_late_events_among_others_are_spans() -> None:
    now, late = (int(at.timestamp() * 1e6) for at in (_NOW, _NOW - timedelta(days=2)))

    assert late_spans([1, 2, 5, 6, 9], [late, late, now, late, now], _NOW) == "{[1,3),[6,7)}"
    assert late_spans([1, 5], [late, late], _NOW) == "{[1,6)}"
