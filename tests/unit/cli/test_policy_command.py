"""Whether `aivalue policy` reads a log and prints what a policy would have brought, or why not."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from aivalue.cli.main import app

N = 2_000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Write a log of coin tosses: calling brings score - 0.4, waiting nothing."""
    rng = np.random.default_rng(3)
    path = tmp_path / "log.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["margin", "p", "did", "score", "q", "expected", "expected_by_policy"])
        for score in rng.random(N):
            called = rng.random() < 0.5
            margin = (score - 0.4 if called else 0) + rng.normal(0, 0.1)
            would = called == (score >= 0.4)
            writer.writerow(
                [
                    f"{margin:.6f}", 0.5, "call" if called else "wait", f"{score:.6f}",
                    int(would), f"{score - 0.4 if called else 0:.6f}", f"{max(score - 0.4, 0):.6f}",
                ]
            )  # fmt: skip
    return path


def call(log: Path, *arguments: str) -> Result:
    columns = ("--outcome", "margin", "--propensity", "p")
    return CliRunner().invoke(app, ["policy", str(log), *columns, *arguments])


FROM_SCORE = (
    *("--action", "did", "--score", "score"),
    *("--threshold", "0.4", "--at-least", "call", "--below", "wait"),
)
TRUTH = 0.18  # Integral of s - 0.4 from 0.4 to 1.


def test_a_threshold_in_json(log: Path) -> None:
    result = call(log, *FROM_SCORE, "--json")

    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["value"]["low"] < TRUTH < found["value"]["high"]
    assert found["gain"]["low"] > 0
    assert found["method"] == "self_normalized"
    assert [each["method"] for each in found["others"]] == ["inverse_propensity", "doubly_robust"]
    assert found["grade"] == "C"


def test_a_column_of_probabilities_says_the_same(log: Path) -> None:
    from_score = json.loads(call(log, *FROM_SCORE, "--json").stdout)

    given = json.loads(call(log, "--new", "q", "--json").stdout)
    robust = json.loads(
        call(
            log,
            *("--new", "q", "--method", "doubly_robust"),
            *("--predicted", "expected", "--predicted-by-policy", "expected_by_policy", "--json"),
        ).stdout
    )

    assert given["value"] == from_score["value"]
    assert robust["value"]["low"] < TRUTH < robust["value"]["high"]
    assert robust["value"]["standard_error"] < given["value"]["standard_error"]


def test_people_read_the_gain_and_the_effective_sample(log: Path) -> None:
    result = call(log, *FROM_SCORE)

    assert "against what was decided" in result.stdout
    assert f"{N} decisions tell as much as" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "give one policy"),
        (("--new", "q", "--always", "call"), 2, "give one policy"),
        (("--action", "did", "--threshold", "0.4"), 2, "give one policy"),
        (("--always", "call"), 2, "need --action"),
        (("--new", "q", "--predicted", "expected"), 2, "go together"),
        (("--new", "missing"), 2, "has no column missing"),
        (("--action", "did", "--always", "visit"), 1, "the log never took visit"),
        (("--new", "q", "--method", "doubly_robust"), 1, "doubly robust needs predictions"),
    ],
)
def test_a_wrong_call_says_what_is_needed(
    log: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    result = call(log, *arguments)

    assert result.exit_code == status
    assert said in result.stderr


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("p", "0", 'line 5: p is "0", needs more than 0 and at most 1'),
        ("p", "", 'line 5: p is "", needs more than 0 and at most 1'),
        ("margin", "", 'line 5: margin is "", needs a number'),
        ("did", "", "line 5: did is empty, needs a name"),
    ],
)
def test_a_row_that_cannot_be_weighed_is_blamed(
    log: Path, column: str, cell: str, said: str
) -> None:
    rows = list(csv.DictReader(log.read_text().splitlines()))
    rows[3][column] = cell
    with log.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    result = call(log, "--action", "did", "--always", "call")

    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
