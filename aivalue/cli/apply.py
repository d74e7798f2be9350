"""`aivalue apply`: plan what files of definitions change, show it, then store it.

The two services that own definitions are asked in turn, so a failure between them can leave the
valuation rules behind; applying again completes the work, because applying is idempotent.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer

from aivalue.cli.answers import record as answers
from aivalue.cli.console import fail, notes, results
from aivalue.cli.definitions import (
    VALUATION_RULE,
    InvalidDefinitions,
    Located,
    read_definitions,
)
from aivalue.cli.gates import evidence_of, runs_of_gates
from aivalue.cli.located_yaml import FileProblem
from aivalue.cli.service_calls import Services, call, connected, find, path_of
from aivalue.errors import AivalueError, InvalidDefinition
from aivalue.kpis.canonical import Json
from aivalue.kpis.change import Change, Difference
from aivalue.runtime.settings import RuntimeSettings, read_settings

_SIGNS = {
    "create": "[green]+ create[/]",
    "change": "[yellow]~ change[/]",
    "none": "[dim]= none  [/]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was planned, and whether it was then stored."""

    changes: tuple[Change, ...]
    stored: bool

    @property
    def n_changed(self) -> int:
        """Count what differs from what is stored."""
        return sum(each.action != "none" for each in self.changes)

    def document(self) -> dict[str, Json]:
        """Write the result as JSON carries it."""
        return {"stored": self.stored, "changes": [each.document() for each in self.changes]}


