"""What only an operator may decide: that a log is a new one, or that a halted partition goes on.

And what anybody may ask: whether what a partition read is still what is stored.
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from aivalue.runtime.auth import Operator, Reader
from aivalue.runtime.requests import closed
from services.ingest.queries import asked, partitions, verification
from services.ingest.settings import IngestSettings
from services.ingest.verifying import FAULTS_MAX, Fault, verify

router = APIRouter(prefix="/v1")
Topic = Annotated[str, Field(min_length=1, max_length=249)]


class LogRotation(BaseModel):
    """The topic was created anew, or another cluster took over: begin at its first record."""

    model_config = closed(example={"topic": "aivalue.business.v1", "reason": "topic created anew"})

    topic: Topic
    reason: str = Field(min_length=1, max_length=500)


class Rotated(BaseModel):
    """The log that is read from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    log_id: int


class Verification(BaseModel):
    """How far a partition was followed; go on from `next_offset` until that is `end_offset`.

    `n_unsealed` counts batches from before repetitions were kept: their events were compared with
    their keys alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    incarnation: int
    partition: int
    next_offset: int
    end_offset: int
    head_hash: str
    n_batches: int
    n_records: int
    n_unsealed: int
    hash_found: bool
    n_faults: int
    faults: list[Fault]


class Resumption(BaseModel):
    """A halted partition goes on where it stopped."""

    model_config = closed(example={"topic": "aivalue.business.v1", "partition": 3})

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
        state = await partitions.resume(
            connection,
            principal.tenant,
            resumption.topic,
            resumption.partition,
            forget_tail=resumption.forget_tail,
        )
    if state != "halted":
        seen = "not known" if state is None else f"{state}, not halted"
        raise HTTPException(404, f"{resumption.topic}/{resumption.partition} is {seen}")


@router.get(
    "/verification",
    responses={404: {"description": "No such partition is known."}},
)
async def get_verification(
    request: Request,
    principal: Reader,
    topic: Annotated[str, Query(min_length=1, max_length=249)],
    partition: Annotated[int, Query(ge=0)],
    incarnation: Annotated[int | None, Query(ge=1)] = None,
    start_offset: Annotated[int, Query(ge=0)] = 0,
    n_records: Annotated[int, Query(ge=1, le=100_000)] = 50_000,
    known_hash: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> Verification:
    """Compute the hashes of a partition again from what is stored, for about `n_records` records.

    `hash_found` says whether `known_hash` is that of a batch among them.
    """
    async with asked.snapshot_of(request.app.state.pool) as connection:
        await verification.prepare(connection)
        place = await verification.find_partition(
            connection, principal.tenant, topic, partition, incarnation=incarnation
        )
        if place is None:
            raise HTTPException(404, f"{topic}/{partition} is not known")
        found = await verify(
            connection,
            principal.tenant,
            place,
            start=start_offset,
            n_records=n_records,
            known_hash=None if known_hash is None else bytes.fromhex(known_hash),
        )
    return Verification(
        topic=place.topic,
        incarnation=place.incarnation,
        partition=place.partition,
        next_offset=found.next_offset,
        end_offset=place.next_offset,
        head_hash=found.head.hex(),
        n_batches=found.n_batches,
        n_records=found.n_records,
        n_unsealed=found.n_unsealed,
        hash_found=found.hash_found,
        n_faults=len(found.faults),
        faults=found.faults[:FAULTS_MAX],
    )
