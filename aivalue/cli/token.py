"""`aivalue token`: let one more person or program call the services."""

import json
import sys
from pathlib import Path
from typing import Annotated, get_args

import typer

from aivalue.cli.console import FAILED, WRONG_CALL, fail, say


def token_command(
    file: Annotated[Path, typer.Argument(help="The tokens file; it is made where there is none.")],
    *,
    tenant: Annotated[str, typer.Option(help="Whose figures the token opens.")],
    subject: Annotated[str, typer.Option(help="Who it is given to; every change names them.")],
    role: Annotated[
        list[str], typer.Option(help="reader, writer, approver, operator or service; repeatable.")
    ],
) -> None:
    """Make a token, add its digest to the tokens file, and print it this once."""
    from aivalue.runtime.auth import Role, digest_of, new_token, require_token_file

    unknown = sorted({*role} - {*get_args(Role)})
    if unknown:
        known = ", ".join(get_args(Role))
        fail(f"{', '.join(unknown)} is no role; there are {known}", status=WRONG_CALL)
    if not tenant.strip() or not subject.strip():
        fail("--tenant and --subject need a name", status=WRONG_CALL)
    if file.exists():
        require_token_file(file)
        entries = json.loads(file.read_bytes())
    else:
        entries = []
    secret = new_token()
    entries.append(
        {"sha256": digest_of(secret), "tenant": tenant, "subject": subject, "roles": [*role]}
    )
    try:
        _replace(file, json.dumps(entries, indent=2) + "\n")
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}", status=FAILED)
    sys.stdout.write(secret + "\n")
    say(f"{subject} of {tenant} is in {file}; services read it when they start")


def _replace(file: Path, text: str) -> None:
    """Write beside the file and rename: a service that starts meanwhile reads one or the other."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text)
    if file.exists():
        beside.chmod(file.stat().st_mode)
    beside.replace(file)
