"""Settings: a mistyped variable is named, and open doors stay on this machine."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from aivalue.runtime.settings import AuthSettings, RuntimeSettings, unknown_variables


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


def test_secrets_never_appear_in_what_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIVALUE_DATABASE__URL", "postgresql://u:hunter2@db/aivalue")

    printed = RuntimeSettings().model_dump_json()

    assert "hunter2" not in printed


def test_naming_a_tokens_file_is_enough(tmp_path: Path) -> None:
    assert AuthSettings(tokens_file=tmp_path / "tokens.json").mode == "tokens"
    assert AuthSettings(open_tenant="acme").mode == "open"
