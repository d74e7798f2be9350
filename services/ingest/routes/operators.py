"""What only an operator may decide: that a log is a new one, or that a halted partition goes on."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from aivalue.runtime.auth import Operator
from services.ingest.queries import partitions
from services.ingest.settings import IngestSettings

router = APIRouter(prefix="/v1")
Topic = Annotated[str, Field(min_length=1, max_length=249)]


class LogRotation(BaseModel):
    """The topic was created anew, or another cluster took over: begin at its first record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: Topic
    reason: str = Field(min_length=1, max_length=500)


class Rotated(BaseModel):
    """The log that is read from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    log_id: int


class Resumption(BaseModel):
    """A halted partition goes on where it stopped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: Topic
    partition: int = Field(ge=0)
    forget_tail: bool = Field(
        default=False, description="Do not compare the last stored record with the log's."
    )


@router.post("/logs:rotate", responses={404: {"description": "The topic has no open log."}})
async def rotate_log(request: Request, principal: Operator, rotation: LogRotation) -> Rotated:
    """Close a topic's log and open its next incarnation at offset 0; event keys still apply."""
    settings: IngestSettings = request.app.state.settings
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        try:
            log_id = await partitions.rotate_log(
                connection,
                principal.tenant,
                rotation.topic,
                identity=settings.ingest.broker_identity,
                reason=f"{principal.subject}: {rotation.reason}",
            )
        except LookupError as error:
            raise HTTPException(404, str(error)) from error
    return Rotated(topic=rotation.topic, log_id=log_id)


@router.post(
    "/partitions:resume",
    status_code=204,
    responses={404: {"description": "No such partition is halted."}},
)
async def resume_partition(request: Request, principal: Operator, resumption: Resumption) -> None:
    """Let a halted partition go on; its reader notices within seconds."""
    async with request.app.state.pool.acquire() as connection:
        resumed = await partitions.resume(
            connection,
            principal.tenant,
            resumption.topic,
            resumption.partition,
            forget_tail=resumption.forget_tail,
        )
    if not resumed:
        raise HTTPException(404, f"{resumption.topic}/{resumption.partition} is not halted")
