"""Gate decisions: what an initiative rested on when it passed into a stage, as it was then."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.applying import Author
from aivalue.kpis.canonical import Json
from aivalue.kpis.definition import Definition, Design, Initiative, Kpi, Target
from aivalue.kpis.series import plain
from services.baseline.planning import Decision
from services.baseline.queries import baselines as baseline_queries
from services.baseline.queries.definitions import Stored
from services.baseline.queries.gates import Gate

BASELINES_MAX = 100
Definitions = Mapping[tuple[str, str], Definition]


async def passed(
    connection: AsyncConnection,
    author: Author,
    decision: Decision,
    *,
    stored: Mapping[tuple[str, str], Stored],
    references: Mapping[str, str],
) -> list[Gate]:
    """Record the gates that a change of definitions passes.

    Parameters
    ----------
    stored :
        Every definition once the change is stored.
    references :
        What the decider refers to besides, by name: a run, minutes.
    """
    gates = []
    for change in decision.changes:
        initiative = decision.after[change.kind, change.key]
        if change.action == "none" or not isinstance(initiative, Initiative):
            continue
        earlier = decision.before.get((change.kind, change.key))
        from_stage = earlier.stage if isinstance(earlier, Initiative) else None
        if from_stage == initiative.stage:
            continue
        baselines = await baseline_queries.listed(
            connection, author.tenant, initiative=change.key, kpi=None, limit=BASELINES_MAX
        )
        evidence: dict[str, Json] = {
            "definitions": [
                _named(stored[each]) for each in _concerned(initiative, decision.after)
            ],
            "baselines": [_baseline(each) for each, superseded in baselines if not superseded],
            "references": dict(references),
        }
        gates.append(
            Gate(
                initiative=change.key,
                version=change.version,
                from_stage=from_stage,
                to_stage=initiative.stage,
                decided_at=author.now,
                decided_by=author.subject,
                reason=author.reason,
                evidence=evidence,
            )
        )
    return gates


def _concerned(initiative: Initiative, definitions: Definitions) -> list[tuple[str, str]]:
    key = initiative.key
    targets = {
        of: each
        for of, each in definitions.items()
        if isinstance(each, Target) and each.initiative == key
    }
    design = definitions.get(("design", key))
    kpis = {each.kpi for each in targets.values()}
    kpis |= set(design.kpis) if isinstance(design, Design) else set()
    processes = {each.process for name in kpis if isinstance(each := definitions["kpi", name], Kpi)}
    concerned = {("initiative", key), ("portfolio", initiative.portfolio), *targets}
    concerned |= {("kpi", name) for name in kpis} | {("process", name) for name in processes}
    concerned |= set() if design is None else {("design", key)}
    return sorted(concerned)


def _named(stored: Stored) -> dict[str, Json]:
    return {
        "kind": stored.kind,
        "key": stored.key,
        "version": stored.version,
        "sha256": stored.sha256,
    }


def _baseline(stored: baseline_queries.StoredBaseline) -> dict[str, Json]:
    return {
        "baseline_id": stored.baseline_id,
        "kpi": stored.kpi,
        "version": stored.version,
        "sha256": stored.sha256,
        "level": plain(stored.level),
        "coverage": stored.coverage["ratio"],
        "reconstructed": stored.reconstructed,
    }
