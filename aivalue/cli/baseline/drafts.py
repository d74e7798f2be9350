"""Two persons: one drafts a baseline, another reviews it, and exactly that is frozen."""

from typing import Annotated

import typer
from rich.table import Table

from aivalue.cli.answers import baselines as answers
from aivalue.cli.baseline.asking import ask_all, post
from aivalue.cli.baseline.scope import (
    AsJson,
    End,
    Exclude,
    Identity,
    Initiative,
    Json,
    Kpi,
    Reason,
    Start,
    Unit,
    scope_request,
)
from aivalue.cli.baseline.showing import short, show_baseline
from aivalue.cli.console import results
from aivalue.cli.service_calls import path_of


def draft(
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
    """Propose a baseline for a second person to review."""
    request = scope_request(initiative, kpi, start=start, end=end, units=unit, exclude=exclude)
    answer = post("/v1/baseline-drafts", answers.Draft, request | {"reason": reason})
    show_draft(answer, as_json=as_json)


def list_drafts(*, as_json: AsJson = False) -> None:
    """List drafts, the newest first, with what became of them."""
    answer = ask_all("/v1/baseline-drafts", answers.DraftsPage, "drafts")
    if as_json:
        results.print_json(data=answer)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("draft", "status", "initiative", "kpi", "window", "level", "drafted by"):
        table.add_column(name, no_wrap=name == "draft")
    for each in answer["drafts"]:
        baseline = each["baseline"]
        table.add_row(
            baseline["baseline_id"],
            each["status"],
            baseline["initiative"],
            baseline["kpi"],
            f"{baseline['start']} to {baseline['end']}",
            short(baseline["level"]),
            each["drafted_by"],
        )
    results.print(table)


def review(
    baseline_id: Identity,
    comment: Annotated[str, typer.Option(help="What you looked at; kept for ever.")],
    *,
    approve: Annotated[bool, typer.Option("--approve/--reject", help="Your decision.")],
    as_json: AsJson = False,
) -> None:
    """Approve or reject a draft that somebody else proposed."""
    request = {"decision": "approved" if approve else "rejected", "comment": comment}
    path = path_of("/v1/baseline-drafts/{}/reviews", baseline_id)
    show_draft(post(path, answers.Draft, request), as_json=as_json)


def freeze_draft(baseline_id: Identity, *, as_json: AsJson = False) -> None:
    """Freeze a draft exactly as it was approved."""
    path = path_of("/v1/baseline-drafts/{}:freeze", baseline_id)
    frozen = post(path, answers.Baseline, {})
    if as_json:
        results.print_json(data=frozen)
    else:
        show_baseline(frozen)


def show_draft(answer: Json, *, as_json: bool) -> None:
    """Print a draft with its reviews."""
    if as_json:
        results.print_json(data=answer)
        return
    results.print(f"{answer['status']}, drafted by {answer['drafted_by']}", markup=False)
    for each in answer["reviews"]:
        line = f"{each['decision']} by {each['reviewed_by']}: {each['comment']}"
        results.print(line, markup=False, soft_wrap=True)
    show_baseline(answer["baseline"])
