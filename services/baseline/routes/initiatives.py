"""HTTP surface of initiatives: one answer with everything an estimate needs to know."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from aivalue.runtime.auth import Reader
from services.baseline.dependencies import KeyInPath, ReadConnection
from services.baseline.queries import definitions as queries
from services.baseline.queries import gates as gate_queries
from services.baseline.queries.chain import read_one_snapshot
from services.baseline.queries.definitions import Stored
from services.baseline.routes.definitions import (
    NOT_FOUND,
    DefinitionResponse,
    definition_response,
)

router = APIRouter(prefix="/v1/initiatives", tags=["initiatives"])


class InitiativeResponse(BaseModel):
    """An initiative with all it is defined by."""

    initiative: DefinitionResponse
    portfolio: DefinitionResponse
    processes: list[DefinitionResponse]
    kpis: list[DefinitionResponse]
    targets: list[DefinitionResponse]
    design: DefinitionResponse | None


class GateResponse(BaseModel):
    """A stage that was passed: who decided, why, and what there was to decide on."""

    version: int
    from_stage: str | None
    to_stage: str
    decided_at: datetime
    decided_by: str
    reason: str
    evidence: dict[str, Any]


class GatesResponse(BaseModel):
    """All gates, the first first."""

    gates: list[GateResponse]


@router.get("")
async def list_initiatives(
    principal: Reader, connection: ReadConnection
) -> list[DefinitionResponse]:
    """Return every initiative of the tenant, sorted by key."""
    found = await queries.current(connection, principal.tenant, kind="initiative")
    return [definition_response(each) for each in found.values()]


@router.get("/{key}", responses=NOT_FOUND)
async def read_initiative(
    key: KeyInPath, principal: Reader, connection: ReadConnection
) -> InitiativeResponse:
    """Return one initiative; its KPIs are those its design or its targets name."""
    tenant = principal.tenant
    await read_one_snapshot(connection)
    stored = await queries.named(connection, tenant, [("initiative", key), ("design", key)])
    if ("initiative", key) not in stored:
        raise HTTPException(404, f"there is no initiative {key!r}")
    initiative = stored["initiative", key]
    design = stored.get(("design", key))
    targets = await queries.targets_of(connection, tenant, key)
    names = [("kpi", each) for each in kpis_of(design, targets)]
    portfolio = ("portfolio", str(initiative.body["portfolio"]))
    found = await queries.named(connection, tenant, [portfolio, *names])
    kpis = [found[name] for name in names]
    of_kpis = sorted({("process", str(each.body["process"])) for each in kpis})
    processes = await queries.named(connection, tenant, of_kpis)
    return InitiativeResponse(
        initiative=definition_response(initiative),
        portfolio=definition_response(found[portfolio]),
        processes=[definition_response(processes[name]) for name in of_kpis],
        kpis=[definition_response(each) for each in kpis],
        targets=[definition_response(each) for each in targets],
        design=None if design is None else definition_response(design),
    )


@router.get("/{key}/gates", responses=NOT_FOUND)
async def read_gates(
    key: KeyInPath, principal: Reader, connection: ReadConnection
) -> GatesResponse:
    """Return the gates that an initiative passed, the first first, each with its evidence."""
    found = await gate_queries.of_initiative(connection, principal.tenant, key)
    if not found:
        raise HTTPException(404, f"there is no initiative {key!r}")
    return GatesResponse(
        gates=[GateResponse.model_validate(each, from_attributes=True) for each in found]
    )


def kpis_of(design: Stored | None, targets: list[Stored]) -> list[str]:
    """Return the keys of an initiative's KPIs: the design's in its order, then the targets'."""
    named = [] if design is None else design.body["kpis"]
    assert isinstance(named, list)  # noqa: S101 - the stored body was validated
    aimed_for = sorted(str(each.body["kpi"]) for each in targets)
    return list(dict.fromkeys([*map(str, named), *aimed_for]))
