"""Read baseline and attribution over HTTP into one snapshot, complete or not at all.

The services change while they are read. So what they are at (definitions and runs) is read before
and after: where that is the same and every figure names that run, all figures held together at one
instant. Otherwise the reading is repeated; a mixture is never shown.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
from pydantic import ValidationError

from aivalue.kpis.definition import Initiative, Kpi, Portfolio, Target
from aivalue.reports.evidence import Evidence
from aivalue.reports.target_progress import months_judged
from aivalue.runtime.clock import utc_now
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable
from services.reporting.settings import ReportingGroup
from services.reporting.snapshot import Estimate, Figures, FrozenBaseline, Reading, Snapshot

LIST = "/v1/initiatives"
PAGE = 500
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The two services whose figures are shown."""

    baseline: ServiceClient
    attribution: ServiceClient
    settings: ReportingGroup

    async def close(self) -> None:
        """Close the connections."""
        await self.baseline.close()
        await self.attribution.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """What the services are at: definitions by key, newest runs by initiative."""

    definitions: Mapping[str, str]
    runs: Mapping[str, Json]

    def agrees_with(self, other: "_Position") -> bool:
        return self.definitions == other.definitions and self.run_ids() == other.run_ids()

    def run_ids(self) -> dict[str, str]:
        return {key: run["run_id"] for key, run in self.runs.items()}


async def read_snapshot(sources: Sources, tenant: str) -> Snapshot:
    """Read everything about a tenant.

    Raises
    ------
    DependencyUnavailable
        A service does not answer, answers what we cannot read, or figures changed during every
        attempt.
    """
    try:
        return await _read_at_once(sources, tenant)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DependencyUnavailable(
            f"an answer of baseline or attribution cannot be read: {type(error).__name__}: {error}"
        ) from error


async def _read_at_once(sources: Sources, tenant: str) -> Snapshot:
    begun = time.monotonic()
    for _ in range(sources.settings.attempts):
        taken_at = utc_now()
        before = await _position(sources, tenant)
        try:
            portfolios, readings = await _read_all(sources, tenant, before, taken_at.date())
        except _Moved:
            continue
        if before.agrees_with(await _position(sources, tenant)):
            return Snapshot(
                tenant=tenant,
                taken_at=taken_at,
                took_seconds=time.monotonic() - begun,
                figures=Figures(portfolios=portfolios, initiatives=readings),
            )
    raise DependencyUnavailable(
        f"figures changed while they were read, {sources.settings.attempts} times"
    )


class _Moved(Exception):
    """What was listed is not there any more, or is of another run."""


async def _position(sources: Sources, tenant: str) -> _Position:
    listed = await _json(sources.baseline, LIST, tenant)
    runs: dict[str, Json] = {}
    async for page in _pages(sources.attribution, LIST, tenant, {"limit": str(PAGE)}):
        runs |= {each["initiative"]: each for each in page["initiatives"]}
    return _Position(definitions={each["key"]: each["sha256"] for each in listed}, runs=runs)


async def _read_all(
    sources: Sources, tenant: str, position: _Position, as_of: date
) -> tuple[tuple[Portfolio, ...], tuple[Reading, ...]]:
    gate = asyncio.Semaphore(sources.settings.requests_at_a_time)

    async def one(key: str) -> tuple[Portfolio, Reading]:
        async with gate:
            return await _read_initiative(sources, tenant, key, position.runs.get(key), as_of)

    tasks = [asyncio.ensure_future(one(key)) for key in sorted(position.definitions)]
    try:
        pairs = await asyncio.gather(*tasks)
    except ValidationError as error:
        raise DependencyUnavailable(
            f"an answer about {error.title} cannot be read: {error.errors()[0]['msg']}"
        ) from error
    finally:
        for task in tasks:
            task.cancel()
    portfolios = {portfolio.key: portfolio for portfolio, _ in pairs}
    return tuple(portfolios[key] for key in sorted(portfolios)), tuple(each for _, each in pairs)


