"""The HTTP API of the ingest service."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from aivalue.errors import InvalidEvent
from aivalue.events.http_binding import UnsupportedContent, split_request
from aivalue.runtime.auth import Reader, Writer
from services.ingest.http_ingestion import Busy, HttpIngestion
from services.ingest.queries import asked, partitions
from services.ingest.routes.days import AskedDays
from services.ingest.settings import IngestSettings
from services.ingest.snapshot import snapshot

router = APIRouter(prefix="/v1")
RETRY_AFTER_SECONDS = 1
Initiative = Annotated[str | None, Query(min_length=1, max_length=200)]
Initiatives = Annotated[
    list[str] | None, Query(max_length=5_000, description="Several may be named; none is all.")
]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ItemResult(_Shape):
    """What became of one event; it is late where it came more than a day after its time."""

    index: int
    id: str | None
    status: Literal["accepted", "duplicate", "rejected"]
    late: bool | None = None
    reason: str | None = None
    detail: str | None = None


class EventsStored(_Shape):
    """What became of every event of a request, in its order."""

    results: list[ItemResult]


class LogPosition(_Shape):
    """The offset that comes next in a partition of a log."""

    topic: str
    incarnation: int
    partition: int
    next_offset: int


class Snapshot(_Shape):
    """The vector of log positions that an answer was computed from; equal ids, equal data.

    Unless days that were wrong were mended in between.
    """

    id: str
    positions: list[LogPosition]


class SeriesAnswer(_Shape):
    """Daily statistics of a KPI, column by column."""

    kpi: str
    snapshot: Snapshot
    n_rows: int
    columns: dict[str, list[str | int | None]]


class Intervention(_Shape):
    """A unit and the arm it is in."""

    initiative: str
    unit: str
    arm: str
    start: datetime
    end: datetime | None
    assignment: str
    randomized_by: str | None


class Interventions(_Shape):
    """Interventions that hold."""

    snapshot: Snapshot
    interventions: list[Intervention]


class Cost(_Shape):
    """One line of AI cost."""

    initiative: str
    billed_cost: str
    billing_currency: str
    charge_period_start: datetime
    charge_period_end: datetime
    charge_category: str
    service_category: str
    treatment: str
    status: str
    category: str
    effective_cost: str | None
    description: str
    invoice_id: str
    tags: dict[str, str]
    source: str
    id: str


class Costs(_Shape):
    """Cost lines whose charge period starts in the window."""

    snapshot: Snapshot
    costs: list[Cost]


class PartitionState(LogPosition):
    """Who reads a partition, and whether it may be read."""

    kind: str
    closed: bool
    epoch: int
    owner: str | None
    claimed_at: datetime | None
    renewed_at: datetime | None
    state: str
    halt_reason: str | None


_MEASURED = {
    "specversion": "1.0",
    "id": "line-7/2023-03-01",
    "source": "urn:mes",
    "time": "2023-03-01T18:00:00Z",
    "type": "aivalue.measurement.recorded.v1",
    "data": {"kpi": "downtime", "unit": "L07", "numerator": "42.5", "denominator": "20"},
}


@router.post(
    "/events",
    response_model=EventsStored,
    responses={
        207: {"model": EventsStored, "description": "Some events were rejected."},
        400: {"description": "The body holds nothing that can be told apart."},
        413: {"description": "Too many events or bytes."},
        415: {"description": "No content mode of CloudEvents over HTTP, or a compressed body."},
        429: {"description": "Too many requests at once; Retry-After says when to come again."},
        503: {
            "description": "PostgreSQL is away, or refuses most of the events (`reason` is "
            "`mass_refusal`); nothing is known to be stored."
        },
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/cloudevents+json": {
                    "schema": {"type": "object", "examples": [_MEASURED]}
                },
                "application/cloudevents-batch+json": {
                    "schema": {
                        "type": "array",
                        "items": {"type": "object"},
                        "examples": [[_MEASURED]],
                    }
                },
                "application/json": {"schema": {"type": "object"}},
            },
        }
    },
)
async def post_events(request: Request, principal: Writer) -> Response:
    """Store CloudEvents and answer after commit; binary, structured and batched mode."""
    settings: IngestSettings = request.app.state.settings
    ingestion: HttpIngestion = request.app.state.http_ingestion
    try:
        ingestion.require_room()
        body = await _bounded_body(request, settings.ingest.http_bytes_max)
        parts = split_request(request.headers.items(), body)
    except Busy as error:
        raise _busy() from error
    except UnsupportedContent as error:
        raise HTTPException(415, str(error)) from error
    except InvalidEvent as error:
        raise HTTPException(400, str(error)) from error
    if len(parts) > settings.ingest.http_events_max:
        raise HTTPException(
            413, f"{len(parts)} events, at most {settings.ingest.http_events_max} are taken"
        )
    try:
        results = await ingestion.ingest(principal.tenant, parts) if parts else []
    except Busy as error:
        raise _busy() from error
    some_rejected = any(result.status == "rejected" for result in results)
    return Response(
        # A thousand at a time, as they are: the model documents them.
        msgspec.json.encode({"results": results}),
        status_code=207 if some_rejected else 200,
        media_type="application/json",
    )


@router.get("/series", response_model=SeriesAnswer)
async def get_series(
    request: Request,
    principal: Reader,
    days: AskedDays,
    kpi: Annotated[str, Query(min_length=1, max_length=200)],
    unit: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """Return a KPI's daily statistics, sorted by unit, segment, arm and day; `end` is excluded."""
    async with asked.snapshot_of(request.app.state.pool) as connection:
        columns = await asked.series_columns(
            connection, principal.tenant, kpi, units=unit, start=days.start, end=days.end
        )
        positions = await partitions.positions(connection, principal.tenant)
    answer = {
        "kpi": kpi,
        "snapshot": snapshot(positions),
        "n_rows": len(columns["unit"]),
        "columns": columns,
    }
    # Columns of a million cells: written as they are, past the model that documents them.
    return Response(msgspec.json.encode(answer), media_type="application/json")


