"""The secrets that the script makes are those the services read."""

import json
import os
import subprocess
import sys
from pathlib import Path

from aivalue.runtime.auth import digest_of
from deploy.create_secrets import PASSWORDS, ROLES, TOKENS, create_secrets

_SHOW = """
from aivalue.runtime.auth import Authenticator
from aivalue.runtime.postgres import database_address
from aivalue.runtime.settings import RuntimeSettings

settings = RuntimeSettings()
print(database_address(settings.database).password)
print(settings.auth.service_token.get_secret_value())
print(len(Authenticator(settings.auth)._tokens))
"""


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = create_secrets(tmp_path / "secrets")
    before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    second = create_secrets(tmp_path / "secrets")
    after = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    assert set(first) == set(before) == {*PASSWORDS, *ROLES, TOKENS}
    assert second == []
    assert before == after
    assert len(set(before.values())) == len(before), "every secret is its own"
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_every_token_is_known_by_its_digest(tmp_path: Path) -> None:
    create_secrets(tmp_path, tenant="acme")

    known = {each["subject"]: each for each in json.loads((tmp_path / TOKENS).read_text())}

    for name, roles in ROLES.items():
        entry = known[name.removesuffix("_token")]
        assert entry["sha256"] == digest_of((tmp_path / name).read_text().strip())
        assert entry["roles"] == roles
        assert entry["tenant"] == "acme"


def test_a_service_reads_its_secrets_from_files_named_like_its_variables(tmp_path: Path) -> None:
    create_secrets(tmp_path / "made")
    mounted = tmp_path / "run"
    mounted.mkdir()
    for source, target in (
        ("ingest_database_password", "aivalue_database__password"),
        ("ingest_token", "aivalue_auth__service_token"),
        (TOKENS, TOKENS),
    ):
        (mounted / target).write_text((tmp_path / "made" / source).read_text())
    environment = {
        "PATH": os.environ["PATH"],
        "AIVALUE_SECRETS_DIR": str(mounted),
        "AIVALUE_DATABASE__URL": "postgresql://aivalue_ingest@postgres:5432/aivalue",
        "AIVALUE_AUTH__MODE": "tokens",
        "AIVALUE_AUTH__TOKENS_FILE": str(mounted / TOKENS),
    }

    done = subprocess.run(
        [sys.executable, "-c", _SHOW],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert done.stdout.splitlines() == [
        (tmp_path / "made" / "ingest_database_password").read_text().strip(),
        (tmp_path / "made" / "ingest_token").read_text().strip(),
        str(len(ROLES)),
    ]
