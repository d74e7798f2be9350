"""Ask baseline which other initiatives are on the same KPIs, and keep those that matter.

One that matters is at work on units that the initiative is read by. Any other leaves a run's
inputs, and so the run, as they were.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aivalue.effects.design import Assignment
from aivalue.effects.overlap.member import Measured
from aivalue.kpis.definition import Design
from aivalue.kpis.series import Series
from aivalue.runtime.http_client import ServiceClient
from services.attribution.asking import get
from services.attribution.catalog import designs
from services.attribution.frozen import frozen_baseline
from services.attribution.inputs import PROGRAMME_TAG, Baseline, Definitions, Neighbour
from services.attribution.members import member_of, neighbouring
from services.attribution.threads import beside_the_loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An initiative whose design names some of the same KPIs."""

    design: Design
    design_sha256: str
    kpis: tuple[str, ...]


async def candidates(
    baseline: ServiceClient, tenant: str, definitions: Definitions
) -> dict[str, Candidate]:
    """Return the other initiatives on the KPIs, by name."""
    keys = [kpi.key for kpi in definitions.kpis]
    pages = await asyncio.gather(*(designs(baseline, tenant, kpi=key) for key in keys))
    named = {name: each for page in pages for name, each in page.items()}
    named.pop(definitions.initiative.key, None)
    found = {}
    for name, each in sorted(named.items()):
        design = Design.model_validate(each["body"])
        found[name] = Candidate(
            design=design,
            design_sha256=each["sha256"],
            kpis=tuple(key for key in keys if key in design.kpis),
        )
    return found


async def neighbours(
    baseline: ServiceClient,
    tenant: str,
    definitions: Definitions,
    others: Mapping[str, Candidate],
    *,
    assignments: Mapping[str, tuple[Assignment, ...]],
    series: Mapping[str, Series],
) -> tuple[Neighbour, ...]:
    """Return the candidates at work on units that the initiative is read by."""
    if not any(assignments[name] for name in others):
        return ()
    shares, beside = await beside_the_loop(_who, definitions, others, assignments, series)
    return tuple(
        await asyncio.gather(
            *(
                _neighbour(
                    baseline,
                    tenant,
                    definitions,
                    (name, others[name]),
                    assignments=assignments[name],
                    shares=shares.get(name, frozenset()),
                )
                for name in sorted({*shares, *beside})
            )
        )
    )


def _who(
    definitions: Definitions,
    others: Mapping[str, Candidate],
    assignments: Mapping[str, tuple[Assignment, ...]],
    series: Mapping[str, Series],
) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Return on which KPIs each shares units, and who is merely at work beside."""
    own = definitions.initiative.key
    designs_of = {own: definitions.design, **{name: each.design for name, each in others.items()}}
    shares: dict[str, frozenset[str]] = {}
    beside: set[str] = set()
    for kpi in definitions.kpis:
        members = {
            name: member_of(name, design, assignments[name])
            for name, design in designs_of.items()
            if name == own or kpi.key in others[name].kpis
        }
        group, near = neighbouring(own, members, Measured.of(series[kpi.key]))
        for name in group - {own}:
            shares[name] = shares.get(name, frozenset()) | {kpi.key}
        beside |= near
    return shares, frozenset(beside)


async def _neighbour(
    client: ServiceClient,
    tenant: str,
    definitions: Definitions,
    candidate: tuple[str, Candidate],
    *,
    assignments: tuple[Assignment, ...],
    shares: frozenset[str],
) -> Neighbour:
    name, known = candidate
    initiative = await get(client, f"/v1/definitions/initiative/{name}", tenant, {})
    baselines: dict[str, Baseline | None] = {}
    for kpi in definitions.kpis:
        if kpi.key in shares:
            version = definitions.kpi_versions[kpi.key]
            baselines[kpi.key] = await frozen_baseline(
                client, tenant, name, kpi, kpi_version=version
            )
    return Neighbour(
        initiative=name,
        programme=initiative["body"].get("tags", {}).get(PROGRAMME_TAG),
        design=known.design,
        design_sha256=known.design_sha256,
        kpis=known.kpis,
        assignments=assignments,
        baselines=baselines,
    )
