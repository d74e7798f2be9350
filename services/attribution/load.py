"""Load what a run needs from baseline and ingest, each answer with the position it was read at.

A run should stand for one position of the log. The answers are read side by side; where events
were counted in between they are read again, a bounded number of times, and what is still mixed is
recorded as such.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import aivalue
from aivalue.effects.design import Assignment
from aivalue.errors import InvalidDefinition, NotEstimable
from aivalue.kpis.canonical import Json
from aivalue.kpis.definition import Design, Initiative, Kpi, Portfolio
from aivalue.kpis.series import Series, series_from_columns
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable
from services.attribution.asking import get
from services.attribution.frozen import frozen_baseline
from services.attribution.inputs import (
    Definitions,
    Inputs,
    PricedBy,
    Read,
    assignments_of,
    costs_digest,
    costs_of,
    interventions_digest,
)
from services.attribution.neighbours import candidates, neighbours
from services.attribution.registration import first_day_with_ai, registered
from services.attribution.threads import beside_the_loop


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
        *(
            frozen_baseline(
                peers.baseline,
                tenant,
                initiative,
                kpi,
                kpi_version=definitions.kpi_versions[kpi.key],
            )
            for kpi in definitions.kpis
        )
    )
    others = await candidates(peers.baseline, tenant, definitions)
    named = [initiative, *others]
    measured = await _measured_at_once(peers.ingest, tenant, named, keys, attempts=attempts)
    series = {kpi: measured.series[kpi] for kpi in keys}
    assignments = measured.assignments[initiative]
    costs = costs_of(measured.costs)
    path = f"/v1/definitions/design/{initiative}/history"
    history = await get(peers.baseline, path, tenant, {}, may_be_missing=True)
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
        neighbours=await neighbours(
            peers.baseline,
            tenant,
            definitions,
            others,
            assignments=measured.assignments,
            series=series,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    series: Mapping[str, Series]
    assignments: Mapping[str, tuple[Assignment, ...]]
    costs: list[Mapping[str, Any]]
    reads: tuple[Read, ...]


async def _measured_at_once(
    ingest: ServiceClient,
    tenant: str,
    initiatives: Sequence[str],
    kpis: Sequence[str],
    *,
    attempts: int,
) -> _Measured:
    measured = await _measured(ingest, tenant, initiatives, kpis)
    for _ in range(attempts - 1):
        if len({read.snapshot_id for read in measured.reads}) == 1:
            break
        measured = await _measured(ingest, tenant, initiatives, kpis)
    return measured


async def _measured(
    ingest: ServiceClient, tenant: str, initiatives: Sequence[str], kpis: Sequence[str]
) -> _Measured:
    """Read what ingest has; costs are those of the first initiative."""
    about = {"initiative": list(initiatives)}
    (rollout, of_rollout), (costs, of_costs), *found = await asyncio.gather(
        _rows(ingest, tenant, "interventions", about),
        _rows(ingest, tenant, "costs", {"initiative": initiatives[0]}),
        *(_series(ingest, tenant, kpi) for kpi in kpis),
    )
    by_initiative: dict[str, list[Mapping[str, Any]]] = {name: [] for name in initiatives}
    for row in rollout:
        by_initiative[row["initiative"]].append(row)
    return _Measured(
        series={kpi: series for kpi, (series, _) in zip(kpis, found, strict=True)},
        assignments={name: assignments_of(rows) for name, rows in by_initiative.items()},
        costs=costs,
        reads=(of_rollout, of_costs, *(read for _, read in found)),
    )


async def _series(ingest: ServiceClient, tenant: str, kpi: str) -> tuple[Series, Read]:
    answer = await get(ingest, "/v1/series", tenant, {"kpi": kpi})
    read = _read(f"series/{kpi}", answer)
    return await beside_the_loop(series_from_columns, kpi, answer["columns"]), read


async def _rows(
    ingest: ServiceClient, tenant: str, what: str, about: Mapping[str, str | list[str]]
) -> tuple[list[Mapping[str, Any]], Read]:
    answer = await get(ingest, f"/v1/{what}", tenant, about)
    return answer[what], _read(what, answer)


def _read(what: str, answer: Mapping[str, Any]) -> Read:
    snapshot = answer["snapshot"]
    return Read(what=what, snapshot_id=snapshot["id"], positions=snapshot["positions"])


async def _definitions(baseline: ServiceClient, tenant: str, initiative: str) -> Definitions:
    answer = await get(baseline, f"/v1/initiatives/{initiative}", tenant, {}, may_be_missing=True)
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


def _record(definition: Mapping[str, Any]) -> dict[str, Json]:
    return {name: definition[name] for name in ("kind", "key", "version", "sha256", "body")}


def _by_key(definitions: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(definitions, key=lambda each: str(each["key"]))
