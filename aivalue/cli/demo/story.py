"""The demonstration: start everything, replay, prove, print, write the report."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from aivalue.cli.apply import apply_definitions
from aivalue.cli.console import fail, notes, results, say
from aivalue.cli.demo.case import Case
from aivalue.cli.demo.figures import Figure, figures_of, rows_of
from aivalue.cli.demo.picture import draw
from aivalue.cli.demo.prove import Clients, connected, prove, reported
from aivalue.cli.demo.replay import counted, send
from aivalue.cli.demo.table import print_case
from aivalue.cli.stopping import interrupt_on_sigterm
from aivalue.reports.cfo_table import CfoRow
from aivalue.runtime.clock import utc_now
from aivalue.runtime.embedded.process import ServerFailed, accepts_connections
from aivalue.runtime.settings import RuntimeSettings
from aivalue.runtime.stack import DEFAULT_PORTS, SERVICES, Stack, running_stack, settings_of

REASON = "demonstration: replay of history"
Bar = Callable[[int], None]


@dataclass
class Outcome:
    """What one case came to."""

    case: Case
    rows: list[CfoRow] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


def tell(
    cases: Sequence[Case],
    *,
    report: Path,
    data_dir: Path | None = None,
    picture: Path | None = None,
    keep: bool = False,
    free_ports: bool = False,
) -> None:
    """Start everything, replay and prove the cases, print and write what they came to."""
    begun = utc_now()
    interrupt_on_sigterm()
    try:
        with running_stack(
            data_dir=data_dir, ports={} if free_ports else _ports(), say=say
        ) as stack:
            outcomes = asyncio.run(stack.watched(_prove_all(cases, settings_of(stack.environment))))
            _print(results, outcomes)
            if picture is not None:
                draw(picture, partial(_print, outcomes=outcomes), title="make demo")
            _write(report, outcomes)
            say(f"report: {report}; took {(utc_now() - begun).total_seconds():.0f} s")
            if keep:
                _print_addresses(stack)
                say("running until Ctrl-C")
                with suppress(KeyboardInterrupt):
                    stack.supervise()
    except KeyboardInterrupt:
        fail("interrupted")
    except ServerFailed as error:
        fail(str(error))


async def _prove_all(cases: Sequence[Case], settings: RuntimeSettings) -> list[Outcome]:
    tenant = next(iter(settings.kafka.tenants))
    async with connected(settings) as clients:
        with _progress() as bar:
            initiatives = {
                case.name: await _fill(case, settings, tenant, clients, bar) for case in cases
            }
            n_initiatives = sum(len(each) for each in initiatives.values())
            proving = bar("freezing, estimating, pricing", n_initiatives)
            outcomes = []
            for case in cases:
                outcome = Outcome(case)
                for initiative in initiatives[case.name]:
                    await _prove(outcome, initiative, clients)
                    proving(1)
                outcomes.append(outcome)
    return outcomes


async def _fill(
    case: Case,
    settings: RuntimeSettings,
    tenant: str,
    clients: Clients,
    bar: Callable[[str, int], Bar],
) -> list[str]:
    """Apply the case's definitions and replay its events; return its initiatives."""
    applied = await apply_definitions(case.definitions, settings=settings, reason=REASON)
    sending = bar(f"{case.name}: events to Kafka", case.n_events)
    positions = await send(case.events(), settings, tenant, sending)
    counting = bar(f"{case.name}: counted, each once", sum(map(len, positions.values())))
    await counted(positions, clients.ingest, counting)
    return sorted(each.key for each in applied.changes if each.kind == "initiative")


async def _prove(outcome: Outcome, initiative: str, clients: Clients) -> None:
    case = outcome.case
    proof = await prove(initiative, clients, late_window=case.late_window, reason=REASON)
    summary = await reported(initiative, proof.run["run_id"], clients)
    outcome.rows += rows_of(case, summary)
    outcome.figures += figures_of(case, summary, proof.late)


@contextmanager
def _progress() -> Iterator[Callable[[str, int], Bar]]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<44}"),
        # 80 columns, as a pipe or a log has, hold the whole line.
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=notes) as progress:

        def add(description: str, total: int) -> Bar:
            task = progress.add_task(description, total=total)
            return lambda n: progress.advance(task, n)

        yield add


def _ports() -> dict[str, int]:
    """Take the usual ports; where one is in use, free ones for all."""
    return (
        {} if any(accepts_connections(port) for port in DEFAULT_PORTS.values()) else DEFAULT_PORTS
    )


def _print_addresses(stack: Stack) -> None:
    for service in SERVICES:
        path = "/v1/summary" if service == "reporting" else "/openapi.json"
        results.print(f"{service:<12} {httpx.URL(stack.url(service) + path)}", markup=False)
    results.print(f"metrics      {stack.url('reporting')}/metrics/business", markup=False)


def _print(console: Console, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        print_case(console, outcome.case, outcome.rows, outcome.figures)


def _write(path: Path, outcomes: Sequence[Outcome]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = [figure.model_dump(mode="json") for outcome in outcomes for figure in outcome.figures]
    document = {"generated_at": utc_now().isoformat(), "figures": figures}
    path.write_text(json.dumps(document, indent=2) + "\n")
