"""Whether `aivalue estimate` reads a table, prints what was found, and blames the right line."""

import csv
import gzip
import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from aivalue.cli.main import app

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
TOBACCO = [
    *("estimate", str(REFERENCE / "prop99.csv"), "--outcome", "PacksPerCapita"),
    *("--unit", "State", "--time", "Year", "--treated", "treated", "--better", "lower"),
]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_json_holds_the_effect_with_its_interval_and_checks() -> None:
    result = call(*TOBACCO, "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (document["design"], document["grade"]) == ("few_treated", "B")
    assert document["effect"]["point"] == pytest.approx(-15.6055, abs=1e-3)
    assert {check["name"] for check in document["checks"]} >= {"placebo_in_space", "agreement"}


def test_who_answers_for_a_steady_level_is_told_with_the_interval_that_rests_on_it(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(8)
    path = tmp_path / "series.csv"
    rows = [f"{day},{50 + random.normal():.6f},{int(day >= 60)}" for day in range(80)]
    path.write_text("\n".join(["day,y,ai", *rows]))
    ask = [*("estimate", str(path), "--outcome", "y", "--time", "day", "--treated", "ai")]
    ask += ["--design", "series_only"]

    plain, declared = (
        json.loads(call(*ask, *more, "--json").stdout)
        for more in ((), ("--steady-by", "A. Turing, who runs it"))
    )
    words = call(*ask, "--steady-by", "A. Turing, who runs it").stdout

    assert (plain["steady_by"], declared["steady_by"]) == (None, "A. Turing, who runs it")
    effect = {name: declared["effect"][name] for name in declared["if_level_stands"]}
    assert effect == declared["if_level_stands"]
    assert plain["effect"]["high"] - plain["effect"]["low"] > effect["high"] - effect["low"]
    assert "A. Turing, who runs it answers for it that the level does not wander" in words


def test_a_steady_level_is_of_no_use_to_units_beside_others() -> None:
    result = call(*TOBACCO, "--steady-by", "A. Turing")

    assert "takes none for it" in " ".join(result.stdout.split())


def test_people_read_the_same_figures() -> None:
    result = call(*TOBACCO, "--estimator", "synthetic_control")

    assert "-19.5136" in result.stdout
    assert "asked for" in result.stdout


def test_a_table_of_users_needs_neither_unit_nor_time() -> None:
    path = str(REFERENCE / "ab_users.csv")

    result = call(
        *("estimate", path, "--outcome", "revenue", "--treated", "variant"),
        *("--relative", "--json"),
    )

    document = json.loads(result.stdout)
    assert document["estimator"] == "difference_in_means"
    assert document["effect"]["point"] == pytest.approx(0.0933, abs=1e-4)


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        ("u,t,y,d\na,1,five,0\n", 2, 'line 2: y is "five", needs a number'),
        ("u,t,y,d\na,1,inf,0\n", 2, "line 2: y is infinite, needs a finite number"),
        ("u,t,y,d\na,1,1e99,0\n", 2, "line 2: y is 1e99, needs at most 1e+70"),
        ("u,t,y,d\na,1,5,0\na,2,5,maybe\n", 2, 'line 3: d is "maybe", needs 0 or 1'),
        ("u,t,y,d\na,1,5,\n", 2, 'line 2: d is "", needs 0 or 1'),
        ("u,t,y,d\na,1,5,0\n,2,5,0\n", 2, "line 3: u is empty, needs a name"),
        ("u,t,y,d\na,,5,0\n", 2, "line 2: t is empty, needs a time"),
        ("u,t,y,d\na,Jan,5,0\na,Feb,6,1\n", 2, 'line 2: t is "Jan": times need to be numbers'),
        ("u,t,y,d\na,1/2/2024,5,0\n", 2, 'line 2: t is "1/2/2024": times need to be numbers'),
        ("u,t,y,d\na,2024Q3,5,0\na,2024-10,6,1\n", 2, 'line 3: t is "2024-10": times need'),
        ("u,t,y,d\na,1,5\n", 2, "line 2 has 3 cells, needs 4"),
        ("u,t,y,d\na,1,5,0,9\n", 2, "line 2 has 5 cells, needs 4"),
        ('u,t,y,d\n"a,1,5,0\n', 2, "as CSV: unexpected end of data"),
        ("u;t;y;d\na;1;5;0\n", 2, "are its columns separated by commas?"),
        ("u,t,y\na,1,5\n", 2, "has no column d"),
        ("u,t,y,d,y\na,1,5,0,5\n", 2, "has two columns called y, needs one"),
        ("u,t,y,d\n", 2, "has no rows"),
        ("", 2, "is empty, needs a line with the names of columns"),
        ("u,t,y,d\na,1,5,0\nb,1,5,0\n", 1, "not estimable: no row is treated"),
        ("u,t,y,d\na,1,5,0\na,1,6,1\n", 1, "unit a has 2 rows at time 1, needs 1"),
        ("u,t,y,d\na,1,5,1\na,2,6,0\n", 1, "unit a has the AI from 1 on but not at 2"),
        ("u,t,y,d\na,1,5,0\nb,1,6,1\n", 1, "treatment arm has 1 subjects, needs 2"),
    ],
)
def test_refusals_say_where(tmp_path: Path, content: str, status: int, reason: str) -> None:
    path = tmp_path / "panel.csv"
    path.write_text(content)

    result = call(
        "estimate", str(path), "--outcome", "y", "--unit", "u", "--time", "t", "--treated", "d"
    )

    assert result.exit_code == status
    assert reason in " ".join(result.stderr.split())


