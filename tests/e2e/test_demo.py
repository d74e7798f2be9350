"""`aivalue demo` as a new user runs it: the promised figures, and a user's own events."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e import programme

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aivalue", *(str(each) for each in arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """Figures of the demonstration by initiative and KPI."""
    report = tmp_path_factory.mktemp("demo") / "report.json"

    done = run("demo", "--free-ports", "--report", report)

    assert done.returncode == 0, done.stderr
    figures = json.loads(report.read_text())["figures"]
    return {(figure["initiative"], figure["kpi"]): figure for figure in figures}


Figures = dict[tuple[str, str], dict[str, Any]]


def test_the_real_experiment_says_what_is_known_of_it(demo: Figures) -> None:
    men = demo["recommender-men", "click-rate"]
    others = [demo[f"recommender-{name}", "click-rate"] for name in ("all", "women")]

    effect = men["effect"]
    assert (round(effect["point"], 2), round(effect["low"], 2), round(effect["high"], 2)) == (
        (0.23, 0.02, 0.44)
    )
    assert (effect["unit"], men["verdict"], men["grade"]) == ("pp", "confirmed", "A")
    assert [other["verdict"] for other in others] == ["inconclusive", "inconclusive"]
    assert [round(other["effect"]["point"], 2) for other in others] == [0.04, 0.0]


def test_no_price_is_no_value_and_not_a_value_of_zero(demo: Figures) -> None:
    men = demo["recommender-men", "click-rate"]

    assert men["value"] is None
    assert men["roi"] is None
    assert "no valuation rule" in men["value_reason"]


def test_the_simulated_programme_holds_its_truth(demo: Figures) -> None:
    for kpi in ("downtime", "failures"):
        figure = demo["predictive-maintenance", kpi]
        late = figure["late"]["effect"]

        # By design the AI avoids 36 % in the last quarter.
        assert late["low"] <= -36 <= late["high"] < 0
        assert figure["effect"]["low"] <= figure["truth"]["effect"] <= figure["effect"]["high"]
        assert (figure["verdict"], figure["grade"]) == ("confirmed", "C")
        assert figure["reconstructed"] is True


def test_the_money_holds_its_truth(demo: Figures) -> None:
    figure = demo["predictive-maintenance", "downtime"]
    value, truth = figure["initiative_value"], figure["truth"]

    assert Decimal(value["low"]) <= Decimal(truth["value"]) <= Decimal(value["high"])
    assert figure["cost"] == "18820000.00"
    roi = figure["roi"]
    assert Decimal(roi["low"]) <= Decimal(truth["roi"]) <= Decimal(roi["high"])
    assert figure["payback_months"]["value"] is not None


def test_a_users_own_events_and_definitions_are_proven_the_same_way(tmp_path: Path) -> None:
    definitions = programme.write_definitions(tmp_path)
    events = tmp_path / "events.ndjson"
    lines = (event.message.value for event in programme.events())
    events.write_bytes(b"\n".join(lines) + b"\n")
    report = tmp_path / "report.json"

    done = run(
        "demo", "--free-ports", "--events", events, "--definitions", definitions,
        "--report", report,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    (figure,) = json.loads(report.read_text())["figures"]
    assert (figure["initiative"], figure["kpi"]) == ("triage", "handle-time")
    assert figure["verdict"] == "confirmed"
    assert figure["currency"] == "EUR"


def test_a_file_with_a_mistake_is_refused_by_line_before_anything_starts(tmp_path: Path) -> None:
    definitions = programme.write_definitions(tmp_path)
    events = tmp_path / "events.ndjson"
    good = next(programme.events()).message.value
    events.write_bytes(good + b"\n" + b'{"specversion": "1.0"}\n')

    done = run("demo", "--events", events, "--definitions", definitions)

    assert done.returncode == 1
    assert "events.ndjson:2:" in done.stderr
    assert "starting PostgreSQL" not in done.stderr


def test_events_without_definitions_is_a_wrong_call(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("kpi,unit,time,value\n")

    assert run("demo", "--events", events).returncode == 2


def test_a_demo_that_is_told_to_stop_leaves_nothing() -> None:
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL does not run as root: another account must get in.
        Path(folder).chmod(0o755)
        demo = subprocess.Popen(
            [sys.executable, "-m", "aivalue", "demo", "--free-ports"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": folder},
            stderr=subprocess.PIPE,
        )
        assert demo.stderr is not None
        said = [next(demo.stderr)]
        while b"migrating" not in said[-1]:
            said.append(next(demo.stderr))
        children = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.SIGTERM)
        _, last = demo.communicate(timeout=60)

        # Whoever is interrupted while printing a line may print it once more.
        assert (demo.returncode, last.splitlines()[-1]) == (1, b"interrupted")
        assert children
        _, alive = psutil.wait_procs(children, timeout=10)
        assert (alive, list(Path(folder).iterdir())) == ([], [])