@router.get("/interventions")
async def get_interventions(
    request: Request, principal: Reader, initiative: Initiatives = None
) -> Interventions:
    """Return which unit is in which arm since when."""
    async with asked.snapshot_of(request.app.state.pool) as connection:
        rows = await asked.interventions(connection, principal.tenant, initiative)
        positions = await partitions.positions(connection, principal.tenant)
    return Interventions.model_validate({"snapshot": snapshot(positions), "interventions": rows})


@router.get("/costs")
async def get_costs(
    request: Request, principal: Reader, days: AskedDays, initiative: Initiative = None
) -> Costs:
    """Return cost lines whose charge period starts in [start, end)."""
    async with asked.snapshot_of(request.app.state.pool) as connection:
        rows = await asked.costs(
            connection, principal.tenant, initiative, start=days.start, end=days.end
        )
        positions = await partitions.positions(connection, principal.tenant)
    lines = [{**row, "tags": msgspec.json.decode(str(row["tags"]))} for row in rows]
    return Costs.model_validate({"snapshot": snapshot(positions), "costs": lines})


@router.get("/snapshot")
async def get_snapshot(request: Request, principal: Reader) -> Snapshot:
    """Return where every log stands."""
    async with asked.snapshot_of(request.app.state.pool) as connection:
        positions = await partitions.positions(connection, principal.tenant)
    return Snapshot.model_validate(snapshot(positions))


@router.get("/partitions")
async def get_partitions(request: Request, principal: Reader) -> list[PartitionState]:
    """Return who reads which partition and what is halted, with the reason."""
    async with asked.snapshot_of(request.app.state.pool) as connection:
        rows = await partitions.partition_states(connection, principal.tenant)
    return [PartitionState.model_validate(row) for row in rows]


def _busy() -> HTTPException:
    return HTTPException(
        429, "too many requests at once", headers={"retry-after": str(RETRY_AFTER_SECONDS)}
    )


async def _bounded_body(request: Request, limit: int) -> bytes:
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise HTTPException(415, f"the body is {coding[:40]!r}, send it as it is")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413, f"the body has more than {limit} bytes")
    return bytes(body)
