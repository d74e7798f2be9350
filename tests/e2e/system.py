"""The whole system as its users see it: events in over Kafka, questions over HTTP."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import httpx

from aivalue.cli.demo.case import Addressed
from aivalue.cli.demo.prove import Proof, connected, prove
from aivalue.cli.demo.replay import Positions, counted, send
from aivalue.runtime.stack import Stack, settings_of
from tests.e2e.programme import INITIATIVE, Expected

TENANT = "default"


def send_all(stack: Stack, events: Iterator[Addressed]) -> Positions:
    """Put the events on Kafka."""
    settings = settings_of(stack.environment)
    return asyncio.run(send(events, settings, TENANT, lambda _: None))


def wait_counted(stack: Stack, positions: Positions) -> None:
    """Wait until ingest says that it has them all."""

    async def wait() -> None:
        async with httpx.AsyncClient(base_url=stack.url("ingest"), trust_env=False) as client:
            await counted(positions, client, lambda _: None)

    asyncio.run(wait())


def get(stack: Stack, service: str, path: str, **params: str) -> Any:  # JSON of any shape
    """Ask a service."""
    answer = httpx.get(stack.url(service) + path, params=params, timeout=60, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def series(stack: Stack, kpi: str) -> dict[str, list[Any]]:
    """Read a KPI's series."""
    columns: dict[str, list[Any]] = get(stack, "ingest", "/v1/series", kpi=kpi)["columns"]
    return columns


def sums(columns: dict[str, list[Any]]) -> Expected:
    """Add a series up."""
    return Expected(
        n=sum(columns["n"]),
        total=_sum(columns["sum"]),
        squares=_sum(columns["sum_squares"]),
    )


def proof(stack: Stack) -> Proof:
    """Freeze, run, and read the figures of the small programme."""

    async def ask() -> Proof:
        async with connected(settings_of(stack.environment)) as clients:
            return await prove(INITIATIVE, clients, reason="test")

    return asyncio.run(ask())


def eventually(question: Any, *, seconds: float = 60.0) -> None:  # a callable that asserts
    """Repeat an assertion until it holds; its last failure is raised."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            question()
        except (AssertionError, httpx.HTTPError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.25)
        else:
            return


def _sum(cells: Sequence[str]) -> Decimal:
    return sum((Decimal(cell) for cell in cells), Decimal(0))
