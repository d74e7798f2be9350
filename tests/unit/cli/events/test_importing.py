"""Tables become the events their mapping says, exactly, or every wrong cell is named."""

import asyncio
import tracemalloc
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from aivalue.cli.events.import_run import Origin, prepare_origin
from aivalue.cli.events.mapping_file import InvalidMapping
from aivalue.cli.events.prepared import UnreadableEvents
from aivalue.cli.events.tables import UnreadableTable
from aivalue.events.decode import decode_structured
from tests.unit.cli.events.tables import MEASUREMENT, NOW, csv, events, prepared

EXAMPLES = Path(__file__).parents[4] / "examples" / "capture"
# The events of these rows have 2.5 MB: what grew with the file would be far beyond.
MEMORY_BYTES_MAX = 1024 * 1024
N_ROWS = 10_000


def problems(path: Path, mapping: str) -> list[str]:
    with pytest.raises(UnreadableEvents) as refused:
        prepared(path, mapping)
    return [each.removeprefix(f"{path}:") for each in refused.value.shown]


def with_time(**options: str) -> str:
    text = ", ".join(f"{name}: {value!r}" for name, value in options.items())
    return MEASUREMENT.replace("{column: when}", f"{{column: when, {text}}}")


def with_value(**options: object) -> str:
    text = ", ".join(f"{name}: {value!r}" for name, value in options.items())
    return MEASUREMENT.replace("value: minutes", f"value: {{column: minutes, {text}}}")


def test_a_row_becomes_the_event_that_its_mapping_says(tmp_path: Path) -> None:
    path = csv(tmp_path, "line,when,minutes\nline-1,2024-01-02T03:04:05+01:00,12.50\n")

    found = events(path, MEASUREMENT, backfill="history-1")

    assert found == [
        {
            "specversion": "1.0",
            "id": "downtime/line-1///2024-01-02T03:04:05+01:00",
            "source": "urn:test",
            "type": "aivalue.measurement.recorded.v1",
            "time": "2024-01-02T03:04:05+01:00",
            "datacontenttype": "application/json",
            "backfillid": "history-1",
            "data": {"kpi": "downtime", "unit": "line-1", "value": "12.50"},
        }
    ]


def test_every_wrong_cell_is_named_with_what_it_holds_and_what_it_needs(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        """\
        line,when,minutes
        line-1,2024-01-02T00:00:00Z,"12,5"
        line-1,2024-01-03T00:00:00,1
        ,yesterday,NaN
        line-1,2024-01-05T00:00:00Z
        line-1,2031-01-05T00:00:00Z,1
        line-1,2024-01-07T00:00:00Z,1e40
        line-1,2024-01-08T00:00:00Z,1
        """,
    )
    number = "needs a number such as 1234.5 (decimal and thousands in the mapping say how)"

    assert problems(path, MEASUREMENT) == [
        f'2:minutes: is "12,5", {number}',
        (
            '3:when: is "2024-01-03T00:00:00", needs an offset such as +01:00, '
            "or a timezone in the mapping"
        ),
        "4:line: is empty, and unit is needed",
        f'4:minutes: is "NaN", {number}',
        (
            '4:when: is "yesterday", needs a time such as 2024-01-31T14:05:00+01:00 '
            "(format in the mapping says how)"
        ),
        "5: has 2 cells, needs 3 as the header",
        (
            '6:when: is "2031-01-05T00:00:00Z": time is 2031-01-05T00:00:00+00:00, '
            "more than 5 minutes ahead of the clock"
        ),
        '7:minutes: is "1e40": value must lie between 1e-30 and 1e30 in magnitude',
    ]


def test_two_rows_with_one_id_are_refused_and_repeated_rows_counted(tmp_path: Path) -> None:
    same = "line-1,2024-01-02T00:00:00Z,1\n"
    path = csv(tmp_path, f"line,when,minutes\n{same}{same}")

    assert prepared(path, MEASUREMENT).n_repeated == 1
    path.write_text(f"line,when,minutes\n{same}line-1,2024-01-02T00:00:00Z,2\n")
    assert problems(path, MEASUREMENT) == [
        (
            '3:id: is "downtime/line-1///2024-01-02T00:00:00+00:00" as in row 2, which says '
            "something else: `id` in the mapping needs the columns that tell them apart"
        )
    ]


@pytest.mark.parametrize(
    ("first", "again"), [("20", "20.000"), ("20.000", "2e1"), ("0", "-0.0"), ("1.10", "1.1")]
)
def test_a_row_that_says_the_same_in_other_digits_is_a_repeated_one(
    tmp_path: Path, first: str, again: str
) -> None:
    rows = f"line-1,2024-01-02T00:00:00Z,{first}\nline-1,2024-01-02T00:00:00Z,{again}\n"
    path = csv(tmp_path, f"line,when,minutes\n{rows}")

    assert prepared(path, MEASUREMENT).n_repeated == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_file_without_the_mark_of_its_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = csv(tmp_path, "line,when,minutes\nline-1,2024-01-02T00:00:00Z,1\n")

    with pytest.raises(UnreadableTable, match=f"is not {encoding}: .*cp1252"):
        prepared(path, f"{MEASUREMENT}    encoding: {encoding}\n")


