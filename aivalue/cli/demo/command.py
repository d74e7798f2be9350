"""The `aivalue demo` command."""

from pathlib import Path
from typing import Annotated

import typer

from aivalue.cli.console import fail


def demo(
    events: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Your own events, .ndjson or .csv."),
    ] = None,
    definitions: Annotated[
        Path | None,
        typer.Option("--definitions", "-f", exists=True, help="Your own definitions, YAML."),
    ] = None,
    report: Annotated[Path, typer.Option(help="Where the JSON report is written.")] = Path(
        "build/demo-report.json"
    ),
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep PostgreSQL's data here; temporary without it.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the table to this SVG file.")
    ] = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep running until Ctrl-C.")] = False,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Any free ports in place of 8101 to 8104.")
    ] = False,
) -> None:
    """Replay AI programmes through Kafka and print what they earned.

    Without options: a real randomized experiment and a simulated rollout whose truth is known.
    With --events and --definitions: your own.
    """
    from aivalue.cli.demo.files import case_of
    from aivalue.cli.demo.open_bandit import open_bandit
    from aivalue.cli.demo.predictive_maintenance import predictive_maintenance
    from aivalue.cli.demo.story import tell

    if (events is None) != (definitions is None):
        fail("--events and --definitions go together", status=2)
    cases = (
        [open_bandit(), predictive_maintenance()]
        if events is None or definitions is None
        else [case_of(events, definitions)]
    )
    tell(
        cases,
        report=report,
        data_dir=data_dir,
        picture=picture,
        keep=keep,
        free_ports=free_ports,
    )
