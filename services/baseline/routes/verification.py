"""HTTP surface of verification: re-derive every stored baseline and definition from its bytes."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.baselines.verify import Recorded, faults_of
from aivalue.kpis.canonical import sha256_of
from aivalue.kpis.definition import Kpi
from aivalue.runtime.auth import Reader
from services.baseline.dependencies import ReadConnection
from services.baseline.queries import baselines as queries
from services.baseline.queries import definitions as definition_queries
from services.baseline.queries.baselines import StoredBaseline

router = APIRouter(prefix="/v1", tags=["verification"])
BASELINES_MAX = 10_000


class FaultResponse(BaseModel):
    """One row that is not what was stored; `row` names it."""

    row: str
    fault: str


class VerificationResponse(BaseModel):
    """How much was checked and what is wrong; no fault means that nothing was edited."""

    n_baselines: int
    n_definitions: int
    faults: list[FaultResponse]


@router.get("/verification")
async def verify(principal: Reader, connection: ReadConnection) -> VerificationResponse:
    """Re-derive digests and figures of everything the tenant has; reads all of it."""
    faults: list[FaultResponse] = []
    definitions = await definition_queries.every_version(connection, principal.tenant)
    for each in definitions:
        if sha256_of(each.body) != each.sha256:
            row = f"{each.kind} {each.key} v{each.version}"
            faults.append(FaultResponse(row=row, fault="the body does not hash to its digest"))
    stored = await queries.listed(
        connection, principal.tenant, initiative=None, kpi=None, limit=BASELINES_MAX
    )
    for baseline, _ in stored:
        found = await _faults(connection, principal.tenant, baseline)
        row = f"baseline {baseline.baseline_id}"
        faults += [FaultResponse(row=row, fault=fault) for fault in found]
    return VerificationResponse(
        n_baselines=len(stored), n_definitions=len(definitions), faults=faults
    )


async def _faults(connection: AsyncConnection, tenant: str, baseline: StoredBaseline) -> list[str]:
    content = await queries.content_of(connection, tenant, baseline.baseline_id)
    if content is None:
        return ["its content is gone"]
    kpi = await definition_queries.version_of(
        connection, tenant, "kpi", baseline.kpi, baseline.kpi_version
    )
    if kpi is None:
        return [f"its KPI {baseline.kpi} v{baseline.kpi_version} is gone"]
    recorded = Recorded(
        initiative=baseline.initiative,
        kpi=Kpi.model_validate(kpi.body),
        kpi_version=baseline.kpi_version,
        kpi_sha256=kpi.sha256,
        start=baseline.start_day,
        end=baseline.end_day,
        units=tuple(baseline.units),
        exclusions=tuple(each for each in baseline.exclusions if isinstance(each, dict)),
        sha256=baseline.sha256,
        level=baseline.level,
        levels=baseline.levels,
        n=baseline.n,
        observed_unit_days=int(str(baseline.coverage["observed_unit_days"])),
        expected_unit_days=int(str(baseline.coverage["expected_unit_days"])),
    )
    # Hashing years of a thousand units takes longer than a transaction may sit idle.
    await connection.rollback()
    return await asyncio.to_thread(faults_of, content, recorded)