def test_a_file_that_is_not_utf_8_is_blamed(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_bytes("u,y,d\nZürich,1,0\n".encode("latin-1"))

    result = call("estimate", str(path), "--outcome", "y", "--treated", "d")

    assert result.exit_code == 2
    assert "is not UTF-8 text" in result.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--estimator", "magic"], "no estimator is called magic; there are cuped"),
        (["--design", "magic"], "designs randomized, few_treated, staggered, series_only"),
        (["--holiday", "Christmas"], "--holiday is Christmas, needs a day such as 2024-12-25"),
        (["--share-treated", "5"], "should be less than or equal to 0.999"),
        (["--season", "-3"], "should be greater than or equal to 2"),
        (["--covariate", "z"], "has no column z"),
        (["--unit", ""], "line 3: Year is 1970 again: --unit needs to name the column"),
        (["--denominator", "Year"], "here are 31 times: divide the outcome beforehand"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: list[str], reason: str) -> None:
    result = call(*TOBACCO, *options)

    assert result.exit_code in {1, 2}
    assert reason in " ".join(result.stderr.replace("│", "").split())


def test_what_the_estimator_does_not_look_at_is_said() -> None:
    result = call(*TOBACCO, "--covariate", "Year", "--estimator", "sdid", "--json")

    unused = json.loads(result.stdout)["unused"]
    assert unused == ["Year: synthetic_difference_in_differences does not adjust for them"]


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    with (REFERENCE / "prop99.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    path = tmp_path / "prop99.parquet"
    columns = {
        "State": [row["State"] for row in rows],
        "Year": [int(row["Year"]) for row in rows],
        "PacksPerCapita": [float(row["PacksPerCapita"]) for row in rows],
        "treated": [row["treated"] == "1" for row in rows],
    }
    parquet.write_table(pa.table(columns), path)
    of_parquet = [TOBACCO[0], str(path), *TOBACCO[2:], "--json"]

    assert json.loads(call(*of_parquet).stdout) == json.loads(call(*TOBACCO, "--json").stdout)


def test_a_packed_table_says_the_same(tmp_path: Path) -> None:
    path, broken = tmp_path / "prop99.csv.gz", tmp_path / "broken.csv.gz"
    path.write_bytes(gzip.compress((REFERENCE / "prop99.csv").read_bytes()))
    broken.write_bytes(path.read_bytes()[:200])
    unpacked = tmp_path / "plain.csv.gz"
    unpacked.write_bytes(b"u,t,y,d\n")

    packed = call(TOBACCO[0], str(path), *TOBACCO[2:], "--json")

    assert json.loads(packed.stdout) == json.loads(call(*TOBACCO, "--json").stdout)
    for other in (broken, unpacked):
        result = call(TOBACCO[0], str(other), *TOBACCO[2:])
        assert result.exit_code == 2
        assert "cannot read" in result.stderr


def test_days_in_parquet_are_a_calendar(tmp_path: Path) -> None:
    path = tmp_path / "series.parquet"
    days = [datetime(2024, 1, 1) + timedelta(days=day) for day in range(90)]  # noqa: DTZ001 - a date
    outcome: list[float | None] = [100 + 5 * (day % 7) + (day * 37) % 11 for day in range(90)]
    outcome[10] = None
    table = {"day": days, "y": outcome, "d": [int(day >= 70) for day in range(90)]}
    parquet.write_table(pa.table(table), path)

    result = call(
        "estimate", str(path), "--outcome", "y", "--time", "day", "--treated", "d", "--json"
    )

    document = json.loads(result.stdout)
    assert document["estimator"] == "interrupted_time_series"
    published = document["effect"]
    for other in ("if_level_stands", "if_level_wanders"):
        assert document[other]["low"] < published["point"] < document[other]["high"]
    assert published["low"] <= document["if_level_stands"]["low"]
    assert document["if_level_stands"]["high"] <= published["high"]
    assert document["effect"]["low"] < document["effect"]["point"] < document["effect"]["high"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"no table", "cannot read"), (None, "has no column d; it has y")],
)
def test_parquet_that_is_none_or_lacks_a_column_is_blamed(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "panel.pq"
    if content is None:
        parquet.write_table(pa.table({"y": [1.0]}), path)
    else:
        path.write_bytes(content)

    result = call("estimate", str(path), "--outcome", "y", "--treated", "d")

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())


