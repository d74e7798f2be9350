"""Whether daily statistics are those of the measurements that stand, and mending what is not.

Reading changes nothing; what an operator has mended is announced like any other change of days.
"""

from datetime import date
from typing import Annotated, Any

import structlog
from asyncpg import Connection
from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from aivalue.events.topics import CHANGES
from aivalue.runtime.auth import Operator, Reader
from aivalue.runtime.clock import utc_now
from aivalue.runtime.requests import closed
from services.ingest.attempts import attempted
from services.ingest.mending import Compared, compare, mend
from services.ingest.queries import asked, daily
from services.ingest.queries.daily import FIGURES, Place, Span
from services.ingest.routes.days import AskedDays
from services.ingest.settings import IngestSettings

router = APIRouter(prefix="/v1")
NAMED_MAX = 100
CURSOR = r"^[0-9]{1,18}/-?[0-9]{1,6}$"
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"description": "Nothing was ever measured of the KPI."}
}
logger = structlog.get_logger()


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DayFigure(_Shape):
    """A figure of a day: what is kept, and what the measurements that stand give."""

    figure: str
    kept: str | None
    derived: str | None


class DifferingDay(_Shape):
    """A day whose statistics are not those of its measurements; the figures that differ."""

    kpi: str
    unit: str
    segment: str
    arm: str
    day: date
    figures: list[DayFigure]


class DaysCompared(_Shape):
    """A page of days, compared; go on from `next_cursor` until that is null.

    Of `n_differing` days at most 100 are named. Where they were mended, `kept` is what was kept
    until then.
    """

    n_days: int
    n_differing: int
    differing: list[DifferingDay]
    next_cursor: str | None


class DaysToMend(BaseModel):
    """Which days to derive anew where they differ: [start, end), of a KPI, or all."""

    model_config = closed(example={"kpi": "downtime", "start": "2026-03-01", "end": "2026-03-02"})

    kpi: str | None = Field(default=None, min_length=1, max_length=200)
    start: date | None = None
    end: date | None = None
    cursor: str | None = Field(default=None, pattern=CURSOR)

    @model_validator(mode="after")
    def _in_order(self) -> "DaysToMend":
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"end is {self.end}, needs to be {self.start} (start) or later")
        return self


@router.get("/days/verification", responses=UNKNOWN)
async def get_days_verification(
    request: Request,
    principal: Reader,
    days: AskedDays,
    *,
    kpi: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    cursor: Annotated[str | None, Query(pattern=CURSOR)] = None,
) -> DaysCompared:
    """Compare a page of daily statistics with the measurements that stand, as of one instant."""
    span = Span(kpi=kpi, start=days.start, end=days.end)
    async with asked.snapshot_of(request.app.state.pool) as connection:
        await _require_known(connection, principal.tenant, kpi)
        page = await compare(connection, principal.tenant, span, _place(cursor))
    return _answer(page)


@router.post("/days:mend", responses=UNKNOWN)
async def mend_days(request: Request, principal: Operator, wanted: DaysToMend) -> DaysCompared:
    """Derive those days of a page anew that differ, and say which; other services are told."""
    settings: IngestSettings = request.app.state.settings
    async with request.app.state.pool.acquire() as connection:
        await _require_known(connection, principal.tenant, wanted.kpi)

    async def mend_page() -> Compared:
        async with request.app.state.pool.acquire() as connection, connection.transaction():
            return await mend(
                connection,
                principal.tenant,
                Span(kpi=wanted.kpi, start=wanted.start, end=wanted.end),
                _place(wanted.cursor),
                changes_topic=settings.kafka.internal_topic(CHANGES),
                now=utc_now(),
            )

    page = await attempted(mend_page)
    if page.differing:
        logger.warning(
            "days of statistics were wrong and are derived anew",
            tenant=principal.tenant, by=principal.subject, n_days=len(page.differing),
        )  # fmt: skip
    return _answer(page)


async def _require_known(connection: Connection, tenant: str, kpi: str | None) -> None:
    """Refuse a KPI of which there is nothing: no difference would look like no mistake."""
    if kpi is not None and not await daily.knows(connection, tenant, kpi):
        raise HTTPException(404, f"nothing was ever measured of {kpi!r}")


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    series_id, _, day = cursor.partition("/")
    return Place(series_id=int(series_id), day=int(day))


def _answer(page: Compared) -> DaysCompared:
    differing = [
        DifferingDay(
            kpi=each.kpi, unit=each.unit, segment=each.segment, arm=each.arm, day=each.day,
            figures=[
                DayFigure(figure=figure, kept=kept, derived=derived)
                for figure, kept, derived in zip(FIGURES, each.kept, each.derived, strict=True)
                if kept != derived
            ],
        )
        for each in page.differing[:NAMED_MAX]
    ]  # fmt: skip
    last = page.last
    return DaysCompared(
        n_days=page.n_days,
        n_differing=len(page.differing),
        differing=differing,
        next_cursor=None if last is None else f"{last.series_id}/{last.day}",
    )