async def _read_initiative(
    sources: Sources, tenant: str, key: str, run: Json | None, as_of: date
) -> tuple[Portfolio, Reading]:
    defined = await _json(sources.baseline, f"/v1/initiatives/{key}", tenant)
    frozen = await _baselines(sources.baseline, tenant, key)
    targets = tuple(Target.model_validate(each["body"]) for each in defined["targets"])
    reading = Reading(
        initiative=Initiative.model_validate(defined["initiative"]["body"]),
        kpis=tuple(Kpi.model_validate(each["body"]) for each in defined["kpis"]),
        targets=targets,
        baselines=tuple(FrozenBaseline.model_validate(each) for each in frozen),
        estimate=None
        if run is None
        else await _read_estimate(sources.attribution, tenant, run, targets, as_of),
    )
    return Portfolio.model_validate(defined["portfolio"]["body"]), reading


async def _baselines(baseline: ServiceClient, tenant: str, initiative: str) -> list[Json]:
    found: list[Json] = []
    async for page in _pages(baseline, "/v1/baselines", tenant, {"initiative": initiative}):
        found += page["baselines"]
    return found


async def _read_estimate(
    attribution: ServiceClient, tenant: str, run: Json, targets: tuple[Target, ...], as_of: date
) -> Estimate:
    key = run["initiative"]
    effects = await _effects(attribution, tenant, run)
    priced = await _json(attribution, f"/v1/initiatives/{key}/value", tenant)
    _require_run(priced, run)
    judged: dict[str, Evidence] = {}
    estimated = {each.kpi for each in effects if each.scope is None and each.average is not None}
    for target in targets:
        if target.kpi in estimated:
            start, end = months_judged(target, as_of=as_of)
            window = {"start": start.isoformat(), "end": end.isoformat(), "scope": ""}
            found = await _effects(attribution, tenant, run, window | {"kpi": target.kpi})
            # Without a month in the window the effect over all months is the one to judge by.
            if found and found[0].average is not None:
                judged[target.key] = found[0]
    return Estimate.model_validate(
        {
            "run_id": run["run_id"],
            "recorded_at": run["recorded_at"],
            "effects": effects,
            "judged": judged,
            "value": priced["value"],
            "value_reason": None if priced["value"] else priced["reason"] or "nothing is priced",
            "cost": priced["cost"],
            "pending": run.get("last_error") or run.get("stale_reason"),
        }
    )


async def _effects(
    attribution: ServiceClient, tenant: str, run: Json, window: Mapping[str, str] | None = None
) -> list[Evidence]:
    params = {"initiative": run["initiative"]} | dict(window or {})
    answer = await _json(attribution, "/v1/effects", tenant, params)
    _require_run(answer, run)
    return [Evidence.model_validate(each) for each in answer["effects"]]


def _require_run(answer: Json, run: Json) -> None:
    if answer["run_id"] != run["run_id"]:
        raise _Moved


async def _pages(
    peer: ServiceClient, path: str, tenant: str, params: Mapping[str, str]
) -> AsyncIterator[Json]:
    """Yield a list page by page, for as long as an answer names a next one."""
    asked = dict(params)
    while True:
        page = await _json(peer, path, tenant, asked)
        yield page
        # A baseline service of the release before had no pages.
        cursor = page.get("next_cursor")
        if cursor is None:
            return
        asked["cursor"] = cursor


async def _json(
    peer: ServiceClient, path: str, tenant: str, params: Mapping[str, str] | None = None
) -> Any:  # noqa: ANN401 - what a service answers is read by the models that take it
    response = await peer.get(path, tenant=tenant, params=params)
    if response.status_code == httpx.codes.NOT_FOUND and path != LIST:
        # It was listed a moment ago, so it has just gone.
        raise _Moved
    if response.is_error:
        raise DependencyUnavailable(f"{response.status_code} in answer to {path}")
    return peer.json_of(response)
