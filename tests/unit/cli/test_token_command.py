"""`aivalue token`: the token that is printed is the one that the file lets in."""

import json
from pathlib import Path

import pytest
from fastapi import Request
from typer.testing import CliRunner

from aivalue.cli.main import app
from aivalue.runtime.auth import Authenticator
from aivalue.runtime.settings import AuthSettings


def called(file: Path, *, tenant: str, subject: str, role: str) -> str:
    words = ["token", str(file), "--tenant", tenant, "--subject", subject, "--role", role]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_each_token_opens_its_own_tenant_with_its_own_roles(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"

    first = called(file, tenant="acme", subject="jane", role="reader")
    second = called(file, tenant="other", subject="joe", role="writer")

    authenticator = Authenticator(AuthSettings(tokens_file=file))
    found = [
        authenticator.principal(
            Request({"type": "http", "headers": [(b"authorization", f"Bearer {each}".encode())]})
        )
        for each in (first, second)
    ]
    assert [(each.tenant, each.subject, set(each.roles)) for each in found] == [
        ("acme", "jane", {"reader"}),
        ("other", "joe", {"writer"}),
    ]
    assert first not in file.read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["tokens.json"]


@pytest.mark.parametrize(
    ("content", "role", "status", "complaint"),
    [
        ("[]", "boss", 2, "boss is no role; there are reader, writer"),
        ('[{"sha256": "x"}]', "reader", 1, "holds no tokens"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    tmp_path: Path, content: str, role: str, status: int, complaint: str
) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(content)
    words = ["token", str(file), "--tenant", "t", "--subject", "s", "--role", role]

    done = CliRunner().invoke(app, words)

    said = done.stderr or str(done.exception)
    assert (done.exit_code, complaint in said) == (status, True)
    assert json.loads(file.read_text()) == json.loads(content)
