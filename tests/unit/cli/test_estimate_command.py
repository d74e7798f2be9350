"""Whether `aivalue estimate` reads a table, prints what was found, and blames the right line."""

import json
from pathlib import Path

import pytest
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
        ("u,t,y,d\na,1,5,0\na,2,5,maybe\n", 2, 'line 3: d is "maybe", needs 0 or 1'),
        ("u,t,y\na,1,5\n", 2, "has no column d"),
        ("u,t,y,d\n", 2, "has no rows"),
        ("u,t,y,d\na,1,5,0\nb,1,5,0\n", 1, "not estimable: no row is treated"),
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
