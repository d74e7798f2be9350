"""Options that say which history is meant, and the request they make."""

from datetime import date, datetime
from typing import Annotated, Any

import typer

Json = dict[str, Any]
Initiative = Annotated[str, typer.Option("--initiative", help="Key of the initiative.")]
Kpi = Annotated[str, typer.Option("--kpi", help="Key of the KPI.")]
Identity = Annotated[str, typer.Argument(help="As `aivalue baseline list` or `drafts` prints it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Start = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day; else the design's.")
]
End = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Day after the last; else the design's."),
]
Unit = Annotated[list[str] | None, typer.Option(help="A unit, repeatable; all without it.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="START/END=REASON",
        help="Days to leave out, [START, END), repeatable; else those of the design.",
    ),
]
Reason = Annotated[str, typer.Option(help="Why, and why this window; kept for ever.")]


def scope_request(
    initiative: str,
    kpi: str,
    *,
    start: datetime | None,
    end: datetime | None,
    units: list[str] | None,
    exclude: list[str] | None,
) -> Json:
    """Write the options as the service takes them; what is not given is the design's."""
    if (start is None) != (end is None):
        raise typer.BadParameter("--start and --end go together")
    request: Json = {"initiative": initiative, "kpi": kpi}
    if start is not None and end is not None:
        request |= {"start": start.date().isoformat(), "end": end.date().isoformat()}
    if units:
        request["units"] = units
    if exclude:
        request["exclusions"] = [_exclusion(each) for each in exclude]
    return request


def _exclusion(text: str) -> Json:
    days, equals, reason = text.partition("=")
    start, slash, end = days.partition("/")
    needed = "2023-12-24/2023-12-27=public holidays"
    wrong = typer.BadParameter(f"--exclude is {text!r}, needs days and why, such as {needed!r}")
    if not (equals and slash and reason.strip()):
        raise wrong
    try:
        first, last = date.fromisoformat(start), date.fromisoformat(end)
    except ValueError:
        raise wrong from None
    if first >= last:
        raise typer.BadParameter(f"--exclude {days}: the second day is the one after the last")
    return {"start": start, "end": end, "reason": reason.strip()}
