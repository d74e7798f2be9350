"""Every mistake in a definition file is named with its line, its column and what is needed."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.cli.definitions import InvalidDefinitions, read_definitions
from aivalue.cli.located_yaml import NODES_MAX, read_documents
from aivalue.kpis.definition import Portfolio, Target

PORTFOLIO = """\
portfolio:
  key: plants
  name: Plants
  owner: COO
  reporting_currency: EUR
"""
TARGET = """\
targets:
  - key: t
    initiative: i
    kpi: k
    kind: relative
    amount: {amount}
    due: {due}
"""

# name -> (text, the problems as line:column: field: message)
BROKEN = {
    "typing error in a field": (
        "portfolio:\n  key: p\n  name: P\n  onwer: COO\n  reporting_currency: EUR\n",
        [
            "2:3: portfolio.owner: owner is missing",
            "4:3: portfolio.onwer: unknown field 'onwer'; did you mean owner?",
        ],
    ),
    "field that resembles nothing": (
        PORTFOLIO + "  zzz: 1\n",
        [
            (
                "6:3: portfolio.zzz: unknown field 'zzz'; known are fiscal_year_start_month, "
                "hurdle_rate, key, name, owner, reporting_currency"
            )
        ],
    ),
    "unknown section": (
        "portfolios:\n  - key: p\n",
        ["1:1: portfolios: unknown section; did you mean portfolio?"],
    ),
    "duplicate key": (
        PORTFOLIO + "  owner: CFO\n",
        ["6:3: portfolio.owner: is given twice, first on line 4"],
    ),
    "date that is none": (
        TARGET.format(amount="0.3", due="31.12.2025"),
        ["7:10: targets[0].due: a day is written YYYY-MM-DD, such as 2024-01-31; got '31.12.2025'"],
    ),
    "day that does not exist": (
        TARGET.format(amount="0.3", due="2025-02-30"),
        [
            (
                "7:10: targets[0].due: input should be a valid date or datetime, "
                "day value is outside expected range, got '2025-02-30'"
            )
        ],
    ),
    "seconds since 1970 as a date": (
        TARGET.format(amount="0.3", due="1704067200"),
        ["7:10: targets[0].due: a day is written YYYY-MM-DD, such as 2024-01-31; got 1704067200"],
    ),
    "amount that is no number": (
        TARGET.format(amount=".nan", due="2025-12-31"),
        ["6:13: targets[0].amount: input should be a valid decimal, got '.nan'"],
    ),
    "negative amount and wrong kind": (
        TARGET.format(amount="-1", due="2025-12-31").replace("relative", "relativ"),
        [
            (
                "5:11: targets[0].kind: needs 'relative', 'absolute' or 'percentage_points', "
                "got 'relativ'; did you mean relative?"
            ),
            "6:13: targets[0].amount: input should be greater than 0, got -1",
        ],
    ),
    "number where text belongs": (
        "processes:\n  - key: p\n    name: P\n    unit_of_analysis: line\n    cost_centre: 4711\n",
        ['5:18: processes[0].cost_centre: needs text, got 4711; write it in quotes: "4711"'],
    ),
    "capital letters in a key": (
        PORTFOLIO.replace("plants", "Plants EU"),
        [
            (
                "2:8: portfolio.key: a key is 1 to 63 lower-case letters, digits, '.', '_' or '-'; "
                "got 'Plants EU'"
            )
        ],
    ),
    "list where fields belong": (
        "portfolio:\n  - key: p\n",
        ["2:3: portfolio: needs fields (name: value), got a list"],
    ),
    "fields where a list belongs": (
        "kpis:\n  key: k\n",
        ["2:3: kpis: needs a list: every entry starts with '-', got fields"],
    ),
    "nothing where a list belongs": (
        "kpis:\n",
        ["1:6: kpis: needs a list: every entry starts with '-', got nothing"],
    ),
    "text where sections belong": (
        "hello\n",
        [
            (
                "1:1: a file of definitions has sections (portfolio, initiative, processes, kpis, "
                "targets, design, valuation_rules)"
            )
        ],
    ),
    "broken YAML": (
        "portfolio: {key: p\nname: x\n",
        ["2:5: is not YAML: while parsing a flow mapping, expected ',' or '}', but got ':'"],
    ),
    "tab for indentation": (
        "portfolio:\n\tkey: p\n",
        [
            (
                "2:1: is not YAML: while scanning for the next token, found character '\\t' that "
                "cannot start any token"
            )
        ],
    ),
    "a tag that runs code elsewhere": (
        "portfolio: !!python/object/apply:os.system ['true']\n",
        ["1:12: portfolio: tag tag:yaml.org,2002:python/object/apply:os.system is not known here"],
    ),
    "a merge key": (
        "x: &a {key: p}\nportfolio:\n  <<: *a\n",
        [
            (
                "1:1: x: unknown section; known are portfolio, initiative, processes, kpis, "
                "targets, design, valuation_rules"
            ),
            "3:3: portfolio: merge keys (<<) are not read; repeat the fields",
        ],
    ),
    "an alias of itself": (
        "portfolio: &a\n  key: *a\n",
        ["1:12: portfolio.key: an alias that contains itself"],
    ),
    "a stage without its go-live": (
        "initiative:\n  key: i\n  portfolio: p\n  name: I\n  owner: O\n  stage: run\n",
        ["2:3: initiative: stage run needs go_live, the first day with the AI"],
    ),
    "an inverted window": (
        (
            "design:\n  key: i\n  kpis: [k]\n  assignment: phased\n"
            "  baseline: {start: 2024-01-01, end: 2023-01-01}\n"
        ),
        ["5:13: design.baseline: window must start before it ends, got 2024-01-01 to 2023-01-01"],
    ),
    "two broken documents": (
        "portfolio: 1\n---\nportfolio: 2\n",
        [
            "1:12: portfolio: needs fields (name: value), got 1",
            "3:12: portfolio: needs fields (name: value), got 2",
        ],
    ),
}


def problems_in(path: Path) -> list[str]:
    with pytest.raises(InvalidDefinitions) as caught:
        read_definitions(path)
    return [str(each).removeprefix(f"{path}:") for each in caught.value.found]


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    text, expected = BROKEN[name]
    file = tmp_path / "broken.yaml"
    file.write_text(text)

    assert problems_in(file) == expected


def test_a_decimal_is_read_from_its_characters(tmp_path: Path) -> None:
    # 0.1 has no exact binary form: through a float it would be 0.1000000000000000055511...
    file = tmp_path / "a.yaml"
    file.write_text(PORTFOLIO + "  hurdle_rate: 0.1\n")

    [located] = read_definitions(file)

    assert isinstance(located.definition, Portfolio)
    assert located.definition.hurdle_rate == Decimal("0.1")
    assert located.body["hurdle_rate"] == "0.1"


@given(st.decimals(min_value="0.000001", max_value=10**20, allow_nan=False, places=12))
def test_no_decimal_loses_a_digit(amount: Decimal) -> None:
    text = format(amount, "f")

    [document], problems = read_documents(f"amount: {text}\n", file="a.yaml")

    assert problems == []
    assert isinstance(document.value, dict)
    read = document.value["amount"]
    assert isinstance(read, (Decimal, int))
    assert Decimal(read) == amount


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("yes", "yes"),
        ("NO", "NO"),
        ("off", "off"),
        ("true", True),
        ("0815", "0815"),
        ("12:30", "12:30"),
        ("2024-01-15", "2024-01-15"),
        ("'2'", "2"),
        ("1_000", "1_000"),
        ("1e3", Decimal(1000)),
        ("~", None),
    ],
)
def test_scalars_mean_what_they_look_like(written: str, read: object) -> None:
    [document], _ = read_documents(f"x: {written}\n", file="a.yaml")

    assert document.value == {"x": read}


def test_what_a_file_implies_need_not_be_repeated(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        PORTFOLIO
        + "initiative: {key: i, name: I, owner: O, stage: idea}\n"
        + "design: {kpis: [k], assignment: phased}\n"
        + TARGET.format(amount=1, due="2025-12-31").replace("    initiative: i\n", "")
    )

    located = {each.kind: each for each in read_definitions(file)}

    assert located["initiative"].body["portfolio"] == "plants"
    assert located["design"].key == "i"
    target = located["target"].definition
    assert isinstance(target, Target)
    assert target.initiative == "i"


def test_files_may_repeat_what_they_agree_on(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PORTFOLIO)
    (tmp_path / "b.yaml").write_text(PORTFOLIO + "  hurdle_rate: 0.10\n")

    assert [each.key for each in read_definitions(tmp_path)] == ["plants"]


def test_a_contradiction_names_both_files_and_lines(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PORTFOLIO)
    (tmp_path / "b.yaml").write_text("\n" + PORTFOLIO.replace("COO", "CFO"))

    with pytest.raises(InvalidDefinitions) as caught:
        read_definitions(tmp_path)

    [problem] = caught.value.found
    assert str(problem) == (
        f"{tmp_path}/b.yaml:5:10: portfolio.owner: portfolio 'plants' contradicts "
        f"{tmp_path}/a.yaml:2:3: COO there, CFO here"
    )


def test_all_files_are_read_before_any_problem_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("portfolio: 1\n")
    (tmp_path / "b.yml").write_bytes(b"portfolio: \xff\n")
    (tmp_path / "c.yaml").write_text("x: \x07\n")

    with pytest.raises(InvalidDefinitions) as caught:
        read_definitions(tmp_path)

    assert [str(each).removeprefix(f"{tmp_path}/") for each in caught.value.found] == [
        "a.yaml:1:12: portfolio: needs fields (name: value), got 1",
        "b.yml:1:1: is not UTF-8: byte 11 is 0xff",
        "c.yaml:1:1: character 0x7 is not allowed in YAML",
    ]


def test_an_empty_directory_is_a_mistake(tmp_path: Path) -> None:
    assert problems_in(tmp_path) == ["1:1: has no .yaml or .yml file"]


def test_aliases_that_multiply_are_cut_off(tmp_path: Path) -> None:
    # Eight levels of ten aliases each stand for 10 ** 8 values in 300 bytes.
    levels = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    _, problems = read_documents("\n".join(levels), file="bomb.yaml")

    assert [each.message for each in problems] == [f"stands for more than {NODES_MAX} values"]


@given(st.text(max_size=300))
def test_no_text_ends_in_anything_but_definitions_or_problems(text: str) -> None:
    # A file's bytes pass the reader's own check for unprintable characters first.
    printable = "".join(each for each in text if each.isprintable() or each == "\n")

    documents, problems = read_documents(printable, file="fuzz.yaml")

    assert isinstance(documents, list)
    assert all(each.place.line >= 1 for each in problems)


@pytest.mark.parametrize("example", ["open-bandit", "predictive-maintenance"])
def test_the_examples_are_valid(example: str) -> None:
    located = read_definitions(Path(__file__).parents[3] / "examples" / example)

    assert {"portfolio", "initiative", "process", "kpi", "design"} <= {
        each.kind for each in located
    }
