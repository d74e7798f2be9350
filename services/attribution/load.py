"""Load what a run needs from baseline and ingest, each answer with the position it was read at.

A run should stand for one position of the log. The answers are read side by side; where events
were counted in between they are read again, a bounded number of times, and what is still mixed is
recorded as such.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

import httpx
import orjson

import aivalue
from aivalue.errors import InvalidDefinition, NotEstimable
from aivalue.kpis.canonical import Json
from aivalue.kpis.definition import Design, Initiative, Kpi, Portfolio
from aivalue.kpis.series import Series, series_from_columns
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable
from services.attribution.inputs import (
    Baseline,
    Definitions,
    Inputs,
    PricedBy,
    Read,
    assignments_of,
    costs_digest,
    costs_of,
    interventions_digest,
)
from services.attribution.registration import first_day_with_ai, registered
from services.attribution.threads import beside_the_loop

# What a KPI measures; a change of anything else, such as its name, leaves a baseline valid.
_MEANING = ("unit", "better_when", "aggregation", "grain", "numerator", "denominator")


class UnknownInitiative(Exception):
    """Baseline has no such initiative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The services a run reads from."""

    ingest: ServiceClient
    baseline: ServiceClient

    async def close(self) -> None:
        """Close the connections to both."""
        await self.ingest.close()
        await self.baseline.close()


async def load_inputs(
    peers: Peers,
    *,
    tenant: str,
    initiative: str,
    rules: Sequence[PricedBy],
    scopes_max: int,
    snapshot_attempts: int,
) -> Inputs:
    """Read all inputs of one initiative.

    Raises
    ------
    UnknownInitiative
        Baseline does not have it.
    NotEstimable
        It has no design, so nothing says how its effect is to be read.
    DependencyUnavailable
        Ingest or baseline does not answer, or answers what cannot be read.
    """
    try:
        return await _load(
            peers, tenant, initiative, rules, scopes_max=scopes_max, attempts=snapshot_attempts
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DependencyUnavailable(
            f"an answer about {initiative} cannot be read: {type(error).__name__}: {error}"
        ) from error


async def _load(
    peers: Peers,
    tenant: str,
    initiative: str,
    rules: Sequence[PricedBy],
    *,
    scopes_max: int,
    attempts: int,
) -> Inputs:
    definitions = await _definitions(peers.baseline, tenant, initiative)
    keys = [kpi.key for kpi in definitions.kpis]
    frozen = await asyncio.gather(
        *(_baseline(peers.baseline, tenant, definitions, kpi) for kpi in definitions.kpis)
    )
    measured = await _measured(peers.ingest, tenant, initiative, keys)
    for _ in range(attempts - 1):
        if len({read.snapshot_id for read in measured.reads}) == 1:
            break
        measured = await _measured(peers.ingest, tenant, initiative, keys)
    series = {kpi: measured.series[kpi] for kpi in keys}
    assignments = assignments_of(measured.interventions)
    costs = costs_of(measured.costs)
    path = f"/v1/definitions/design/{initiative}/history"
    history = await _get(peers.baseline, path, tenant, {}, may_be_missing=True)
    versions = [] if history is None else history["versions"]
    return Inputs(
        definitions=definitions,
        rules=tuple(rules),
        baselines=dict(zip(keys, frozen, strict=True)),
        series=series,
        # A digest over a million rows takes seconds, in which the server must stay live.
        series_sha256={kpi: await beside_the_loop(series[kpi].sha256) for kpi in keys},
        assignments=assignments,
        interventions_sha256=interventions_digest(assignments),
        costs=costs,
        costs_sha256=costs_digest(costs),
        scopes_max=scopes_max,
        code_version=aivalue.__version__,
        libraries={name: version(name) for name in ("numpy", "scipy")},
        reads=measured.reads,
        registration=registered(versions, first_day_with_ai(assignments)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    series: Mapping[str, Series]
    interventions: list[Mapping[str, Any]]
    costs: list[Mapping[str, Any]]
    reads: tuple[Read, ...]


async def _measured(
    ingest: ServiceClient, tenant: str, initiative: str, kpis: Sequence[str]
) -> _Measured:
    about = {"initiative": initiative}
    (interventions, of_rollout), (costs, of_costs), *found = await asyncio.gather(
        _rows(ingest, tenant, "interventions", about),
        _rows(ingest, tenant, "costs", about),
        *(_series(ingest, tenant, kpi) for kpi in kpis),
    )
    return _Measured(
        series={kpi: series for kpi, (series, _) in zip(kpis, found, strict=True)},
        interventions=interventions,
        costs=costs,
        reads=(of_rollout, of_costs, *(read for _, read in found)),
    )


async def _series(ingest: ServiceClient, tenant: str, kpi: str) -> tuple[Series, Read]:
    answer = await _get(ingest, "/v1/series", tenant, {"kpi": kpi})
    read = _read(f"series/{kpi}", answer)
    return await beside_the_loop(series_from_columns, kpi, answer["columns"]), read


async def _rows(
    ingest: ServiceClient, tenant: str, what: str, about: Mapping[str, str]
) -> tuple[list[Mapping[str, Any]], Read]:
    answer = await _get(ingest, f"/v1/{what}", tenant, about)
    return answer[what], _read(what, answer)


def _read(what: str, answer: Mapping[str, Any]) -> Read:
    snapshot = answer["snapshot"]
    return Read(what=what, snapshot_id=snapshot["id"], positions=snapshot["positions"])


async def _definitions(baseline: ServiceClient, tenant: str, initiative: str) -> Definitions:
    answer = await _get(baseline, f"/v1/initiatives/{initiative}", tenant, {}, may_be_missing=True)
    if answer is None:
        raise UnknownInitiative(f"there is no initiative {initiative}")
    if answer["design"] is None:
        raise NotEstimable(f"initiative {initiative} has no design, which says how to estimate")
    design = Design.model_validate(answer["design"]["body"])
    known = {each["key"]: each for each in answer["kpis"]}
    missing = [key for key in design.kpis if key not in known]
    if missing:
        raise InvalidDefinition(f"the design of {initiative} names unknown KPIs: {missing}")
    return Definitions(
        initiative=Initiative.model_validate(answer["initiative"]["body"]),
        portfolio=Portfolio.model_validate(answer["portfolio"]["body"]),
        design=design,
        kpis=tuple(Kpi.model_validate(known[key]["body"]) for key in design.kpis),
        kpi_versions={key: known[key]["version"] for key in design.kpis},
        documents={
            "initiative": _record(answer["initiative"]),
            "portfolio": _record(answer["portfolio"]),
            "processes": [_record(each) for each in _by_key(answer["processes"])],
            "kpis": [_record(each) for each in _by_key(answer["kpis"])],
            "targets": [_record(each) for each in _by_key(answer["targets"])],
            "design": _record(answer["design"]),
        },
    )


async def _baseline(
    client: ServiceClient, tenant: str, definitions: Definitions, kpi: Kpi
) -> Baseline | None:
    """Read the newest frozen baseline with its measurements, and check that they are what froze."""
    about = {"initiative": definitions.initiative.key, "kpi": kpi.key}
    answer = await _get(client, "/v1/baselines", tenant, about)
    frozen = next((each for each in answer["baselines"] if each["status"] == "frozen"), None)
    if frozen is None:
        return None
    series, problem = None, None
    if frozen["kpi_version"] != definitions.kpi_versions[kpi.key]:
        problem = await _changed_meaning(client, tenant, kpi, frozen["kpi_version"])
    if problem is None:
        content = await _bytes(client, f"/v1/baselines/{frozen['baseline_id']}/content", tenant)
        digest = hashlib.sha256(content).hexdigest()
        if digest == frozen["sha256"]:
            series = series_from_columns(kpi.key, orjson.loads(content)["columns"])
        else:
            problem = f"baseline {frozen['baseline_id']} has digest {digest}, was frozen with"
            problem += f" {frozen['sha256']}"
    return Baseline(
        baseline_id=frozen["baseline_id"],
        version=frozen["version"],
        kpi_version=frozen["kpi_version"],
        sha256=frozen["sha256"],
        start=date.fromisoformat(frozen["start"]),
        end=date.fromisoformat(frozen["end"]),
        reconstructed=frozen["reconstructed"],
        series=series,
        problem=problem,
    )


async def _changed_meaning(
    client: ServiceClient, tenant: str, kpi: Kpi, version: int
) -> str | None:
    """Say which part of the KPI's meaning changed since the baseline froze; None if none did."""
    path = f"/v1/definitions/kpi/{kpi.key}"
    before = Kpi.model_validate((await _get(client, path, tenant, {"version": version}))["body"])
    changed = [name for name in _MEANING if getattr(before, name) != getattr(kpi, name)]
    if not changed:
        return None
    return (
        f"the baseline was frozen under version {version} of {kpi.key}, which has since changed "
        f"in {', '.join(changed)}: freeze it again"
    )


async def _get(
    client: ServiceClient,
    path: str,
    tenant: str,
    params: Mapping[str, str | int],
    *,
    may_be_missing: bool = False,
) -> Any:  # noqa: ANN401 - another service's JSON
    response = await client.get(path, tenant=tenant, params=params)
    if may_be_missing and response.status_code == httpx.codes.NOT_FOUND:
        return None
    return orjson.loads(_usable(response).content)


async def _bytes(client: ServiceClient, path: str, tenant: str) -> bytes:
    return _usable(await client.get(path, tenant=tenant)).content


def _usable(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        raise DependencyUnavailable(
            f"{response.request.url.path} answered {response.status_code}, needs 200"
        )
    return response


def _record(definition: Mapping[str, Any]) -> dict[str, Json]:
    return {name: definition[name] for name in ("kind", "key", "version", "sha256", "body")}


def _by_key(definitions: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(definitions, key=lambda each: str(each["key"]))
