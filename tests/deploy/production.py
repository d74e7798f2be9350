"""The compose file's services as processes of this machine: same variables, secrets and roles.

Only what a container gives is replaced: host names by addresses, /run/secrets by a directory.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from aivalue.runtime.embedded.postgres import postgres_programs
from aivalue.runtime.embedded.process import Server, free_port
from deploy.create_secrets import create_secrets
from tests.deploy.programs import ROOT

SERVICES = ("ingest", "baseline", "attribution", "reporting")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
# What differs between brokers is settings; everything else stays as the file has it.
EMBEDDED_BROKER = {
    "AIVALUE_KAFKA__IDEMPOTENT_PRODUCER": "false",
    "AIVALUE_KAFKA__PARTITIONS": "2",
    "AIVALUE_KAFKA__REPLICATION_FACTOR": "1",
    "AIVALUE_KAFKA__SESSION_TIMEOUT_MS": "6000",
    "AIVALUE_KAFKA__REBALANCE_TIMEOUT_MS": "1500",
    "AIVALUE_KAFKA__HEARTBEAT_INTERVAL_MS": "500",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """Where the services answer, and who may ask them."""

    secrets: Path
    ports: dict[str, int]
    servers: dict[str, Server]

    def client(self, service: str, *, caller: str | None = "administrator") -> httpx.AsyncClient:
        """Return a client with a caller's token of the secrets directory, or without any."""
        headers = {}
        if caller is not None:
            secret = (self.secrets / f"{caller}_token").read_text().strip()
            headers = {"authorization": f"Bearer {secret}"}
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.ports[service]}",
            headers=headers, timeout=60, trust_env=False,
        )  # fmt: skip


@contextlib.asynccontextmanager
async def production(
    directory: Path, *, database_url: str, bootstrap: str, prefix: str
) -> AsyncIterator[Production]:
    """Start everything in the order of the compose file; yield once all services are ready."""
    secrets = directory / "made"
    create_secrets(secrets)
    ports = {name: free_port() for name in SERVICES}
    hosts = {"postgres:5432/aivalue": database_url.partition("@")[2], "kafka:19092": bootstrap}
    hosts |= {f"{name}:{8101 + n}": f"127.0.0.1:{ports[name]}" for n, name in enumerate(SERVICES)}
    topics = {
        "AIVALUE_KAFKA__TENANTS": f'{{"default": "{prefix}."}}',
        "AIVALUE_KAFKA__INTERNAL_PREFIX": f"{prefix}.",
    }
    script("roles.sh", database_url, secrets)

    def once(job: str) -> None:
        environment = environment_of(job, directory, secrets, hosts) | EMBEDDED_BROKER | topics
        # The interpreter of the image is the first program of the command.
        succeed([sys.executable, *COMPOSE["services"][job]["command"][1:]], environment)

    with ThreadPoolExecutor() as together:
        list(together.map(once, [*(f"migrate-{name}" for name in SERVICES), "topics"]))
    script("privileges.sh", database_url, secrets)
    with contextlib.ExitStack() as exits:
        servers = {}
        for name in SERVICES:
            environment = environment_of(name, directory, secrets, hosts) | EMBEDDED_BROKER | topics
            environment |= {"AIVALUE_HOST": "127.0.0.1", "AIVALUE_PORT": str(ports[name])}
            servers[name] = Server(
                name, [sys.executable, "-m", f"services.{name}"],
                log=directory / f"{name}.log", environment=environment, directory=ROOT,
            )  # fmt: skip
            exits.callback(servers[name].stop)
        for name, server in servers.items():
            server.wait_until(lambda name=name: is_ready(ports[name]))  # type: ignore[misc]  # bound now
        try:
            yield Production(secrets=secrets, ports=ports, servers=servers)
        except Exception as error:
            for name, server in servers.items():
                if server.process.poll() is not None:
                    error.add_note(f"{name} ended by itself: {server.log_tail()}")
            raise


def environment_of(
    name: str, directory: Path, secrets: Path, hosts: dict[str, str]
) -> dict[str, str]:
    """Return what the compose file gives a service, with this machine's addresses."""
    service = COMPOSE["services"][name]
    mounted = directory / "run" / name
    mounted.mkdir(parents=True)
    for each in service.get("secrets", []):
        source, target = (each, each) if isinstance(each, str) else (each["source"], each["target"])
        (mounted / target).write_text((secrets / source).read_text())
    environment = {"PATH": os.environ["PATH"], "AIVALUE_SECRETS_DIR": str(mounted)}
    for variable, value in service.get("environment", {}).items():
        text = str(value).replace("/run/secrets", str(mounted))
        for host, address in hosts.items():
            text = text.replace(host, address)
        environment[variable] = text
    environment["AIVALUE_LOG_LEVEL"] = "INFO"
    return environment


def script(name: str, database_url: str, secrets: Path) -> None:
    """Run one of the database scripts as its superuser."""
    server, database = database_url.removeprefix("postgresql://postgres@").split("/")
    host, port = server.split(":")
    environment = {
        "PATH": f"{postgres_programs()}:{os.environ['PATH']}", "SECRETS_DIR": str(secrets),
        "PGHOST": host, "PGPORT": port, "PGUSER": "postgres", "PGDATABASE": database,
    }  # fmt: skip
    succeed(["sh", str(ROOT / "deploy" / "postgres" / name)], environment)


def succeed(command: list[str], environment: dict[str, str]) -> None:
    """Run a program to its end."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def is_ready(port: int) -> bool:
    """Say whether a service can do its work."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
    return False
