"""`aivalue up`, `db migrate`, `doctor`, `config show`: running the system."""

import asyncio
import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from aivalue.cli.console import fail, notes, results, say
from aivalue.runtime.settings import RuntimeSettings, unknown_variables

database = typer.Typer(help="The database's schemas.", no_args_is_help=True)
config = typer.Typer(help="The settings in force.", no_args_is_help=True)


def up(
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep PostgreSQL's data here; temporary without it.")
    ] = None,
    *,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Any free ports in place of 8101 to 8104.")
    ] = False,
) -> None:
    """Run PostgreSQL, a broker and all four services until Ctrl-C.

    AIVALUE_DATABASE__URL and AIVALUE_KAFKA__BOOTSTRAP point the services at servers of your own.
    """
    from aivalue.runtime.embedded.process import ServerFailed, accepts_connections
    from aivalue.runtime.stack import DEFAULT_PORTS, SERVICES, running_stack

    _refuse_unknown_variables()
    ports = {} if free_ports else DEFAULT_PORTS
    taken = [str(port) for port in ports.values() if accepts_connections(port)]
    if taken:
        fail(f"port {', '.join(taken)} is in use: stop what listens there, or use --free-ports")
    _interrupt_on_sigterm()
    try:
        with running_stack(data_dir=data_dir, ports=ports, say=say) as stack:
            for service in SERVICES:
                results.print(f"{service:<12} {stack.url(service)}", markup=False)
            results.print(f"kafka        {stack.environment['AIVALUE_KAFKA__BOOTSTRAP']}")
            results.print(f"postgresql   {stack.environment['AIVALUE_DATABASE__URL']}")
            say("ready; Ctrl-C stops everything")
            with contextlib.suppress(KeyboardInterrupt):
                stack.supervise()
            say("stopping")
    except KeyboardInterrupt:
        say("stopped before everything was ready")
    except ServerFailed as error:
        fail(str(error))


@database.command("migrate")
def database_migrate(
    services: Annotated[
        list[str] | None, typer.Argument(help="Services to migrate; all without it.")
    ] = None,
) -> None:
    """Bring the schemas to the newest revision; a no-op where they are."""
    from aivalue.runtime.migrations import migrate
    from aivalue.runtime.stack import SERVICES

    unknown = set(services or ()) - set(SERVICES)
    if unknown:
        fail(f"{', '.join(sorted(unknown))} is no service; there are {', '.join(SERVICES)}")
    settings = RuntimeSettings()

    async def migrate_all() -> None:
        for service in services or SERVICES:
            say(f"migrating {service}")
            await migrate(settings.database, service)

    asyncio.run(migrate_all())


@config.command("show")
def config_show() -> None:
    """Print the settings in force as JSON; secrets are masked."""
    _refuse_unknown_variables()
    results.print_json(RuntimeSettings().model_dump_json())


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say whether this machine and the configured servers are fit, one line a check."""
    verdicts = asyncio.run(_examine())
    if as_json:
        sys.stdout.write(json.dumps(verdicts) + "\n")
    else:
        for name, verdict in verdicts.items():
            mark = "[green]ok  [/green]" if verdict == "ok" else "[red]fail[/red]"
            notes.print(f"{mark} {name}" + ("" if verdict == "ok" else f": {verdict}"))
    if any(verdict != "ok" for verdict in verdicts.values()):
        raise typer.Exit(1)


async def _examine() -> dict[str, str]:
    import asyncpg
    import httpx

    from aivalue.runtime.kafka import create_admin
    from aivalue.runtime.postgres import asyncpg_address
    from aivalue.runtime.stack import SERVICES

    settings = RuntimeSettings()
    verdicts = {
        "settings": "; ".join(_unknown_variables()) or "ok",
        "disk": "ok" if shutil.disk_usage(Path.cwd()).free > 2**30 else "less than 1 GiB free",
    }
    try:
        connection = await asyncpg.connect(asyncpg_address(settings.database), timeout=5)
        await connection.close()
        verdicts["postgresql"] = "ok"
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        verdicts["postgresql"] = f"{type(error).__name__}: {error}"
    admin = create_admin(settings.kafka, client_id="aivalue-doctor")
    try:
        await admin.start()
        verdicts["kafka"] = "ok"
    except Exception as error:  # noqa: BLE001 - whatever the reason, the check failed
        verdicts["kafka"] = f"{type(error).__name__}: {error}"
    finally:
        await admin.close()
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        for service in SERVICES:
            address = getattr(settings.services, service)
            try:
                answer = await client.get(address + "/readyz")
                verdicts[service] = "ok" if answer.is_success else answer.text
            except httpx.HTTPError as error:
                verdicts[service] = f"{address}: {type(error).__name__}"
    return verdicts


def _refuse_unknown_variables() -> None:
    complaints = _unknown_variables()
    if complaints:
        fail("\n".join(complaints))


def _unknown_variables() -> list[str]:
    """Compare the environment with what every program of ours reads."""
    known = [RuntimeSettings]
    for service in ("ingest", "baseline", "attribution", "reporting"):
        module = importlib.import_module(f"services.{service}.settings")
        known += [
            each
            for each in vars(module).values()
            if isinstance(each, type) and issubclass(each, RuntimeSettings)
        ]
    return unknown_variables(known, os.environ)


def _interrupt_on_sigterm() -> None:
    """Stop on SIGTERM as on Ctrl-C, so that a supervisor ends us cleanly."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
