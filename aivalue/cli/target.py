"""`aivalue target`: a sentence becomes a target for the file, or the question it leaves open."""

from datetime import datetime
from typing import Annotated

import typer

from aivalue.cli.answers import record as answers
from aivalue.cli.asking import answered
from aivalue.cli.console import results
from aivalue.cli.service_calls import call


def target_command(
    sentence: Annotated[
        str, typer.Argument(help='Such as "reduce customer churn by 10% within 12 months".')
    ],
    kpi: Annotated[str, typer.Option("--kpi", help="Key of the KPI it is about.")],
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day from which its time counts; today without."),
    ] = None,
    due: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="When it is due, if the sentence does not say."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Read a sentence as a target for a file of definitions; nothing is stored.

    Ends with status 1 and a question where it can be read in two ways.
    """
    request: dict[str, str] = {"text": sentence, "kpi": kpi}
    if start is not None:
        request["start"] = start.date().isoformat()
    if due is not None:
        request["due"] = due.date().isoformat()
    answer = answered(
        lambda services: call(
            services.baseline, "POST", "/v1/targets:read", answers.TargetRead, json=request
        )
    )
    if as_json:
        results.print_json(data=answer)
        return
    lines = (
        "targets:",
        f"  - key: {kpi}-{answer['due'][:4]}",
        f"    kpi: {kpi}",
        f"    kind: {answer['kind']}",
        f"    amount: {answer['amount']}",
        f"    due: {answer['due']}",
    )
    results.print("\n".join(lines), markup=False)
