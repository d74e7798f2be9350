"""Whether `aivalue design` plans from options and from a table, and blames what is missing."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from aivalue.cli.main import app

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
HISTORY = ("--history", str(REFERENCE / "prop99.csv"), "--outcome", "PacksPerCapita")
SERIES = (*HISTORY, "--time", "Year")
TOBACCO = (*SERIES, "--unit", "State")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["design", *arguments])


def document(*arguments: str) -> dict[str, Any]:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_share_of_the_level_is_planned_in_subjects_and_weeks() -> None:
    # R: power.prop.test(p1 = .12, p2 = .132, power = .8)$n = 12003.6 in each group.
    found = document("--level", "0.12", "--target", "10%", "--per-week", "4000")

    assert found["target"] == pytest.approx(0.012)
    assert found["needed"][0]["size"] == 2 * 12_004
    assert found["needed"][0]["weeks"] == pytest.approx(6.002)


def test_a_target_goes_the_better_way_unless_it_has_a_sign() -> None:
    common = ("--level", "10", "--deviation", "4", "--subjects", "200", "--better", "lower")

    assert document(*common, "--target", "15%")["target"] == pytest.approx(-1.5)
    assert document(*common, "--target", "+15%")["target"] == pytest.approx(1.5)
    assert document(*common)["detectable"] < 0


def test_people_read_the_same_figures() -> None:
    result = call("--level", "10", "--deviation", "4", "--subjects", "128", "--target", "2")

    assert "the target of +2 (+20.00%) is detected in 80.1% of cases" in result.stdout
    assert "it takes 128 subjects" in result.stdout


def test_a_ratio_is_learnt_from_a_table_of_users() -> None:
    found = document(
        *("--history", str(REFERENCE / "ab_users.csv"), "--outcome", "orders"),
        *("--denominator", "sessions", "--target", "10%", "--subjects", "4000"),
    )

    # All orders over all sessions, and the error that test_comparison finds for its difference.
    assert found["level"] == pytest.approx(0.2772, abs=1e-4)
    assert found["standard_error"] == pytest.approx(0.01314, abs=1e-4)


def test_a_rollout_is_learnt_from_a_panel() -> None:
    rollout = ("rollout", *TOBACCO, "--treated-units", "5", "--periods", "6")

    found = document(*rollout, "--target", "30%", "--better", "lower")

    assert found["kind"] == "rollout"
    assert found["detectable"] < 0
    assert [each["lever"] for each in found["needed"]] == [
        "periods",
        "treated units",
        "units, as many of them treated",
    ]


def test_a_series_is_learnt_with_its_season(tmp_path: Path) -> None:
    # A wave of seven days with nothing else would leave no noise: days of a month add some.
    path = tmp_path / "series.csv"
    rows = [f"{day},{100 + 20 * (day % 7 == 0) + (day * 37) % 11}" for day in range(140)]
    path.write_text("\n".join(["day,orders", *rows]))
    history = ("series", "--history", str(path), "--outcome", "orders", "--time", "day")

    with_season = document(*history, "--periods", "28", "--season", "7")
    without = document(*history, "--periods", "28")

    assert with_season["standard_error"] < 0.5 * without["standard_error"]


def test_turns_and_clusters_are_planned_from_numbers() -> None:
    turns = ("--deviation", "9", "--stretch", "8", "--units", "6", "--periods", "160")
    teams = ("--deviation", "25", "--within", "0.05", "--cluster-size", "30", "--clusters", "24")

    # 6 x 20 stretches of 7 periods; 24 clusters of 30 at a design effect of 2.45.
    assert document("switchback", *turns)["standard_error"] == pytest.approx(
        9 * (4 / 7 / 120) ** 0.5
    )
    assert document("clusters", *teams)["standard_error"] == pytest.approx(
        25 * (4 * 2.45 / 720) ** 0.5
    )


def test_what_was_given_is_not_learnt() -> None:
    found = document(
        *("rollout", *TOBACCO, "--treated-units", "5", "--periods", "6"),
        *("--deviation", "1", "--autocorrelation", "0", "--before", "6"),
    )

    # 1 / 6 + 1 / 6 over 5 and 34 units.
    assert found["standard_error"] == pytest.approx((1 / 3 * (1 / 5 + 1 / 34)) ** 0.5)


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("--deviation", "1", "--target", "5%"), 2, "--target in % needs --level"),
        (("--deviation", "1", "--target", "much"), 2, 'is "much", needs a number'),
        (("--target", "5%"), 2, "needs --level of a share, or --deviation"),
        (("clusters", "--deviation", "1"), 2, "needs --within"),
        (("lottery",), 2, "No such command 'lottery'"),
        (("series", *SERIES, "--periods", "4"), 2, "more than one row at a time"),
        (("clusters", *SERIES[:4]), 2, "needs --cluster"),
        (("--deviation", "1"), 1, "cannot be planned: neither a target nor a size"),
        (
            ("rollout", *TOBACCO, "--treated-units", "1", "--confidence", "0.99"),
            1,
            "can be picked in 39 ways",
        ),
    ],
)
def test_refusals_say_what_is_missing(arguments: tuple[str, ...], status: int, reason: str) -> None:
    result = call(*arguments)

    assert result.exit_code == status
    assert reason in " ".join(result.stderr.split())
