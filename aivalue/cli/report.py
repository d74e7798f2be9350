"""`aivalue report`: what the portfolios earned, as reporting has it, for people or as JSON."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from aivalue.cli.answers import record as answers
from aivalue.cli.asking import answered
from aivalue.cli.cfo_table import print_rows
from aivalue.cli.console import notes, results
from aivalue.cli.service_calls import Services, call, path_of, read_as
from aivalue.reports.cfo_table import amount_text, cfo_rows, percent_text, range_text
from aivalue.reports.summary import InitiativeSummary, KpiSummary, PortfolioSummary
from aivalue.reports.target_progress import TargetProgress


def report(
    initiative: Annotated[
        str | None, typer.Argument(help="Key of one initiative; without it, every portfolio.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show what portfolios or one initiative earned: effects, grades, value, cost, return."""
    answer = answered(partial(read_report, initiative=initiative))
    if as_json:
        results.print_json(data=answer)
    elif initiative is None:
        print_portfolios(results, answer)
    else:
        print_initiative(results, answer)
    if answer["stale"]:
        notes.print(
            f"not current: {answer['stale_reason']}", style="yellow", markup=False, soft_wrap=True
        )


async def read_report(services: Services, initiative: str | None) -> dict[str, Any]:
    """Ask reporting for one initiative, or for all portfolios.

    Raises
    ------
    CallFailed
        Reporting is away, has no figures yet, or knows no such initiative.
    """
    answer: dict[str, Any]
    if initiative is None:
        answer = await call(services.reporting, "GET", "/v1/summary", answers.PortfolioReports)
    else:
        path = path_of("/v1/initiatives/{}/summary", initiative)
        answer = await call(services.reporting, "GET", path, answers.InitiativeReport)
    return answer


def print_portfolios(console: Console, answer: dict[str, Any]) -> None:
    """Print every portfolio: its initiatives, its totals, and what the totals leave out."""
    portfolios = [
        read_as(PortfolioSummary, each, what="a portfolio") for each in answer["portfolios"]
    ]
    if not portfolios:
        console.print("There is no portfolio yet: `aivalue apply -f DIR` defines one.")
    for portfolio in portfolios:
        head = f"{portfolio.name} ({portfolio.portfolio}), {portfolio.currency}"
        console.print(Text(f"{head}, as of {answer['as_of'][:16]}Z", style="bold"))
        print_rows(console, [row for each in portfolio.initiatives for row in cfo_rows(each)])
        for line in [*_totals(portfolio), *_unpriced(portfolio)]:
            console.print(f"  {line}", markup=False, soft_wrap=True)


def print_initiative(console: Console, answer: dict[str, Any]) -> None:
    """Print one initiative with what its grades, targets and value rest on."""
    summary = read_as(InitiativeSummary, answer["initiative"], what="the initiative")
    live = f"live since {summary.go_live}" if summary.go_live else "not live"
    head = f"{summary.name} ({summary.initiative}), {summary.stage}, {live}"
    console.print(Text(f"{head}, as of {answer['as_of'][:16]}Z", style="bold"))
    print_rows(console, cfo_rows(summary))
    for line in _why(summary, pending=answer["pending"]):
        console.print(f"  {line}", markup=False, soft_wrap=True)


def _totals(portfolio: PortfolioSummary) -> Iterator[str]:
    totals = portfolio.totals
    if totals is None:
        yield f"No total: {portfolio.totals_reason}"
        return
    yield (
        f"Together: benefit {range_text(totals.benefit, totals.currency)}, "
        f"cost {totals.currency} {amount_text(totals.cost)}, "
        f"net {range_text(totals.net, totals.currency)}, ROI {percent_text(totals.roi)}"
    )
    if totals.unsettled:
        yield f"Shares of one effect, last run on different data: {', '.join(totals.unsettled)}"


def _unpriced(portfolio: PortfolioSummary) -> Iterator[str]:
    for each in portfolio.initiatives:
        if each.value_reason:
            yield f"Not priced: {each.initiative}: {each.value_reason}"


def _why(summary: InitiativeSummary, *, pending: str | None) -> Iterator[str]:
    for kpi in summary.kpis:
        yield from (f"{kpi.kpi}: {line}" for line in _of_kpi(kpi))
    if summary.value_reason:
        yield f"Not priced: {summary.value_reason}"
    if summary.run_id:
        yield f"Run {summary.run_id}"
    if pending:
        yield f"Pending: {pending}"


def _of_kpi(kpi: KpiSummary) -> Iterator[str]:
    if kpi.measured_start is not None:
        yield f"{kpi.estimator}, {kpi.measured_start} to {kpi.measured_end}"
    if kpi.grade is not None:
        yield from (f"grade {kpi.grade}: {reason}" for reason in kpi.grade_reasons)
    yield from (_target(each) for each in kpi.targets)


def _target(target: TargetProgress) -> str:
    scale, unit = {
        "relative": (100.0, " %"), "percentage_points": (1.0, " pp"), "absolute": (1.0, "")
    }[target.kind]  # fmt: skip
    promised = f"target {target.target}: {scale * float(target.amount):.3g}{unit} by {target.due}"
    if target.attained is None or target.low is None or target.high is None:
        return f"{promised}, {target.status}"
    reached, low, high = (scale * each for each in (target.attained, target.low, target.high))
    return f"{promised}, {target.status}: {reached:.3g}{unit} ({low:.3g} to {high:.3g}) reached"
