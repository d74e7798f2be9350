"""Whether `aivalue ingest` refuses a wrong call before it asks a service."""

import pytest
from typer.testing import CliRunner

from aivalue.cli.main import app


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["verify", "--hash", "00"], "--hash is 64 hexadecimal digits, got '00'"),
        (
            ["days", "--start", "2026-03-02", "--end", "2026-03-01"],
            "--end is 2026-03-01, needs to be 2026-03-02 (--start) or later",
        ),
        (["resume"], "name a topic and a partition, or --all"),
        (["resume", "t"], "name a topic and a partition, or --all"),
        (["resume", "t", "0", "--all"], "name a topic and a partition, or --all"),
    ],
)
def test_a_wrong_call_says_what_is_needed(call: list[str], said: str) -> None:
    answer = CliRunner().invoke(app, ["ingest", *call])

    assert answer.exit_code == 2
    assert said in answer.output
