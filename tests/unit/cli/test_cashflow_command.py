"""`aivalue cashflow` on a table: the figures, and a sentence where a cell or the rate is wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aivalue.cli.main import app

PLAN = """day,amount
2008-01-01,-10000
2008-03-01,2750
2008-10-30,4250
2009-02-15,3250
2009-04-01,2750
"""


def test_a_plan_is_priced_with_the_formula_of_every_figure(tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text(PLAN)

    shown = CliRunner().invoke(app, ["cashflow", str(tmp_path / "plan.csv"), "--rate", "9%"])
    as_json = CliRunner().invoke(
        app, ["cashflow", str(tmp_path / "plan.csv"), "--rate", "0.09", "--json"]
    )

    assert "2,086.65" in shown.stdout
    assert "37.34 %" in shown.stdout
    assert "xirr" in shown.stdout
    document = json.loads(as_json.stdout)
    assert document["present_value"]["value"].startswith("2086.64")
    assert document["payback"] == "2009-02-15"


@pytest.mark.parametrize(
    ("plan", "rate", "complaint"),
    [
        (PLAN, "8", '--rate is "8", needs a rate such as 8% or 0.08'),
        ("day,amount\n31.12.2024,5\n", "8%", 'line 2: "31.12.2024" is no date'),
        ("day,amount\n2024-12-31,five\n", "8%", 'line 2: amount is "five", needs a number'),
        ("date,amount\n2024-12-31,5\n", "8%", "has no column day"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, plan: str, rate: str, complaint: str) -> None:
    (tmp_path / "plan.csv").write_text(plan)

    done = CliRunner().invoke(app, ["cashflow", str(tmp_path / "plan.csv"), "--rate", rate])

    assert done.exit_code == 2
    assert complaint in done.stderr