def test_a_codec_of_bytes_is_no_encoding(tmp_path: Path) -> None:
    path = csv(tmp_path, "line,when,minutes\nline-1,2024-01-02T00:00:00Z,1\n")

    with pytest.raises(InvalidMapping, match="'base64' is not known"):
        prepared(path, f"{MEASUREMENT}    encoding: base64\n")


@pytest.mark.parametrize(
    ("options", "cell", "value"),
    [
        ({}, "0.1", "0.1"),
        ({"factor": 60}, "0.1", "6.0"),
        ({"decimal": ",", "thousands": "."}, '"1.234,50"', "1234.50"),
        ({"thousands": ","}, '"1,234,567.8"', "1234567.8"),
        ({"default": 0}, "", "0"),
        # 0.1 as a double times 3 would be 0.30000000000000004.
        ({"factor": 3}, "0.1", "0.3"),
        ({}, "-1.5e3", "-1.5E+3"),
    ],
)
def test_numbers_are_read_from_their_characters(
    tmp_path: Path, options: dict[str, object], cell: str, value: str
) -> None:
    path = csv(tmp_path, f"line,when,minutes\nline-1,2024-01-02T00:00:00Z,{cell}\n")

    assert [each["data"]["value"] for each in events(path, with_value(**options))] == [value]


@pytest.mark.parametrize(
    ("options", "cell"),
    [
        ({"decimal": ",", "thousands": "."}, "1.23"),
        ({"decimal": ","}, "1.5"),
        ({"thousands": ","}, '"12,34"'),
        ({}, "0x10"),
        ({}, "\N{ARABIC-INDIC DIGIT ONE}"),
        ({}, "1_000"),
    ],
)
def test_a_number_written_another_way_is_refused(
    tmp_path: Path, options: dict[str, object], cell: str
) -> None:
    path = csv(tmp_path, f"line,when,minutes\nline-1,2024-01-02T00:00:00Z,{cell}\n")

    (problem,) = problems(path, with_value(**options))

    assert problem.startswith(f'2:minutes: is "{cell.strip(chr(34))}", needs a number such as 1')


@pytest.mark.parametrize(
    ("options", "cell", "time"),
    [
        ({"timezone": "Europe/Berlin"}, "2023-07-01", "2023-07-01T00:00:00+02:00"),
        (
            {"timezone": "Europe/Berlin", "format": "%d.%m.%y %H:%M"},
            "31.01.24 14:05",
            "2024-01-31T14:05:00+01:00",
        ),
        # The day of the event is the day in Berlin, not in Greenwich.
        (
            {"timezone": "Europe/Berlin"},
            "2024-01-31T23:30:00Z",
            "2024-02-01T00:30:00+01:00",
        ),
        (
            {"timezone": "Europe/Berlin", "ambiguous": "earlier"},
            "2023-10-29T02:30:00",
            "2023-10-29T02:30:00+02:00",
        ),
        (
            {"timezone": "Europe/Berlin", "ambiguous": "later"},
            "2023-10-29T02:30:00",
            "2023-10-29T02:30:00+01:00",
        ),
        ({"format": "epoch_milliseconds"}, "1706745600123", "2024-02-01T00:00:00.123000+00:00"),
    ],
)
def test_times_name_their_zone(
    tmp_path: Path, options: dict[str, str], cell: str, time: str
) -> None:
    path = csv(tmp_path, f"line,when,minutes\nline-1,{cell},1\n")

    assert [each["time"] for each in events(path, with_time(**options))] == [time]


@pytest.mark.parametrize(
    ("cell", "needed"),
    [
        ("2024-03-31T02:30:00", "a time that exists: clocks in Europe/Berlin were put forward"),
        ("2023-10-29T02:30:00", "ambiguous: earlier or later in the mapping: clocks in Europe"),
        ("30.02.2024", "a time such as"),
    ],
)
def test_a_time_that_means_none_or_two_instants_is_refused(
    tmp_path: Path, cell: str, needed: str
) -> None:
    path = csv(tmp_path, f"line,when,minutes\nline-1,{cell},1\n")

    (problem,) = problems(path, with_time(timezone="Europe/Berlin"))

    assert f'2:when: is "{cell}", needs {needed}' in problem


def test_a_parquet_file_says_the_same_as_its_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    when = datetime.fromisoformat("2024-01-02T00:00:00+00:00")
    table = pa.table(
        {
            "line": ["line-1"] * 3,
            "when": pa.array(
                [when, when.replace(day=3), when.replace(day=4)], pa.timestamp("ns", "UTC")
            ),
            # 0.1 + 0.2 is the float that prints as 0.30000000000000004.
            "minutes": [0.1, 0.1 + 0.2, 5.0],
        }
    )
    parquet.write_table(table, path)

    found = events(path, MEASUREMENT)

    assert [each["data"]["value"] for each in found] == ["0.1", "0.30000000000000004", "5.0"]
    assert found[1]["time"] == "2024-01-03T00:00:00+00:00"


