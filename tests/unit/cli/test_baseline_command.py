"""`aivalue baseline` fails with one line that says what to do, and refuses half a window."""

import pytest
from typer.testing import CliRunner

from aivalue.cli.baseline import app

OF = ["--initiative", "maintenance", "--kpi", "downtime"]


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    # Port 9 (discard) is where nobody listens.
    monkeypatch.setenv("AIVALUE_SERVICES__BASELINE", "http://127.0.0.1:9")
    return CliRunner()


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["show", "bl-1"], ["freeze", *OF, "--reason", "first"]],
)
def test_a_service_that_is_away_is_one_line_and_status_one(
    runner: CliRunner, arguments: list[str]
) -> None:
    result = runner.invoke(app, arguments)

    assert result.exit_code == 1
    assert "does not answer" in result.stderr
    assert "Traceback" not in result.stderr


def test_half_a_window_is_a_wrong_call(runner: CliRunner) -> None:
    result = runner.invoke(app, ["freeze", *OF, "--reason", "x", "--start", "2023-01-01"])

    assert result.exit_code == 2


def test_a_freeze_without_a_reason_is_a_wrong_call(runner: CliRunner) -> None:
    assert runner.invoke(app, ["freeze", *OF]).exit_code == 2