def test_an_estimate_starts_without_what_it_does_not_need() -> None:
    # Each of these takes as long to import as the whole estimate does to compute.
    heavy = {"scipy", "pyarrow", "matplotlib", "fastapi", "httpx", "sqlalchemy", "asyncio"}
    code = (
        f"import sys; sys.argv = {['aivalue', *TOBACCO]}\nfrom aivalue.cli.main import run\n"
        f"try:\n    run()\nexcept SystemExit:\n    print(sorted({heavy} & set(sys.modules)))"
    )

    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert found.stdout.splitlines()[-1] == "[]"


def test_the_mix_of_segments_is_held(tmp_path: Path) -> None:
    # Easy cases take 2 and hard ones 10; their shares turn round when the AI comes, by nothing.
    path = tmp_path / "desk.csv"
    lines = ["week,kind,minutes,cases,ai"]
    for week in range(60):
        easy = 20 if week >= 50 else 80
        wobble = (week * 37 % 11 - 5) / 100
        lines += [
            f"{week},easy,{easy * (2 + wobble)},{easy},{int(week >= 50)}",
            f"{week},hard,{(100 - easy) * (10 + wobble)},{100 - easy},{int(week >= 50)}",
        ]
    path.write_text("\n".join(lines) + "\n")
    about = ("--outcome", "minutes", "--denominator", "cases", "--time", "week", "--treated", "ai")

    result = call("estimate", str(path), *about, "--segment", "kind", "--json")
    people = call("estimate", str(path), *about, "--segment", "kind")
    wrong = call("estimate", str(path), *about, "--segment", "kind", "--unit", "kind")

    document = json.loads(result.stdout)
    assert document["verdict"] == "inconclusive"
    assert abs(document["effect"]["point"]) < 0.1
    parts = document["decomposition"]
    assert parts["total"] == parts["rate"] + parts["mix"] + parts["volume"]
    assert parts["mix"] == pytest.approx(480, abs=1)
    assert "mix +480" in people.stdout
    assert wrong.exit_code == 2
