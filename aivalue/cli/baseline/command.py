"""`aivalue baseline`: check, freeze, list, show and compare what was before the AI."""

from datetime import datetime
from typing import Annotated

import typer

from aivalue.cli.answers import baselines as answers
from aivalue.cli.baseline import drafts
from aivalue.cli.baseline.asking import ask, ask_all, post
from aivalue.cli.baseline.findings import show_difference, show_drift, show_readiness
from aivalue.cli.baseline.scope import (
    AsJson,
    End,
    Exclude,
    Identity,
    Initiative,
    Kpi,
    Reason,
    Start,
    Unit,
    scope_request,
)
from aivalue.cli.baseline.showing import show_baseline, show_expected, show_list
from aivalue.cli.console import FAILED, results
from aivalue.cli.service_calls import path_of

app = typer.Typer(help="Frozen baselines: the process before the AI.", no_args_is_help=True)


@app.command()
def readiness(  # noqa: PLR0913, PLR0917 - the options of a command
    initiative: Initiative,
    kpi: Kpi,
    start: Start = None,
    end: End = None,
    unit: Unit = None,
    exclude: Exclude = None,
    treated_units: Annotated[
        int | None, typer.Option(min=1, help="Units to get the AI in the trial.")
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=520, help="Length of the trial.")] = 26,
    pilot: Annotated[
        list[str] | None, typer.Option(help="A unit that gets the AI first, repeatable.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check a history before it is frozen: gaps, outliers, season, shifts, power.

    Ends with status 1 where something fails.
    """
    request = scope_request(initiative, kpi, start=start, end=end, units=unit, exclude=exclude) | {
        "weeks": weeks
    }
    if treated_units is not None:
        request["treated_units"] = treated_units
    if pilot:
        request["pilots"] = pilot
    answer = post("/v1/readiness", answers.Readiness, request)
    if as_json:
        results.print_json(data=answer)
    else:
        show_readiness(answer)
    if answer["status"] == "fail":
        raise typer.Exit(FAILED)


@app.command()
def freeze(
    initiative: Initiative,
    kpi: Kpi,
    reason: Reason,
    start: Start = None,
    end: End = None,
    unit: Unit = None,
    exclude: Exclude = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Freeze the pre-AI series of a KPI; days are [start, end), else those of the design."""
    request = scope_request(initiative, kpi, start=start, end=end, units=unit, exclude=exclude)
    frozen = post("/v1/baselines", answers.Baseline, request | {"reason": reason})
    if as_json:
        results.print_json(data=frozen)
    else:
        show_baseline(frozen)


app.command("draft")(drafts.draft)
app.command("drafts")(drafts.list_drafts)
app.command("review")(drafts.review)
app.command("freeze-draft")(drafts.freeze_draft)


@app.command("list")
def list_command(
    initiative: Annotated[str | None, typer.Option(help="Of this initiative only.")] = None,
    kpi: Annotated[str | None, typer.Option(help="Of this KPI only.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List frozen baselines, the newest version first."""
    named = {"initiative": initiative, "kpi": kpi}
    params = {name: value for name, value in named.items() if value is not None}
    answer = ask_all("/v1/baselines", answers.BaselinesPage, "baselines", params)
    if as_json:
        results.print_json(data=answer)
    else:
        show_list(answer["baselines"])


@app.command()
def show(baseline_id: Identity, *, as_json: AsJson = False) -> None:
    """Show one baseline: window, level and trend by unit, season, coverage, hash."""
    answer = ask(path_of("/v1/baselines/{}", baseline_id), answers.ProfiledBaseline)
    if as_json:
        results.print_json(data=answer)
    else:
        show_baseline(answer)


@app.command()
def expected(
    baseline_id: Identity,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.")],
    end: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day after the last.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the interval.")] = 0.95,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what the process would show on later days had it gone on as in the baseline."""
    params: dict[str, str | float] = {
        "start": start.date().isoformat(),
        "end": end.date().isoformat(),
        "confidence": confidence,
    }
    answer = ask(path_of("/v1/baselines/{}/expected", baseline_id), answers.Expectation, params)
    if as_json:
        results.print_json(data=answer)
    else:
        show_expected(answer)


@app.command()
def compare(
    baseline_id: Identity,
    later_id: Annotated[str, typer.Argument(help="The baseline to compare it with.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Compare two baselines of a KPI row by row; ends with status 1 where they differ."""
    answer = ask(
        path_of("/v1/baselines/{}/difference", baseline_id),
        answers.BaselineDifference,
        {"to": later_id},
    )
    if as_json:
        results.print_json(data=answer)
    else:
        show_difference(answer)
    if answer["differs"]:
        raise typer.Exit(FAILED)


@app.command()
def drift(baseline_id: Identity, *, as_json: AsJson = False) -> None:
    """Say how today's events differ from what was frozen; ends with status 1 where they do."""
    answer = ask(path_of("/v1/baselines/{}/drift", baseline_id), answers.Drift)
    if as_json:
        results.print_json(data=answer)
    else:
        show_drift(answer)
    if answer["differs"] or answer["new_units"]:
        raise typer.Exit(FAILED)