async def apply_definitions(
    path: Path,
    *,
    settings: RuntimeSettings,
    reason: str,
    valid_from: date | None = None,
    evidence: Mapping[str, str] | None = None,
    confirm: Callable[[tuple[Change, ...]], bool] = lambda _: True,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> Applied:
    """Read, plan, ask, apply; nothing is stored where `confirm` says no or nothing changes.

    Raises
    ------
    InvalidDefinitions
        What is wrong in the files, with line and column.
    CallFailed
        A service is away or refuses.
    """
    located = read_definitions(path)
    async with connected(settings, transports=transports) as services:
        await _require_known(services, located)
        planned = await _send("plan", services, located, {"reason": reason})
        applied = Applied(changes=planned, stored=False)
        if not applied.n_changed or not confirm(planned):
            return applied
        why: dict[str, object] = {"reason": reason}
        if valid_from is not None:
            why["valid_from"] = valid_from.isoformat()
        runs = await runs_of_gates(services, planned)
        why["evidence"] = {**runs, **(evidence or {})}
        return Applied(changes=await _send("apply", services, located, why), stored=True)


def apply_command(
    file: Annotated[
        Path, typer.Option("--file", "-f", help="A YAML file, or a directory of them.", exists=True)
    ],
    reason: Annotated[
        str, typer.Option(help="Why; kept with every version that changes.")
    ] = "aivalue apply",
    effective: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="First day the change holds; for all days without it."
        ),
    ] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TEXT",
            help="What the decision to pass a gate rests on, repeatable; the newest run is added.",
        ),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Show the plan and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make the definitions in YAML files the current ones: plan, ask, store."""
    ask = _Asking(yes=yes, plan_only=plan_only, quiet=as_json)
    try:
        applied = asyncio.run(
            apply_definitions(
                file,
                settings=read_settings(RuntimeSettings),
                reason=reason,
                valid_from=None if effective is None else effective.date(),
                evidence=evidence_of(evidence or []),
                confirm=ask,
            )
        )
    except InvalidDefinitions as error:
        for problem in error.found:
            notes.print(str(problem), style="red", markup=False, soft_wrap=True)
        fail(f"{len(error.found)} problem(s); nothing was applied")
    except AivalueError as error:
        fail(str(error))
    if as_json:
        results.print_json(data=applied.document())
    elif applied.stored:
        results.print(f"applied {applied.n_changed} change(s)")
    elif not applied.n_changed:
        results.print(f"no change: {len(applied.changes)} definition(s) are as in {file}")
    if applied.n_changed and not applied.stored and not plan_only:
        fail("not applied")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """Shows the plan and asks for a yes, unless it was given beforehand."""

    yes: bool
    plan_only: bool
    quiet: bool

    def __call__(self, planned: tuple[Change, ...]) -> bool:
        if not self.quiet:
            show(planned)
        if self.yes or self.plan_only:
            return not self.plan_only
        if not sys.stdin.isatty():
            fail("nobody can be asked here: pass --yes to apply, or --plan-only to look")
        return typer.confirm("Apply?", err=True)


def show(changes: Sequence[Change]) -> None:
    """Print a plan: one line per definition, its differences below."""
    for change in changes:
        name = f"{change.kind} [bold]{change.key}[/]"
        results.print(f"{_SIGNS[change.action]} {name} v{change.version}")
        if change.action == "change":
            for each in change.diff:
                results.print(
                    f"    {each.path}: {each.before} -> {each.after}", markup=False, soft_wrap=True
                )
    counts = {sign: sum(each.action == sign for each in changes) for sign in _SIGNS}
    results.print(", ".join(f"{count} {sign}" for sign, count in counts.items()))


async def _require_known(services: Services, located: Sequence[Located]) -> None:
    """Refuse valuation rules for an initiative or KPI that neither a file nor the store has."""
    here = {(each.kind, each.key) for each in located}
    rules = [each for each in located if each.kind == VALUATION_RULE]
    named = {(kind, str(rule.body[kind])) for rule in rules for kind in ("initiative", "kpi")}
    away = {pair for pair in named - here if not await _is_stored(services, *pair)}
    problems = [
        rule.problem((kind,), f"there is no {kind} {rule.body[kind]!r}")
        for rule in rules
        for kind in ("initiative", "kpi")
        if (kind, str(rule.body[kind])) in away
    ]
    if problems:
        raise InvalidDefinitions(problems)


async def _is_stored(services: Services, kind: str, key: str) -> bool:
    path = path_of("/v1/definitions/{}/{}", kind, key)
    return await find(services.baseline, path, answers.Stored) is not None


async def _send(
    verb: str, services: Services, located: Sequence[Located], why: Mapping[str, object]
) -> tuple[Change, ...]:
    rules = [each for each in located if each.kind == VALUATION_RULE]
    others = [each for each in located if each.kind != VALUATION_RULE]
    changes: list[Change] = []
    for client, path, part in (
        (services.baseline, f"/v1/definitions:{verb}", others),
        (services.attribution, f"/v1/valuation-rules:{verb}", rules),
    ):
        if part:
            # Prices pass no gate and have dates of their own.
            said = why if part is others else {"reason": why["reason"]}
            changes += await _post(client, path, part, said)
    return tuple(changes)


async def _post(
    client: httpx.AsyncClient, path: str, part: Sequence[Located], why: Mapping[str, object]
) -> list[Change]:
    wanted = [{"kind": each.kind, "key": each.key, "body": each.body} for each in part]
    try:
        body = {"definitions": wanted, **why}
        answer = await call(client, "POST", path, answers.Changes, json=body)
    except InvalidDefinition as error:
        raise InvalidDefinitions(
            _located_problem(part, path, message) for path, message in error.problems
        ) from error
    return [_change(each) for each in answer["changes"]]


def _located_problem(part: Sequence[Located], path: str, message: str) -> FileProblem:
    match path.split("/"):
        case ["definitions", position, "body", *inside] if position.isdigit():
            steps = tuple(int(step) if step.isdigit() else step for step in inside)
            return part[int(position)].problem(steps, message)
        case ["definitions", position, *_] if position.isdigit():
            return part[int(position)].problem((), message)
    # A change broke a definition that no file holds: name it, at the first file's start.
    return FileProblem(place=part[0].document.place(()), path=path, message=message)


def _change(document: answers.Change) -> Change:
    return Change(
        kind=document["kind"],
        key=document["key"],
        action=document["action"],
        version=document["version"],
        diff=tuple(
            Difference(path=each["path"], before=each["before"], after=each["after"])
            for each in document["diff"]
        ),
    )
