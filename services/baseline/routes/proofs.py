"""HTTP surface of proofs: one unit's measurements, and that they are part of what was frozen."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from aivalue.baselines.parts import leaves_of, part_of, rows_by_unit
from aivalue.kpis.merkle import proof_of
from aivalue.runtime.auth import Reader
from services.baseline.dependencies import KeyInPath, ReadConnection
from services.baseline.queries import baselines as queries
from services.baseline.routes.baselines import NOT_FOUND

router = APIRouter(prefix="/v1/baselines", tags=["baselines"])


class SiblingResponse(BaseModel):
    """A digest beside the way from the leaf to the root; on which side says `is_left`."""

    digest: str
    is_left: bool


class ProofResponse(BaseModel):
    """Measurements of one unit.

    The leaf is SHA-256 of a zero byte and `part` in canonical JSON; a node is SHA-256 of a one
    byte, the left and the right digest.
    """

    merkle_root: str
    leaf: str
    siblings: list[SiblingResponse]
    part: dict[str, Any]


@router.get("/{baseline_id}/proof", responses=NOT_FOUND)
async def read_proof(
    baseline_id: KeyInPath,
    principal: Reader,
    connection: ReadConnection,
    unit: Annotated[str, Query(min_length=1, max_length=200)],
) -> ProofResponse:
    """Show one unit's measurements, and no other's, with the proof that they were frozen."""
    found = await queries.baseline_of(connection, principal.tenant, baseline_id)
    content = await queries.content_of(connection, principal.tenant, baseline_id)
    if found is None or content is None or unit not in found[0].units:
        raise HTTPException(404, f"there is no baseline {baseline_id!r} with a unit {unit!r}")
    if found[0].merkle_root is None:
        raise HTTPException(409, "it was frozen before baselines had a Merkle root")
    columns = orjson.loads(content)["columns"]
    leaves = leaves_of(columns)
    position = list(leaves).index(unit)
    return ProofResponse.model_validate(
        {
            "merkle_root": found[0].merkle_root,
            "leaf": leaves[unit].hex(),
            "siblings": proof_of(list(leaves.values()), position),
            "part": part_of(columns, rows_by_unit(columns["unit"])[unit]),
        },
        from_attributes=True,
    )
