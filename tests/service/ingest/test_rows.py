"""Whether rows of keys and runs say what the events say, compiled or not."""

import struct
from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.events.columns import Columns, Measured
from services.ingest.batch import Origin, Record
from services.ingest.queries.storing import EPOCH_DAY, Run
from services.ingest.storing import plain_rows, rows
from services.ingest.storing.identities import Ids

# By name, the ways there are: the compiled one only where there was a compiler.
WAYS: dict[str, ModuleType] = {"plain": plain_rows}
if rows.IS_COMPILED:
    from services.ingest.storing import packing

    WAYS["compiled"] = packing
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
BIG = st.integers(-(2**63), 2**63 - 1)
DAYS = st.integers(1, 3_652_059)
NUMBERS = st.sampled_from(["0", "1.5", "-7", "Zeit"])
MEASURED: st.SearchStrategy[Measured] = st.none() | NUMBERS | st.tuples(NUMBERS, NUMBERS)
START, OTHER_START = b"\x00\x0aoften the same", b"\x00\x0aof another partition"
ORIGIN = Origin(log_id=7, partition=3, epoch=1, next_offset=0, head_hash=bytes(32))


def record(offset: int) -> Record:
    return Record(offset=offset, timestamp=1, key=None, value=b"", headers=[])


def sized(text: bytes) -> bytes:
    return struct.pack(">i", len(text)) + text


def number(size: int, said: int) -> bytes:
    return sized(said.to_bytes(size, "big", signed=True))


def ending(index: int) -> bytes:
    return b"\xff\xff\xff\xff" + sized(b"decision %d" % index)


@each_way
@given(
    events=st.lists(
        st.tuples(
            BIG,
            BIG,
            st.text(max_size=40),
            st.binary(min_size=32, max_size=32),
            DAYS,
            st.none() | BIG,
        ),
        min_size=1,
        max_size=12,
    ),
    n_first=st.integers(0, 12),
    data=st.data(),
)
def test_a_row_of_a_key_is_that_of_postgresql(
    way: ModuleType,
    events: list[tuple[int, int, str, bytes, int, int | None]],
    n_first: int,
    data: st.DataObject,
) -> None:
    columns = [list(column) for column in zip(*events, strict=True)]
    offsets, sources, names, fingerprints, days, series = columns
    # One stretch may hold nothing, and any events may be written, in any order.
    n_first = min(n_first, len(events))
    seqs = data.draw(st.lists(st.sampled_from(range(len(events))), unique=True))

    found = way.key_rows(
        [START, OTHER_START], [n_first, len(events)], [record(each) for each in offsets],
        Columns(ids=names, fingerprints=fingerprints, days=days),
        Ids(sources=sources, series=series, by_source={}), seqs, ending,
    )  # fmt: skip

    rows = [
        (START if seq < n_first else OTHER_START)
        + number(8, offset) + number(8, source) + sized(name.encode()) + sized(fingerprint)
        + number(4, day - EPOCH_DAY)
        + (ending(seq) if known is None else number(8, known) + b"\xff\xff\xff\xff")
        for seq, (offset, source, name, fingerprint, day, known) in enumerate(events)
    ]  # fmt: skip
    assert found == b"".join(rows[seq] for seq in seqs)


@given(
    events=st.lists(
        st.tuples(
            st.integers(-1, 2**63 - 1),
            DAYS | st.just(EPOCH_DAY),
            MEASURED,
            st.none() | st.integers(1, 3) | BIG,
        )
    ),
    first=st.integers(0, 5),
    without=st.frozensets(st.integers(0, 9)),
)
def test_runs_hold_every_measurement_once_and_are_the_same_either_way(
    events: list[tuple[int, int, Measured, int | None]], first: int, without: frozenset[int]
) -> None:
    kept = [
        (series_id, day - EPOCH_DAY, offset, said)
        for seq, (offset, day, said, series_id) in enumerate(events, first)
        if seq not in without and said is not None and series_id is not None
    ]

    gathered = [gathered_by(way.runs, events, first, without) for way in WAYS.values()]

    for runs in gathered:
        assert runs == gathered[0]
        assert sorted(map(repr, measurements_in(runs))) == sorted(map(repr, kept))
        places = [(run.series_id, run.day, bool(run.numbers)) for run in runs]
        assert len(set(places)) == len(places)


def gathered_by(
    gather: Callable[..., list[Run]],
    events: list[tuple[int, int, Measured, int | None]],
    first: int,
    without: frozenset[int],
) -> list[Run]:
    columns = [list(column) for column in zip(*events, strict=True)] or [[] for _ in range(4)]
    offsets, days, measured, series = columns
    return gather(
        ORIGIN, [record(each) for each in offsets], days, measured, series, without, first
    )


def measurements_in(runs: list[Run]) -> list[tuple[int, int, int, Measured]]:
    found: list[tuple[int, int, int, Measured]] = []
    for run in runs:
        assert (run.log_id, run.partition) == (ORIGIN.log_id, ORIGIN.partition)
        said: list[Measured] = [*run.numbers, *zip(run.numerators, run.denominators, strict=True)]
        found += [
            (run.series_id, run.day, int(offset), each)
            for offset, each in zip(run.offsets, said, strict=True)
        ]
    return found


@each_way
def test_columns_of_different_lengths_are_no_stretch(way: ModuleType) -> None:
    with pytest.raises((ValueError, IndexError), match=r"range|beside one of"):
        way.key_rows(
            [START], [1], [record(1)], Columns(ids=["e"], days=[1]),
            Ids(sources=[1], series=[1], by_source={}), [0], ending,
        )  # fmt: skip
    with pytest.raises(ValueError, match=r"shorter|beside one of"):
        way.runs(ORIGIN, [record(1)], [1], ["1"], [], frozenset(), 0)
