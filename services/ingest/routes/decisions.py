"""The log of a model's decisions, with propensities and outcomes."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from aivalue.runtime.auth import Reader
from services.ingest.queries import asked, partitions
from services.ingest.queries.decision_log import decision_columns
from services.ingest.routes.days import AskedDays
from services.ingest.routes.events import Snapshot
from services.ingest.snapshot import snapshot

router = APIRouter(prefix="/v1")
DECISIONS_MAX = 1_000_000
Name = Annotated[str, Query(min_length=1, max_length=200)]


class DecisionsAnswer(BaseModel):
    """Decisions whose outcome is known, column by column; numbers are decimals in text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    kpi: str
    snapshot: Snapshot
    n_rows: int
    columns: dict[str, list[str | None]]


@router.get(
    "/decisions",
    response_model=DecisionsAnswer,
    responses={413: {"description": f"More than {DECISIONS_MAX:,} decisions: narrow the days."}},
)
async def get_decisions(
    request: Request,
    principal: Reader,
    days: AskedDays,
    model: Name,
    kpi: Name,
    version: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
) -> Response:
    """Return a model's decisions with score, action, propensity and outcome; `end` is excluded."""
    async with asked.snapshot_of(request.app.state.pool) as connection:
        columns = await decision_columns(
            connection,
            principal.tenant,
            model=model,
            kpi=kpi,
            version=version,
            start=days.start,
            end=days.end,
            limit=DECISIONS_MAX + 1,
        )
        positions = await partitions.positions(connection, principal.tenant)
    n_rows = len(columns["decision"])
    if n_rows > DECISIONS_MAX:
        raise HTTPException(413, f"more than {DECISIONS_MAX:,} decisions: narrow the days")
    answer = {
        "model": model,
        "kpi": kpi,
        "snapshot": snapshot(positions),
        "n_rows": n_rows,
        "columns": columns,
    }
    return Response(msgspec.json.encode(answer), media_type="application/json")
