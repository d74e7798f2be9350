"""The `aivalue` command.

A command imports its weight when it runs, so that `--help` answers at once. Results go to stdout,
everything else to stderr; exit codes are 0, 1 (the work failed) and 2 (the call was wrong).
"""

import sys
from typing import Annotated

import typer

import aivalue
from aivalue.cli import (
    apply,
    definition_schema,
    gates,
    ingest,
    ledger,
    operations,
    policy,
    stored_definitions,
    target,
    template_files,
)
from aivalue.cli import estimate as estimate_command
from aivalue.cli.baseline import command as baseline_command
from aivalue.cli.console import fail
from aivalue.cli.demo import command as demo_command
from aivalue.cli.design import command as design_command
from aivalue.cli.events import command as events_command
from aivalue.errors import AivalueError

app = typer.Typer(
    name="aivalue",
    help="Prove what AI earned: frozen baselines, effects with intervals, auditable money.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo_command.demo)
app.command("apply")(apply.apply_command)
app.command("init")(template_files.init_command)
app.command("export")(stored_definitions.export_command)
app.command("drift")(stored_definitions.drift_command)
app.command("gates")(gates.gates_command)
app.command("target")(target.target_command)
app.command("schema")(definition_schema.schema_command)
app.command("estimate")(estimate_command.estimate)
app.command("policy")(policy.policy)
app.command("up")(operations.up)
app.command("doctor")(operations.doctor)
app.add_typer(design_command.app, name="design")
app.add_typer(baseline_command.app, name="baseline")
app.add_typer(ledger.app, name="ledger")
app.add_typer(events_command.app, name="events")
app.add_typer(ingest.app, name="ingest")
app.add_typer(operations.database, name="db")
app.add_typer(operations.config, name="config")


@app.callback(invoke_without_command=True)
def _options(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        sys.stdout.write(f"aivalue {aivalue.__version__}\n")
        raise typer.Exit


def run() -> None:
    """Run the command; an error of the core is one line on stderr, not a traceback."""
    try:
        app()
    except AivalueError as error:
        fail(str(error))
