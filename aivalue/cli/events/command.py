"""The commands `aivalue events send` and `aivalue events import`."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Send events from files and tables to ingest.", no_args_is_help=True)

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
