"""`aivalue baseline` fails with one line that says what to do, and refuses half a window."""

from datetime import datetime

import pytest
from typer.testing import CliRunner

from aivalue.cli.baseline.command import app
from aivalue.cli.baseline.scope import scope_request
from aivalue.cli.main import app as aivalue

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


@pytest.mark.parametrize(
    "exclusion",
    [
        "2023-05-01",
        "2023-05-01/2023-05-02",
        "2023-05-01/2023-05-02=",
        "2023-02-29/2023-03-01=strike",
        "2023-05-02/2023-05-02=strike",
    ],
)
def test_an_exclusion_needs_days_and_a_reason(runner: CliRunner, exclusion: str) -> None:
    result = runner.invoke(app, ["freeze", *OF, "--reason", "x", "--exclude", exclusion])

    assert result.exit_code == 2
    assert "--exclude" in result.stderr


def test_options_become_the_request() -> None:
    request = scope_request(
        "i",
        "k",
        start=datetime(2023, 1, 1),  # noqa: DTZ001 - typer's
        end=datetime(2024, 1, 1),  # noqa: DTZ001 - typer's
        units=["a"],
        exclude=["2023-12-24/2023-12-27=public = holidays"],
    )

    assert request == {
        "initiative": "i",
        "kpi": "k",
        "start": "2023-01-01",
        "end": "2024-01-01",
        "units": ["a"],
        "exclusions": [{"start": "2023-12-24", "end": "2023-12-27", "reason": "public = holidays"}],
    }


def test_a_freeze_without_a_reason_is_a_wrong_call(runner: CliRunner) -> None:
    assert runner.invoke(app, ["freeze", *OF]).exit_code == 2


def test_a_target_in_words_needs_the_service(runner: CliRunner) -> None:
    result = runner.invoke(aivalue, ["target", "cut churn by 10%", "--kpi", "churn"])

    assert result.exit_code == 1
    assert "does not answer" in result.stderr


@pytest.mark.parametrize("command", ["expected", "readiness"])
def test_a_day_that_is_none_is_a_wrong_call_of_every_command(
    runner: CliRunner, command: str
) -> None:
    of = ["bl-1"] if command == "expected" else OF

    result = runner.invoke(app, [command, *of, "--start", "2023-13-01", "--end", "2024-01-01"])

    assert result.exit_code == 2
