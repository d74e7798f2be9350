"""`aivalue baseline`: check, freeze, list and show what was before the AI."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from aivalue.cli.console import FAILED, fail, results
from aivalue.cli.readiness import show_drift, show_readiness
from aivalue.cli.service_calls import Services, call, connected
from aivalue.errors import AivalueError
from aivalue.runtime.settings import RuntimeSettings

app = typer.Typer(help="Frozen baselines: the process before the AI.", no_args_is_help=True)

Json = dict[str, Any]
Initiative = Annotated[str, typer.Option("--initiative", help="Key of the initiative.")]
Kpi = Annotated[str, typer.Option("--kpi", help="Key of the KPI.")]
Identity = Annotated[str, typer.Argument(help="As `aivalue baseline list` prints it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


async def freeze_baseline(
    request: Mapping[str, object],
    *,
    settings: RuntimeSettings,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> Json:
    """Freeze a baseline; `request` is the body of POST /v1/baselines."""
    async with connected(settings, transports=transports) as services:
        frozen: Json = await call(services.baseline, "POST", "/v1/baselines", json=dict(request))
        return frozen


@app.command()
def freeze(
    initiative: Initiative,
    kpi: Kpi,
    reason: Annotated[str, typer.Option(help="Why, and why this window; kept for ever.")],
    start: Day = None,
    end: Day = None,
    unit: Annotated[
        list[str] | None, typer.Option(help="A unit to freeze, repeatable; all without it.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Freeze the pre-AI series of a KPI; days are [start, end), else those of the design."""
    request = _scope(initiative, kpi, start, end) | {"reason": reason}
    if unit:
        request["units"] = unit
    frozen = _post("/v1/baselines", request)
    if as_json:
        results.print_json(data=frozen)
    else:
        _describe(frozen)


