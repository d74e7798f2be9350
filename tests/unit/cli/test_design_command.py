"""Whether `aivalue design` plans from options and from a table, and blames what is missing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
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


def weekly_orders(tmp_path: Path) -> tuple[str, ...]:
    """Orders that follow visits, both of which remember; a level that walks; one that stands."""
    rng, path = np.random.default_rng(3), tmp_path / "history.csv"
    visits = np.convolve(rng.normal(size=159), 0.8 ** np.arange(40), "valid")
    orders = 50 + 2 * visits + rng.normal(size=120)
    backlog = 20 + rng.normal(size=120).cumsum() + rng.normal(size=120)
    rows = zip(range(120), orders, visits, backlog, [4] * 120, strict=True)
    lines = ["week,orders,visits,backlog,shops", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines))
    return ("series", "--history", str(path), "--time", "week", "--periods", "20")


def test_a_control_series_of_the_history_is_counted_on(tmp_path: Path) -> None:
    history = (*weekly_orders(tmp_path), "--outcome", "orders")

    alone, beside = document(*history), document(*history, "--control", "visits")

    assert beside["detectable"] < 0.5 * alone["detectable"]
    assert "control series stay untouched" in " ".join(beside["assumes"])


def test_a_history_that_wanders_is_planned_with_walks(tmp_path: Path) -> None:
    found = document(*weekly_orders(tmp_path), "--outcome", "backlog", "--target", "2%")

    assert "times as likely as one that stands" in " ".join(found["assumes"])
    # Twenty weeks or two thousand: where the level goes by itself cannot be told from 2 %.
    assert found["needed"][0]["size"] is None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--control", "visits", "--trend"), "the estimate takes trends from controls"),
        (("--control", "sales"), "has no column sales"),
        (("--control", "shops"), "control series shops is always 4"),
        (("--control", "visits", "--control", "visits"), "other columns than --outcome, each once"),
    ],
)
def test_a_control_that_cannot_be_counted_on_is_refused_by_name(
    more: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    result = call(*weekly_orders(tmp_path), "--outcome", "orders", *more)

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())


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
        (("--deviation", "1", "--target", "nan"), 2, 'is "nan", needs a number'),
        (("--deviation", "inf", "--subjects", "9"), 1, "positive and finite, got inf"),
        (("series", "--deviation", "1", "--control", "x"), 2, "is a column of the --history"),
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
