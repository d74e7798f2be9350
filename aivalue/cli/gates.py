"""Gates of initiatives: what a decision rested on, and `aivalue gates`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from aivalue.cli.answers import record as answers
from aivalue.cli.asking import answered
from aivalue.cli.console import results
from aivalue.cli.service_calls import CallFailed, Services, call, path_of
from aivalue.kpis.change import Change


def evidence_of(options: Iterable[str]) -> dict[str, str]:
    """Read `NAME=TEXT` options."""
    evidence: dict[str, str] = {}
    for each in options:
        name, equals, text = each.partition("=")
        if not (equals and name.strip() and text.strip()):
            raise typer.BadParameter(f"--evidence is {each!r}, needs NAME=TEXT")
        evidence[name.strip()] = text.strip()
    return evidence


async def runs_of_gates(services: Services, planned: Iterable[Change]) -> dict[str, str]:
    """Name the newest run of each initiative that passes a gate; none where there is none."""
    runs = {}
    for change in planned:
        passes = change.kind == "initiative" and any(each.path == "stage" for each in change.diff)
        if not passes or change.action != "change":
            continue
        params = {"initiative": change.key, "limit": 1}
        try:
            answer = await call(
                services.attribution, "GET", "/v1/runs", answers.RunsPage, params=params
            )
        except CallFailed:
            # A gate may be passed while attribution is away; the record then names no run.
            continue
        for run in answer["runs"]:
            runs[f"run.{change.key}"] = f"{run['run_id']} output {run['output_hash']}"
    return runs


def gates_command(
    initiative: Annotated[str, typer.Argument(help="Key of the initiative.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show the gates that an initiative passed: who decided, why, on what evidence."""
    path = path_of("/v1/initiatives/{}/gates", initiative)
    answer = answered(lambda services: call(services.baseline, "GET", path, answers.Gates))
    if as_json:
        results.print_json(data=answer)
        return
    for gate in answer["gates"]:
        came = "began as" if gate["from_stage"] is None else f"{gate['from_stage']} to"
        head = (
            f"{gate['decided_at'][:19]} {came} {gate['to_stage']} "
            f"by {gate['decided_by']}: {gate['reason']}"
        )
        results.print(head, markup=False, soft_wrap=True)
        for line in _lines(gate["evidence"]):
            results.print(f"    {line}", markup=False, soft_wrap=True)


def _lines(evidence: answers.Evidence) -> list[str]:
    baselines = [
        f"baseline of {each['kpi']} v{each['version']} {each['baseline_id']}, level "
        f"{float(each['level']):.6g}, coverage {float(each['coverage']):.1%}"
        + (", reconstructed" if each["reconstructed"] else "")
        for each in evidence["baselines"]
    ]
    named = [f"{name}: {text}" for name, text in evidence["references"].items()]
    definitions = ", ".join(
        f"{each['kind']} {each['key']} v{each['version']}" for each in evidence["definitions"]
    )
    return [*(baselines or ["no baseline was frozen"]), *named, definitions]
