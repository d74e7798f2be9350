"""Create what docker-compose.yml reads from deploy/secrets; what exists is kept.

Needs no installation: `python3 deploy/create_secrets.py`. The directory is closed to other users
of the machine. The files inside are readable, because a container's user has another number and
Compose mounts each file as it is.
"""

import hashlib
import json
import secrets
import sys
from pathlib import Path

DIRECTORY = Path(__file__).parent / "secrets"
SERVICES = ("ingest", "baseline", "attribution", "reporting")
PASSWORDS = (
    "postgres_password",
    "migrations_database_password",
    *(f"{service}_database_password" for service in SERVICES),
    "grafana_admin_password",
)
# Who calls, and what for. "service" may act for every tenant; give it to prometheus_token as well
# where one Prometheus watches several tenants.
ROLES = {
    **{f"{service}_token": ["service", "reader", "writer"] for service in SERVICES},
    "prometheus_token": ["reader"],
    "administrator_token": ["reader", "writer", "approver", "operator"],
}
TOKENS = "tokens.json"


def create_secrets(directory: Path, *, tenant: str = "default") -> list[str]:
    """Write the files that are missing and return their names."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    created = [name for name in PASSWORDS if _written(directory / name, secrets.token_urlsafe(32))]
    created += [name for name in ROLES if _written(directory / name, _token())]
    digests = [
        {
            "sha256": hashlib.sha256((directory / name).read_text().strip().encode()).hexdigest(),
            "tenant": tenant,
            "subject": name.removesuffix("_token"),
            "roles": roles,
        }
        for name, roles in ROLES.items()
    ]
    if _written(directory / TOKENS, json.dumps(digests, indent=2)):
        created.append(TOKENS)
    return created


def _token() -> str:
    return "av_" + secrets.token_urlsafe(32)


def _written(path: Path, content: str) -> bool:
    if path.exists():
        return False
    path.write_text(content + "\n")
    path.chmod(0o644)
    return True


if __name__ == "__main__":
    names = create_secrets(DIRECTORY)
    sys.stdout.write("".join(f"created {DIRECTORY / name}\n" for name in names))
    sys.stdout.write(f"{len(names)} created, the others were there\n")
