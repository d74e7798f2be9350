"""`aivalue up`, `db migrate`, `config show`: running the system."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer

from aivalue.cli.console import WRONG_CALL, fail, results, say
from aivalue.cli.doctor import refuse_unknown_variables
from aivalue.cli.stopping import interrupt_on_sigterm
from aivalue.runtime.settings import RuntimeSettings, read_settings

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

    refuse_unknown_variables()
    ports = {} if free_ports else DEFAULT_PORTS
    taken = [str(port) for port in ports.values() if accepts_connections(port)]
    if taken:
        named = f"port {taken[0]} is" if len(taken) == 1 else f"ports {', '.join(taken)} are"
        fail(f"{named} in use: stop what listens there, or use --free-ports")
    interrupt_on_sigterm()
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
    from aivalue.runtime.postgres import require_reachable
    from aivalue.runtime.stack import SERVICES

    unknown = set(services or ()) - set(SERVICES)
    if unknown:
        named = ", ".join(sorted(unknown))
        fail(f"{named} is no service; there are {', '.join(SERVICES)}", status=WRONG_CALL)
    settings = read_settings(RuntimeSettings)

    async def migrate_all() -> None:
        await require_reachable(settings.database)
        for service in services or SERVICES:
            say(f"migrating {service}")
            await migrate(settings.database, service)

    asyncio.run(migrate_all())


@config.command("show")
def config_show() -> None:
    """Print the settings in force as JSON; secrets are masked."""
    refuse_unknown_variables()
    results.print_json(read_settings(RuntimeSettings).model_dump_json())
