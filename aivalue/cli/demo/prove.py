"""Ask the services, as finance would: freeze the baselines, attribute, read the figures."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from aivalue.errors import AivalueError

Json = Mapping[str, Any]
RUN_SECONDS = 120.0
_BUSY_SECONDS = 0.5


class NotProven(AivalueError):
    """A service refused what the proof needs; the message is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """One client a service."""

    ingest: httpx.AsyncClient
    baseline: httpx.AsyncClient
    attribution: httpx.AsyncClient
    reporting: httpx.AsyncClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the services say about one initiative, as they said it.

    Attributes
    ----------
    definitions : answer of GET /v1/initiatives/{key} of the baseline service
    baselines : KPI -> its frozen baseline; absent where control is measured in parallel
    effects : KPI -> effect over the whole window
    late : KPI -> effect over the case's late window alone; empty where it has none
    """

    definitions: Json
    baselines: Mapping[str, Json]
    run: Json
    effects: Mapping[str, Json]
    late: Mapping[str, Json]
    value: Json


async def prove(
    initiative: str, clients: Clients, *, late_window: tuple[str, str] | None, reason: str
) -> Proof:
    """Prove one initiative from the events that are in.

    Raises
    ------
    NotProven
        A service answers with a problem.
    """
    definitions = await _get(clients.baseline, f"/v1/initiatives/{initiative}")
    design = definitions["design"]["body"]
    baselines = {}
    if design.get("baseline"):
        for kpi in design["kpis"]:
            wanted = {"initiative": initiative, "kpi": kpi, **design["baseline"], "reason": reason}
            baselines[kpi] = await _post(clients.baseline, "/v1/baselines", wanted)
    run = await _run(clients.attribution, initiative)
    late: dict[str, Json] = {}
    if late_window is not None:
        start, end = late_window
        late = await _effects(clients.attribution, initiative, start=start, end=end)
    return Proof(
        definitions=definitions,
        baselines=baselines,
        run=run,
        effects=await _effects(clients.attribution, initiative),
        late=late,
        value=await _get(clients.attribution, f"/v1/initiatives/{initiative}/value"),
    )


async def summarised(
    clients: Clients, runs: Mapping[str, str], tick: Callable[[], None], *, seconds: float = 30.0
) -> Json:
    """Wait until reporting shows these runs (initiative -> run id) and return its summary."""
    summary: Json = {}
    for _ in range(int(seconds / _BUSY_SECONDS)):
        answer = await clients.reporting.get("/v1/summary")
        if answer.is_success:
            summary = answer.json()
            shown = {
                each["initiative"]: each.get("run_id")
                for portfolio in summary["portfolios"]
                for each in portfolio["initiatives"]
            }
            if all(shown.get(initiative) == run for initiative, run in runs.items()):
                return summary
        tick()
        await asyncio.sleep(_BUSY_SECONDS)
    raise NotProven(f"reporting did not show the runs {dict(runs)} within {seconds:.0f} s")


async def _effects(client: httpx.AsyncClient, initiative: str, **window: str) -> dict[str, Json]:
    answer = await _get(client, "/v1/effects", initiative=initiative, **window)
    return {each["kpi"]: each for each in answer["effects"] if each["scope"] is None}


async def _run(client: httpx.AsyncClient, initiative: str) -> Json:
    """Ask for a run; wait where the recomputation that the events set off is at it already."""
    for _ in range(int(RUN_SECONDS / _BUSY_SECONDS)):
        answer = await client.post("/v1/runs", json={"initiative": initiative})
        if answer.status_code != httpx.codes.CONFLICT or "retry-after" not in answer.headers:
            return _checked(answer)
        await asyncio.sleep(_BUSY_SECONDS)
    raise NotProven(f"another run of {initiative} did not end within {RUN_SECONDS:.0f} s")


async def _get(client: httpx.AsyncClient, path: str, **params: str) -> Json:
    return _checked(await client.get(path, params=params))


async def _post(client: httpx.AsyncClient, path: str, body: Json) -> Json:
    return _checked(await client.post(path, json=body))


def _checked(answer: httpx.Response) -> Json:
    if answer.is_success:
        read: Json = answer.json()
        return read
    request = answer.request
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError):
        detail = answer.text
    raise NotProven(f"{request.method} {request.url.path}: {answer.status_code}: {detail}")
