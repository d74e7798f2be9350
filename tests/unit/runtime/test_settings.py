"""Settings: a mistyped variable is named, and open doors stay on this machine."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from aivalue.runtime.postgres import DatabaseUnreachable, require_reachable
from aivalue.runtime.settings import (
    AuthSettings,
    DatabaseSettings,
    InvalidSettings,
    RuntimeSettings,
    read_settings,
    unknown_variables,
)


def test_a_mistyped_variable_is_named_with_the_nearest_setting() -> None:
    environ = {"AIVALUE_KAFKA__BOOTSTRAPP": "x", "AIVALUE_KAFKA__BOOTSTRAP": "y", "HOME": "/"}

    complaints = unknown_variables([RuntimeSettings], environ)

    assert complaints == [
        "AIVALUE_KAFKA__BOOTSTRAPP is not a setting; did you mean AIVALUE_KAFKA__BOOTSTRAP?"
    ]


def test_variables_of_every_group_are_known() -> None:
    environ = {
        "AIVALUE_DATABASE__URL": "",
        "AIVALUE_AUTH__OPEN_TENANT": "",
        "AIVALUE_SERVICES__INGEST": "",
        "AIVALUE_PORT": "",
        "AIVALUE_AUTH": "{}",
    }

    assert unknown_variables([RuntimeSettings], environ) == []


def test_open_mode_is_refused_on_an_address_that_others_reach() -> None:
    with pytest.raises(ValidationError, match=r"host is 0\.0\.0\.0, but auth mode open"):
        RuntimeSettings(host="0.0.0.0", auth=AuthSettings(mode="open"))


def test_token_mode_needs_its_file() -> None:
    with pytest.raises(ValidationError, match="needs tokens_file"):
        AuthSettings(mode="tokens")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:hunter2@db:5432/aivalue", "postgresql://u:***@db:5432/aivalue"),
        ("postgresql://u:hun/@hunter2@db/aivalue", "postgresql://u:***@db/aivalue"),
        ("postgresql://u@db/aivalue?password=hunter2", "postgresql://u@db/aivalue"),
        ("postgresql:///aivalue", "postgresql:///aivalue"),
    ],
)
def test_what_is_printed_names_the_database_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, address: str, shown: str
) -> None:
    monkeypatch.setenv("AIVALUE_DATABASE__URL", address)

    printed = read_settings(RuntimeSettings).model_dump_json()

    assert "hunter2" not in printed
    assert json.loads(printed)["database"]["url"] == shown


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("AIVALUE_PORT", "abc", "AIVALUE_PORT: Input should be a valid integer.*, got 'abc'"),
        ("AIVALUE_KAFKA__PARTITIONS", "0", "AIVALUE_KAFKA__PARTITIONS: .*equal to 1, got '0'"),
        ("AIVALUE_SERVICES__INGEST", "ingest:8101", "AIVALUE_SERVICES__INGEST: .*'ingest:8101'"),
        ("AIVALUE_KAFKA__TENANTS", "{", "^AIVALUE_KAFKA__TENANTS: is not JSON: .*line 1 column 2"),
        ("aivalue_kafka__tenants", "{", "^aivalue_kafka__tenants: is not JSON: "),
        ("AIVALUE_AUTH", '{"service_token": "hunter2"', "^AIVALUE_AUTH: is not JSON: "),
        ("AIVALUE_DATABASE__URL", "mysql://u:hunter2@db", "AIVALUE_DATABASE__URL: needs postgres"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidSettings, match=complaint) as refused:
        read_settings(RuntimeSettings)

    assert "hunter2" not in str(refused.value)


async def test_a_database_that_is_away_is_named_without_its_password() -> None:
    settings = DatabaseSettings(url=SecretStr("postgresql://u:hunter2@127.0.0.1:1/aivalue"))

    with pytest.raises(DatabaseUnreachable, match=r"u:\*\*\*@127\.0\.0\.1:1/aivalue") as refused:
        await require_reachable(settings)

    assert "AIVALUE_DATABASE__URL" in str(refused.value)


def test_naming_a_tokens_file_is_enough(tmp_path: Path) -> None:
    assert AuthSettings(tokens_file=tmp_path / "tokens.json").mode == "tokens"
    assert AuthSettings(open_tenant="acme").mode == "open"
