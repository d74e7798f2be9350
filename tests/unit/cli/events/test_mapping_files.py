"""A mapping that cannot be used says where, and what it needs instead."""

from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from aivalue.cli.events.mapping import SHAPES
from aivalue.cli.events.mapping_file import InvalidMapping, read_mapping
from tests.unit.cli.events.tables import MEASUREMENT, csv, prepared


def problems(directory: Path, mapping: str) -> list[str]:
    file = directory / "m.yaml"
    file.write_text(dedent(mapping))
    with pytest.raises(InvalidMapping) as refused:
        read_mapping(file)
    return [str(each).removeprefix(f"{file}:") for each in refused.value.found]


def test_the_shapes_name_fields_that_the_events_have() -> None:
    for shape in SHAPES.values():
        names = {field.name for field in msgspec.structs.fields(shape.data)}

        # `window` is the one field that no single column holds.
        assert names - {"window"} == set(shape.kinds)


@pytest.mark.parametrize(
    ("mapping", "found"),
    [
        (
            "type: measurment\nsourc: x\nfields: {kpi: {constant: 1, column: x}}\n",
            [
                ("1:7: type: input should be 'measurement', 'cost' or 'intervention', "
                "got 'measurment'"),
                "1:1: source: is missing",
                "3:15: fields.kpi: needs either column or constant",
                "2:8: sourc: is unknown; did you mean source?",
            ],
        ),
        ("- a\n", ["1:1: a mapping has type, source and fields"]),
        ("", ["1:1: holds 0 YAML documents, needs one mapping"]),
        (
            MEASUREMENT.replace("unit: line", "unti: line"),
            [
                "6:9: fields.unti: a measurement has no field 'unti'; did you mean unit?",
                "5:3: fields: a measurement needs unit",
            ],
        ),
        (
            MEASUREMENT.replace("unit: line", "unit: {column: line, factor: 2}"),
            ["6:32: fields.unit.factor: is for a field of kind number, and this one is text"],
        ),
        (
            MEASUREMENT + "    numerator: n\n",
            [("8:12: numerator: is unknown; known are ['type', 'source', 'id', 'time', 'timezone', "
             "'kpi_unit', 'focus', 'fields', 'only', 'empty', 'delimiter', 'encoding', 'sheet']")],
        ),
        (
            MEASUREMENT + "      numerator: n\n",
            ["5:3: fields: a measurement needs value, or numerator and denominator"],
        ),
        (
            MEASUREMENT.replace("{column: when}", "{column: when, timezone: Berlin}"),
            [("3:32: time.timezone: 'Berlin' is not a time zone of the IANA list; "
             "write Europe/Berlin, or UTC")],
        ),
        (
            MEASUREMENT.replace("    time: {column: when}\n", "    id: fixed\n"),
            ["1:1: time is missing: a measurement needs to know when",
             "3:5: id: has no {column}, so every row would be the same event"],
        ),
    ],
)  # fmt: skip
def test_every_problem_has_its_place(tmp_path: Path, mapping: str, found: list[str]) -> None:
    assert problems(tmp_path, mapping) == found


def test_a_cost_needs_to_be_told_apart(tmp_path: Path) -> None:
    mapping = """\
        type: cost
        source: urn:test
        focus: true
        fields:
          initiative: {constant: a}
          treatment: {constant: opex}
          status: {constant: billed}
          category: {constant: model}
        """

    (problem,) = problems(tmp_path, mapping)

    assert problem.startswith("1:1: id is missing: a cost has no natural key")


def test_a_column_that_the_table_lacks_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = csv(tmp_path, "Line,when,minutes\nline-1,2024-01-02T00:00:00Z,1\n")

    with pytest.raises(InvalidMapping) as refused:
        prepared(path, MEASUREMENT + "    id: '{ticket}'\n")

    assert [str(each).removeprefix(str(tmp_path)) for each in refused.value.found] == [
        f"/mapping.yaml:6:9: fields.unit: {path} has no column 'line'; did you mean 'Line'?",
        f"/mapping.yaml:8:5: id: {path} has no column 'ticket'; it has Line, when, minutes",
    ]
