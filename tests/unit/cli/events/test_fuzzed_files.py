"""Whatever a file holds, it is read to the last digit or refused by place: never a traceback."""

import csv
import io
import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from aivalue.cli.events.mapping_file import InvalidMapping
from aivalue.cli.events.prepared import UnreadableEvents
from aivalue.cli.events.tables import UnreadableTable
from tests.unit.cli.events.tables import MEASUREMENT, events, prepared

COLUMNS = ("line", "when", "minutes")
# One directory serves all examples of a test: each writes its files anew.
EACH_ANEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ("", " ", "NaN", "-Infinity", "1e999", "1_000", "0x1f", "١٢", "1,5", "12.50", "\x00",
         "2024-01-02T03:04:05Z", "2024-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31", '"')
    ),
)  # fmt: skip
ROWS = st.lists(st.lists(CELLS, max_size=5), max_size=5)
PLACED = re.compile(r"(t\.(csv|parquet)(:\d+(:(line|when|minutes|id))?)?|mapping\.yaml:\d+:\d+): .")


def read_or_refused(path: Path) -> list[dict[str, object]]:
    """Return the events; where the file is refused, none, and each problem has its place."""
    problems: tuple[str, ...]
    try:
        return events(path, MEASUREMENT)
    except (UnreadableTable, InvalidMapping) as refused:
        # Not a table at all, or not one with the mapping's columns.
        problems = tuple(str(refused).splitlines()[:1])
    except UnreadableEvents as refused:
        problems = refused.shown
    assert problems
    for problem in problems:
        assert PLACED.search(problem), problem
    return []


@EACH_ANEW
@given(rows=ROWS)
@example(rows=[["line-1", "2024-01-02T03:04:05Z", "12.50"]])
def test_a_csv_is_read_or_refused_by_line_and_column(tmp_path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *rows])
    path = tmp_path / "t.csv"
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))

    found = read_or_refused(path)

    # What is read is what stands there: no cell is changed, none is made up.
    for event in found:
        unit, value = _data(event, "unit"), Decimal(_data(event, "value"))
        assert any(
            len(row) == len(COLUMNS) and row[0].strip() == unit and Decimal(row[2].strip()) == value
            for row in rows
        )


@EACH_ANEW
@given(content=st.binary(max_size=200))
@example(content=b"line,when,minutes\n\xff\xfe,2024-01-02T00:00:00Z,1\n")
@example(content=b"\xef\xbb\xbfline,when,minutes\nline-1,2024-01-02T00:00:00Z,1\n")
@example(content=b'line,when,minutes\n"line-1,2024-01-02T00:00:00Z,1\n')
def test_any_bytes_are_a_table_or_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("t.csv", "t.parquet"):
        path = tmp_path / name
        path.write_bytes(content)

        read_or_refused(path)


@EACH_ANEW
@given(
    line=st.one_of(st.none(), st.text(max_size=8), st.integers(), st.binary(max_size=8)),
    when=st.one_of(st.none(), st.datetimes(), st.dates(), st.text(max_size=8), st.floats()),
    minutes=st.one_of(
        st.none(), st.floats(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=8)
    ),
)
def test_a_parquet_column_of_any_type_is_read_or_refused(
    tmp_path: Path, line: object, when: object, minutes: object
) -> None:
    path = tmp_path / "t.parquet"
    try:
        table = pa.table({"line": [line], "when": [when], "minutes": [minutes]})
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        return  # no such file exists
    parquet.write_table(table, path)

    for event in read_or_refused(path):
        assert str(_data(event, "unit")).strip()


@EACH_ANEW
@given(
    text=st.one_of(
        st.text(max_size=80), st.text(alphabet="{}[]:,&*!|>'\"%@- \n\tabc1", max_size=60)
    )
)
@example(text="type: measurement\nfields: &a [*a]\n")
@example(text="? {[]: 1}\n: 2\n")
def test_any_mapping_is_read_or_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("line,when,minutes\n")

    with pytest.raises(InvalidMapping) as refused:
        prepared(path, text.encode("utf-8", "replace").decode())

    assert all(problem.place.line >= 1 for problem in refused.value.found)


def _data(event: dict[str, object], name: str) -> str:
    data = event["data"]
    assert isinstance(data, dict)
    return str(data[name])
