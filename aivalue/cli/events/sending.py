"""From prepared events to a summary on the terminal; both commands end here."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aivalue.cli.console import FAILED, INTERRUPTED, fail, notes, results
from aivalue.cli.events.checkpoint import Checkpoint
from aivalue.cli.events.delivery import Sender, Summary, deliver
from aivalue.cli.events.prepared import Prepared, UnreadableEvents
from aivalue.cli.service_calls import connected
from aivalue.errors import AivalueError
from aivalue.runtime.settings import RuntimeSettings, read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where events go, and whether an interrupted delivery is taken up again."""

    kafka: bool = False
    tenant: str = "default"
    resume: bool = True


async def send_prepared(
    prepared: Prepared,
    *,
    beside: Path,
    route: Route,
    settings: RuntimeSettings,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> Summary:
    """Send events; how far it got stands in a file beside `beside`.

    Raises
    ------
    DeliveryInterrupted, CallFailed
        The target is away or refuses.
    """
    async with _sender(route, settings, transports) as sender:
        with progress_bar() as bar:
            task = bar.add_task("sending", total=prepared.n_events)
            return await deliver(
                prepared,
                sender,
                checkpoint=Checkpoint(beside),
                resume=route.resume,
                advance=lambda count: bar.advance(task, count),
            )


def send_and_tell(prepared: Prepared, *, beside: Path, route: Route, as_json: bool) -> None:
    """Send, print the summary, and end with status 1 where an event was rejected."""
    try:
        summary = asyncio.run(
            send_prepared(
                prepared, beside=beside, route=route, settings=read_settings(RuntimeSettings)
            )
        )
    except AivalueError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted: call again to go on from there", status=INTERRUPTED)
    if as_json:
        results.print_json(data=summary.document())
    else:
        _show(summary)
    if summary.n_rejected:
        raise SystemExit(FAILED)


def refuse(error: UnreadableEvents, *, as_json: bool) -> NoReturn:
    """Print what is wrong with a file and end with status 1."""
    if as_json:
        results.print_json(
            data={
                "problems": list(error.shown),
                "n_problems": error.n_problems,
                "n_lines": error.n_lines,
            }
        )
    for problem in error.shown:
        notes.print(problem, style="red", markup=False, soft_wrap=True)
    if error.n_problems > len(error.shown):
        notes.print(f"and {error.n_problems - len(error.shown)} more", style="red")
    fail(str(error))


def _show(summary: Summary) -> None:
    counted = ", ".join(f"{count:,} {status}" for status, count in sorted(summary.counts.items()))
    results.print(f"{summary.name}: {counted or 'nothing to send'}", markup=False, soft_wrap=True)
    if summary.n_resumed:
        results.print(f"taken up after {summary.n_resumed:,} events sent before")
    if summary.n_repeated:
        results.print(f"{summary.n_repeated:,} line(s) repeat an earlier one and count once")
    for each in summary.rejections:
        notes.print(
            f"{summary.name}:{each.line}: {each.reason}: {each.detail} (id {each.id})",
            style="red",
            markup=False,
            soft_wrap=True,
        )
    if summary.n_rejected > len(summary.rejections):
        notes.print(f"and {summary.n_rejected - len(summary.rejections)} more", style="red")


@contextlib.asynccontextmanager
async def _sender(
    route: Route,
    settings: RuntimeSettings,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None,
) -> AsyncIterator[Sender]:
    if route.kafka:
        from aivalue.cli.events.kafka_sender import kafka_sender

        async with kafka_sender(settings.kafka, route.tenant) as sender:
            yield sender
    else:
        from aivalue.cli.events.http_sender import HttpSender

        async with connected(settings, transports=transports) as services:
            yield HttpSender(services.ingest)


def progress_bar() -> Progress:
    """Show progress on stderr, for people only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
        # A log or a pipe would get an empty line of it.
        disable=not notes.is_terminal,
    )
