"""HTTP surface of verification: everything stored, against its seals and its own bytes."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from aivalue.runtime.auth import Reader
from services.baseline.dependencies import Engine
from services.baseline.verifying import verify

router = APIRouter(prefix="/v1", tags=["verification"])


class FaultResponse(BaseModel):
    """One row that is not what was stored; `row` names it."""

    row: str
    fault: str


class ChainHeadResponse(BaseModel):
    """The newest entry of the hash chain; its hash stands for all before it."""

    position: int
    hash: str
    recorded_at: datetime


class VerificationResponse(BaseModel):
    """How much was checked and what is wrong; no fault means that nothing was edited."""

    n_baselines: int
    n_definitions: int
    n_reviews: int
    n_gates: int
    head: ChainHeadResponse | None
    faults: list[FaultResponse]


@router.get("/verification")
async def read_verification(
    principal: Reader,
    engine: Engine,
    known_hash: Annotated[
        str | None,
        Query(
            pattern="^[0-9a-f]{64}$",
            description="A hash of the chain that you kept; it must still stand there.",
        ),
    ] = None,
) -> VerificationResponse:
    """Re-derive seals, digests and figures of everything the tenant has; reads all of it."""
    found = await verify(engine, principal.tenant, known_hash=known_hash)
    return VerificationResponse.model_validate(found, from_attributes=True)