@app.command()
def draft(
    initiative: Initiative,
    kpi: Kpi,
    reason: Annotated[str, typer.Option(help="Why, and why this window; kept for ever.")],
    start: Day = None,
    end: Day = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Propose a baseline for a second person to review."""
    request = _scope(initiative, kpi, start, end) | {"reason": reason}
    _show_draft(_post("/v1/baseline-drafts", request), as_json=as_json)


@app.command()
def review(
    baseline_id: Identity,
    comment: Annotated[str, typer.Option(help="What you looked at; kept for ever.")],
    *,
    approve: Annotated[bool, typer.Option("--approve/--reject", help="Your decision.")],
    as_json: AsJson = False,
) -> None:
    """Approve or reject a draft that somebody else proposed."""
    request = {"decision": "approved" if approve else "rejected", "comment": comment}
    answer = _post(f"/v1/baseline-drafts/{baseline_id}/reviews", request)
    _show_draft(answer, as_json=as_json)


@app.command("freeze-draft")
def freeze_draft(baseline_id: Identity, *, as_json: AsJson = False) -> None:
    """Freeze a draft exactly as it was approved."""
    frozen = _post(f"/v1/baseline-drafts/{baseline_id}:freeze", {})
    if as_json:
        results.print_json(data=frozen)
    else:
        _describe(frozen)


@app.command()
def readiness(
    initiative: Initiative,
    kpi: Kpi,
    start: Day = None,
    end: Day = None,
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
    request = _scope(initiative, kpi, start, end) | {"weeks": weeks}
    if treated_units is not None:
        request["treated_units"] = treated_units
    if pilot:
        request["pilots"] = pilot
    answer = _post("/v1/readiness", request)
    if as_json:
        results.print_json(data=answer)
    else:
        show_readiness(answer)
    if answer["status"] == "fail":
        raise typer.Exit(FAILED)


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
    answer = _run(lambda services: call(services.baseline, "GET", "/v1/baselines", params=params))
    if as_json:
        results.print_json(data=answer)
    else:
        _table(answer["baselines"])


@app.command()
def show(
    baseline_id: Identity,
    *,
    as_json: AsJson = False,
) -> None:
    """Show one baseline: window, level by unit, coverage, hash."""
    path = f"/v1/baselines/{baseline_id}"
    answer = _run(lambda services: call(services.baseline, "GET", path))
    if as_json:
        results.print_json(data=answer)
    else:
        _describe(answer)


@app.command()
def drift(baseline_id: Identity, *, as_json: AsJson = False) -> None:
    """Say how today's events differ from what was frozen; ends with status 1 where they do."""
    path = f"/v1/baselines/{baseline_id}/drift"
    answer = _run(lambda services: call(services.baseline, "GET", path))
    if as_json:
        results.print_json(data=answer)
    else:
        show_drift(answer)
    if answer["differs"] or answer["new_units"]:
        raise typer.Exit(FAILED)


def _post(path: str, request: Mapping[str, object]) -> Json:
    return _run(lambda services: call(services.baseline, "POST", path, json=dict(request)))


def _show_draft(draft: Json, *, as_json: bool) -> None:
    if as_json:
        results.print_json(data=draft)
        return
    results.print(f"{draft['status']}, drafted by {draft['drafted_by']}", markup=False)
    for each in draft["reviews"]:
        line = f"{each['decision']} by {each['reviewed_by']}: {each['comment']}"
        results.print(line, markup=False, soft_wrap=True)
    _describe(draft["baseline"])


def _scope(
    initiative: str, kpi: str, start: datetime | None, end: datetime | None
) -> dict[str, object]:
    if (start is None) != (end is None):
        raise typer.BadParameter("--start and --end go together")
    scope: dict[str, object] = {"initiative": initiative, "kpi": kpi}
    if start is not None and end is not None:
        scope |= {"start": start.date().isoformat(), "end": end.date().isoformat()}
    return scope


def _run(ask: Callable[[Services], Awaitable[Json]]) -> Json:
    async def asked() -> Json:
        async with connected(RuntimeSettings()) as services:
            return await ask(services)

    try:
        return asyncio.run(asked())
    except AivalueError as error:
        fail(str(error))


def _table(baselines: Sequence[Json]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in (
        "baseline",
        "initiative",
        "kpi",
        "version",
        "window",
        "units",
        "level",
        "coverage",
    ):
        table.add_column(name, no_wrap=name == "baseline")
    for each in baselines:
        version = f"v{each['version']}" + (" superseded" if each["superseded"] else "")
        table.add_row(
            each["baseline_id"],
            each["initiative"],
            each["kpi"],
            version,
            f"{each['start']} to {each['end']}",
            str(len(each["units"])),
            _short(each["level"]),
            f"{float(each['coverage']['ratio']):.1%}",
        )
    results.print(table)


def _describe(baseline: Json) -> None:
    coverage = baseline["coverage"]
    lines = {
        "baseline": f"{baseline['baseline_id']} (version {baseline['version']})",
        "of": f"{baseline['initiative']}, KPI {baseline['kpi']} v{baseline['kpi_version']}",
        "window": f"{baseline['start']} until before {baseline['end']}, "
        f"expires on {baseline['expires_on']}",
        "units": f"{len(baseline['units'])}",
        "measurements": f"{baseline['n']}",
        "level": _short(baseline["level"]),
        "coverage": (
            f"{coverage['observed_unit_days']} of {coverage['expected_unit_days']} unit-days "
            f"({float(coverage['ratio']):.1%})"
        ),
        baseline["status"]: (
            f"{baseline['frozen_at']} by {baseline['frozen_by']}: {baseline['reason']}"
        ),
        "sha256": baseline["sha256"],
    }
    for name, text in lines.items():
        results.print(f"{name:<13} {text}", markup=False, soft_wrap=True)
    if baseline["superseded"]:
        results.print("superseded by a later version", style="yellow")
    if baseline["reconstructed"]:
        results.print(
            "reconstructed: frozen when the AI was already live, so evidence is capped at grade C",
            style="yellow",
            soft_wrap=True,
        )


def _short(level: str) -> str:
    return f"{float(level):.6g}"
