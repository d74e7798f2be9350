"""The commands `aivalue events send` and `import`; where the other commands of `events` are."""

from pathlib import Path
from typing import Annotated

import typer

from aivalue.cli.events import backfill_commands, dead_letter_commands, original_command

WRONG_CALL = 2
app = typer.Typer(help="Send events to ingest, and see what became of them.", no_args_is_help=True)
app.command()(original_command.show)
app.command()(backfill_commands.backfills)
app.command()(backfill_commands.revert)
app.command()(backfill_commands.restore)
app.command()(dead_letter_commands.replay)
app.add_typer(dead_letter_commands.app, name="dead-letters")

Kafka = Annotated[
    bool, typer.Option("--kafka", help="To the input topics, in place of ingest's HTTP.")
]
Tenant = Annotated[str, typer.Option(help="Whose topics, with --kafka.")]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on where an interrupted call stopped.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def send(
    file: Annotated[
        Path,
        typer.Argument(help="CloudEvents, one JSON object a line.", exists=True, dir_okay=False),
    ],
    tenant: Tenant = "default",
    *,
    kafka: Kafka = False,
    resume: Resume = True,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check every line before the first is sent.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Send CloudEvents from an NDJSON file; sending it again counts nothing twice."""
    from aivalue.cli.events.ndjson import prepare_ndjson
    from aivalue.cli.events.prepared import UnreadableEvents
    from aivalue.cli.events.sending import Route, refuse, send_and_tell
    from aivalue.runtime.clock import utc_now

    try:
        prepared = prepare_ndjson(file, now=utc_now(), check=check)
    except UnreadableEvents as error:
        refuse(error, as_json=as_json)
    route = Route(kafka=kafka, tenant=tenant, resume=resume)
    send_and_tell(prepared, beside=file, route=route, as_json=as_json)


@app.command("import")
def import_table(  # noqa: PLR0913 - one parameter per option of the command
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV, Parquet or XLSX.", exists=True, dir_okay=False),
    ] = None,
    *,
    mapping: Annotated[
        Path, typer.Option("--mapping", "-m", help="Which column is which field.", exists=True)
    ],
    sql: Annotated[
        Path | None,
        typer.Option(help="A query on your own PostgreSQL, in place of FILE.", exists=True),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="Its address, postgresql://...", envvar="CAPTURE_DATABASE_URL"),
    ] = None,
    backfill: Annotated[
        str | None, typer.Option(help="Name this import, so that it can be told apart later.")
    ] = None,
    supersede: Annotated[
        bool,
        typer.Option("--supersede", help="Rows correct the events of their ids sent before."),
    ] = False,
    preview: Annotated[
        int | None, typer.Option(min=1, help="Show this many rows as events, send nothing.")
    ] = None,
    tenant: Tenant = "default",
    kafka: Kafka = False,
    resume: Resume = True,
    as_json: AsJson = False,
) -> None:
    """Send the rows of a table as events; importing it again counts nothing twice."""
    from aivalue.cli.console import fail
    from aivalue.cli.events.import_run import Origin, import_and_tell, preview_and_tell
    from aivalue.cli.events.sending import Route

    if supersede and backfill is None:
        fail("--supersede needs --backfill: its name tells the new ids apart", status=WRONG_CALL)
    if file is not None and sql is None:
        origin = Origin(path=file, supersede=supersede)
    elif file is None and sql is not None and database is not None:
        try:
            query = sql.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            fail(f"--sql: cannot read {sql}: {error}", status=WRONG_CALL)
        origin = Origin(path=sql, query=query, database=database, supersede=supersede)
    else:
        fail("name either a file, or --sql and --database", status=WRONG_CALL)
    if preview is not None:
        preview_and_tell(origin, mapping, backfill=backfill, n_rows=preview, as_json=as_json)
        return
    route = Route(kafka=kafka, tenant=tenant, resume=resume)
    import_and_tell(origin, mapping, backfill=backfill, route=route, as_json=as_json)
