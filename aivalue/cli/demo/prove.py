"""Ask the services, as finance would: freeze the baselines, attribute, read the figures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from aivalue.errors import AivalueError
from aivalue.reports.summary import InitiativeSummary
from aivalue.runtime.settings import RuntimeSettings

Json = Mapping[str, Any]
RUN_SECONDS = 120.0
REPORT_SECONDS = 60.0
_BUSY_SECONDS = 0.25


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


@contextlib.asynccontextmanager
async def connected(settings: RuntimeSettings) -> AsyncIterator[Clients]:
    """Open clients for the addresses and the token of the settings."""
    token = settings.auth.service_token
    headers = {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}
    async with contextlib.AsyncExitStack() as opened:
        clients = {}
        for service in ("ingest", "baseline", "attribution", "reporting"):
            client = httpx.AsyncClient(
                base_url=getattr(settings.services, service),
                headers=headers,
                timeout=RUN_SECONDS,
                trust_env=False,
            )
            clients[service] = await opened.enter_async_context(client)
        yield Clients(**clients)


async def prove(
    initiative: str,
    clients: Clients,
    *,
    late_window: tuple[str, str] | None = None,
    reason: str,
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


async def reported(initiative: str, run_id: str, clients: Clients) -> InitiativeSummary:
    """Wait until reporting shows a run, and return its summary.

    Raises
    ------
    NotProven
        It does not within a minute; the message says what it shows instead.
    """
    seen = "no snapshot yet"
    for _ in range(int(REPORT_SECONDS / _BUSY_SECONDS)):
        answer = await clients.reporting.get(f"/v1/initiatives/{initiative}/summary")
        if answer.is_success:
            summary = InitiativeSummary.model_validate(answer.json()["initiative"])
            if summary.run_id == run_id:
                return summary
            seen = f"run {summary.run_id}"
        await asyncio.sleep(_BUSY_SECONDS)
    raise NotProven(f"reporting shows {seen} of {initiative}, needs run {run_id}")


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
