"""`aivalue doctor` where nothing answers: each line says what, where, and which variable."""

import json

import pytest
from typer.testing import CliRunner

from aivalue.cli.main import app

# Nobody listens on port 1.
_NOWHERE = {
    "AIVALUE_DATABASE__URL": "postgresql://u:hunter2@127.0.0.1:1/aivalue",
    "AIVALUE_KAFKA__BOOTSTRAP": "127.0.0.1:1",
    "AIVALUE_SERVICES__INGEST": "http://127.0.0.1:1",
    "AIVALUE_SERVICES__BASELINE": "http://127.0.0.1:1",
    "AIVALUE_SERVICES__ATTRIBUTION": "http://127.0.0.1:1",
    "AIVALUE_SERVICES__REPORTING": "http://127.0.0.1:1",
}


def test_what_does_not_answer_is_named_with_the_variable_that_says_where_it_is() -> None:
    done = CliRunner().invoke(app, ["doctor", "--json"], env=_NOWHERE)

    assert done.exit_code == 1
    verdicts = json.loads(done.stdout)
    assert "AIVALUE_DATABASE__URL" in verdicts["postgresql"]
    assert "AIVALUE_KAFKA__BOOTSTRAP" in verdicts["kafka"]
    assert "AIVALUE_SERVICES__REPORTING" in verdicts["reporting"]
    assert "hunter2" not in done.output


def test_a_mistyped_variable_is_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVALUE_LOG_LEVLE", "INFO")

    done = CliRunner().invoke(app, ["doctor"], env=_NOWHERE)

    assert "fail settings: AIVALUE_LOG_LEVLE is not a setting" in done.stdout
    assert "ok   disk" in done.stdout