def test_a_parquet_decimal_stays_exact(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    when = datetime.fromisoformat("2024-01-02T00:00:00+00:00")
    exact = pa.array([Decimal("12345678901234567890.123456")], pa.decimal128(38, 6))
    parquet.write_table(pa.table({"line": ["a"], "when": [when], "minutes": exact}), path)

    assert events(path, MEASUREMENT)[0]["data"]["value"] == "12345678901234567890.123456"


def test_a_sheet_of_a_workbook_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    book.create_sheet("notes")
    sheet = book.worksheets[0]
    sheet.append(["line", "when", "minutes"])
    sheet.append([17, datetime(2024, 1, 2), 1.5])  # noqa: DTZ001 - workbooks know no zones
    sheet.append([None, None, None])
    sheet.append([17, "03.01.2024", "#N/A"])
    book.save(path)
    mapping = with_time(timezone="Europe/Berlin")

    with pytest.raises(UnreadableTable, match="has sheets Sheet, notes: `sheet` in the mapping"):
        prepared(path, mapping)
    found = problems(path, mapping + "    sheet: Sheet\n")
    sheet.delete_rows(4)
    book.save(path)

    assert [each.partition(" needs")[0] for each in found] == [
        '4:minutes: is "#N/A",', '4:when: is "03.01.2024",'
    ]  # fmt: skip
    (event,) = events(path, mapping + "    sheet: Sheet\n")
    assert event["data"] == {"kpi": "downtime", "unit": "17", "value": "1.5"}
    assert event["time"] == "2024-01-02T00:00:00+01:00"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.json", b"{}", "ends in '.json', needs one of"),
        ("t.csv", b"", "t.csv:1: has no header"),
        ("t.csv", b"a,a\n1,2\n", "t.csv:1: columns stand twice: a"),
        ("t.csv", "line,when,minutes\nlinié,x,1\n".encode("latin-1"), "is not utf-8-sig"),
        ("t.parquet", b"no", "t.parquet: "),
        ("t.xlsx", b"no", "t.xlsx: is not an XLSX workbook"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(UnreadableTable) as refused:
        prepared(path, MEASUREMENT)

    assert message in str(refused.value)


@pytest.mark.parametrize(("name", "n_events"), [("downtime", 3), ("focus", 2), ("rollout", 2)])
def test_the_examples_are_read_whole(tmp_path: Path, name: str, n_events: int) -> None:
    origin = Origin(path=EXAMPLES / f"{name}.csv")

    found = asyncio.run(
        prepare_origin(
            origin, EXAMPLES / f"{name}.yaml", spool=tmp_path / "s", backfill=None, now=NOW
        )
    )

    assert found.n_events == n_events
    assert all(decode_structured(line.value, now=NOW) for line in found.lines())


async def test_an_interrupt_ends_the_check_before_the_file_does(tmp_path: Path) -> None:
    path, mapping = tmp_path / "t.csv", tmp_path / "m.yaml"
    rows = [f"line-{number},2024-01-02T00:00:00Z,1" for number in range(N_ROWS)]
    path.write_text("line,when,minutes\n" + "\n".join(rows) + "\n")
    mapping.write_text(MEASUREMENT)
    spool = tmp_path / "s"
    checking = asyncio.ensure_future(
        prepare_origin(Origin(path=path), mapping, spool=spool, backfill=None, now=NOW)
    )
    # It begins, and offers to be interrupted.
    await asyncio.sleep(0)

    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking

    assert spool.read_bytes().count(b"\n") < N_ROWS


def test_columns_that_later_focus_versions_add_are_tolerated(tmp_path: Path) -> None:
    mapping = (EXAMPLES / "focus.yaml").read_text()
    lines = (EXAMPLES / "focus.csv").read_text().splitlines()
    newer = "\n".join(
        f"{line},{'ServiceProviderName' if at == 0 else 'x'}" for at, line in enumerate(lines)
    )

    older = events(csv(tmp_path, (EXAMPLES / "focus.csv").read_text()), mapping)

    assert events(csv(tmp_path, newer), mapping) == older
    assert older[0]["data"]["billed_cost"] == "12.345678901234"
    assert older[0]["data"]["tags"] == {"team": "maintenance"}
    assert "effective_cost" not in older[1]["data"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write("line,when,minutes\n")
        for number in range(N_ROWS):
            file.write(f"line-{number},2024-01-02T00:00:00Z,{number}.25\n")

    tracemalloc.start()
    found = prepared(path, MEASUREMENT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.n_events == N_ROWS
    assert peak < MEMORY_BYTES_MAX
