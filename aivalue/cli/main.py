"""The `aivalue` command.

A command is imported when it is called, with its weight, so that an estimate or `--help` of one
does not wait for HTTP, databases and the models of definitions. Results go to stdout, everything
else to stderr; exit codes are 0, 1 (the work failed) and 2 (the call was wrong).
"""

import sys
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Annotated

import typer

import aivalue
from aivalue.cli.console import fail
from aivalue.errors import AivalueError

# Where each command is, below aivalue.cli, in the order of the help.
COMMANDS = {
    "demo": "demo.command:demo",
    "apply": "apply:apply_command",
    "init": "template_files:init_command",
    "export": "stored_definitions:export_command",
    "drift": "stored_definitions:drift_command",
    "gates": "gates:gates_command",
    "report": "report:report",
    "target": "target:target_command",
    "schema": "definition_schema:schema_command",
    "estimate": "estimate.command:estimate",
    "policy": "policy:policy",
    "cashflow": "cashflow:cashflow",
    "up": "operations:up",
    "doctor": "doctor:doctor",
    "design": "design.command:app",
    "baseline": "baseline.command:app",
    "ledger": "ledger:app",
    "events": "events.command:app",
    "ingest": "ingest:app",
    "token": "token:token_command",
    "db": "operations:database",
    "config": "operations:config",
}


def command_of(names: Iterable[str]) -> typer.Typer:
    """Return the command with these of its commands."""
    command = typer.Typer(
        name="aivalue",
        help="Prove what AI earned: frozen baselines, effects with intervals, auditable money.",
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
            command.add_typer(found, name=name)
        else:
            command.command(name)(found)
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
    """Run the command; an error of the core is one line on stderr, not a traceback."""
    called = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        (command_of([called]) if called in COMMANDS else _whole())()
    except AivalueError as error:
        fail(str(error))
