"""HTTP surface of targets in words: a sentence in, a target's fields or a question out."""

from datetime import date
from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from aivalue.kpis.definition import Day, Key, Kpi
from aivalue.kpis.series import plain
from aivalue.kpis.target_text import read_target, target_of
from aivalue.runtime.auth import Reader
from aivalue.runtime.clock import utc_now
from aivalue.runtime.requests import closed
from services.baseline.dependencies import ReadConnection
from services.baseline.queries import definitions as queries

router = APIRouter(prefix="/v1/targets", tags=["targets"])


class TargetTextRequest(BaseModel):
    """A sentence, the KPI it is about, the day from which its time counts (today).

    `due` completes a sentence that names no time.
    """

    model_config = closed(
        example={"text": "cut downtime by 15 % within 12 months", "kpi": "downtime"}
    )

    text: str
    kpi: Key
    start: Day | None = None
    due: Day | None = None


class TargetTextResponse(BaseModel):
    """The fields of a target, and what the sentence calls its subject."""

    subject: str
    kind: Literal["relative", "absolute", "percentage_points"]
    amount: str
    due: date


@router.post(":read", responses={422: {"description": "A question: it can be read in two ways."}})
async def read_target_text(
    request: TargetTextRequest, principal: Reader, connection: ReadConnection
) -> TargetTextResponse:
    """Read a sentence as a target; nothing is stored."""
    stored = await queries.version_of(connection, principal.tenant, "kpi", request.kpi, None)
    if stored is None:
        known = await queries.current(connection, principal.tenant, kind="kpi")
        keys = ", ".join(sorted(key for _, key in known)) or "none"
        raise HTTPException(404, f"there is no KPI {request.kpi!r}; there are: {keys}")
    read = read_target(request.text)
    target = target_of(
        read,
        key="read",
        initiative="read",
        kpi=Kpi.model_validate(stored.body),
        start=request.start or utc_now().date(),
        due=request.due,
    )
    return TargetTextResponse(
        subject=read.subject, kind=target.kind, amount=plain(target.amount), due=target.due
    )
