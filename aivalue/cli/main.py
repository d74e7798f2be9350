"""The `aivalue` command.

A command is imported when it is called, with its weight, so that an estimate or `--help` of one
does not wait for HTTP, databases and the models of definitions. Results go to stdout, everything
else to stderr; exit codes are 0, 1 (the work failed), 2 (the call was wrong) and 130 (Ctrl-C).
"""

import sys
from collections.abc import Iterable
from errno import ENOSPC
from functools import cache
from importlib import import_module
from typing import Annotated

import typer

import aivalue
from aivalue.cli.console import INTERRUPTED, fail
from aivalue.errors import AivalueError

# Where each command is, below aivalue.cli: in the groups and in the order of the help.
GROUPS = {
    "To try it out": {
        "demo": "demo.command:demo",
        "up": "operations:up",
    },
    "What is measured, and what happens": {
        "init": "template_files:init_command",
        "schema": "definition_schema:schema_command",
        "target": "target:target_command",
        "apply": "apply:apply_command",
        "export": "stored_definitions:export_command",
        "drift": "stored_definitions:drift_command",
        "baseline": "baseline.command:app",
        "events": "events.command:app",
        "ingest": "ingest:app",
    },
    "What was earned": {
        "report": "report:report",
        "gates": "gates:gates_command",
        "ledger": "ledger:app",
    },
    "Tables of your own, without a server": {
        "estimate": "estimate.command:estimate",
        "design": "design.command:app",
        "policy": "policy:policy",
        "cashflow": "cashflow:cashflow",
    },
    "To run it for real": {
        "doctor": "doctor:doctor",
        "config": "operations:config",
        "db": "operations:database",
        "token": "token:token_command",
    },
}
GROUP_OF = {name: group for group, places in GROUPS.items() for name in places}
COMMANDS = {name: place for places in GROUPS.values() for name, place in places.items()}


def command_of(names: Iterable[str]) -> typer.Typer:
    """Return the command with these of its commands."""
    command = typer.Typer(
        name="aivalue",
        help="Prove what AI earned: frozen baselines, effects with intervals, auditable money.",
        epilog="Exit status: 0 done, 1 the work failed, 2 the call was wrong.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    command.callback(invoke_without_command=True)(_options)
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(import_module(f"aivalue.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            command.add_typer(found, name=name, rich_help_panel=GROUP_OF[name])
        else:
            command.command(name, rich_help_panel=GROUP_OF[name])(found)
    return command


def _options(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        sys.stdout.write(f"aivalue {aivalue.__version__}\n")
        raise typer.Exit


@cache
def _whole() -> typer.Typer:
    return command_of(COMMANDS)


def __getattr__(name: str) -> typer.Typer:
    """Return the whole command as `app`, which only who looks at all of it pays for."""
    if name == "app":
        return _whole()
    raise AttributeError(name)


def run() -> None:
    """Run the command; an error of the core or of a file is one line on stderr, no traceback.

    Ctrl-C says nothing, also while a command is still being imported.
    """
    called = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        (command_of([called]) if called in COMMANDS else _whole())()
    except AivalueError as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.filename is None and error.errno != ENOSPC:
            raise
        about = "" if error.filename is None else f"{error.filename}: "
        fail(f"{about}{error.strerror}")
