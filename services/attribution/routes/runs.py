"""HTTP surface of runs: ask for one, list them, and have a number explained."""

import asyncio
import contextlib
import time
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from aivalue.kpis.definition import Key
from aivalue.runtime.auth import Reader, Writer
from aivalue.runtime.requests import closed
from services.attribution.dependencies import Place, ReadConnection
from services.attribution.estimate import Request, Workplace, estimate_initiative
from services.attribution.load import UnknownInitiative
from services.attribution.queries.recompute import Claim, ClaimLost, claim, release
from services.attribution.queries.runs import FullRun, Run, full_run, runs_of

router = APIRouter(prefix="/v1/runs", tags=["runs"])
POLL_SECONDS = 0.1
BUSY = {"retry-after": "5"}


class RunRequest(BaseModel):
    """Which initiative to run."""

    model_config = closed(example={"initiative": "predictive-maintenance"})

    initiative: Key


class RunResponse(BaseModel):
    """What names a run; its digests are over the documents that `GET /v1/runs/{run_id}` shows."""

    run_id: str
    initiative: str
    number: int
    status: Literal["completed", "refused"]
    input_hash: str
    output_hash: str
    snapshot_id: str | None
    code_version: str
    recorded_at: datetime
    recorded_by: str
    reason: str


class RunsResponse(BaseModel):
    """A page of runs, newest first."""

    runs: list[RunResponse]
    next_cursor: str | None


class ExplainedRunResponse(RunResponse):
    """A run with all that it computed with, and all that it computed.

    `inputs` and `outputs` in canonical JSON (sorted keys, no white space) are what `input_hash`
    and `output_hash` are the SHA-256 of.
    """

    inputs: dict[str, Any]
    outputs: dict[str, Any]
    snapshots: list[dict[str, Any]]


@router.post(
    "",
    responses={
        201: {"model": RunResponse, "description": "Computed and stored."},
        404: {"description": "No such initiative."},
        409: {"description": "Another run of it goes on, or nothing says how to estimate it."},
        503: {"description": "Ingest or baseline does not answer; nothing was stored."},
    },
)
async def run_initiative(
    request: RunRequest, principal: Writer, place: Place, response: Response
) -> RunResponse:
    """Run an initiative now; 200 with its newest run where the inputs are still the same."""
    held = await _claimed(place, principal.tenant, request.initiative)
    done = False
    try:
        answer = await estimate_initiative(
            place, held, Request(subject=principal.subject, reason="requested")
        )
        done = True
    except UnknownInitiative as error:
        raise HTTPException(404, str(error)) from error
    except ClaimLost as error:
        raise HTTPException(409, str(error), headers=BUSY) from error
    finally:
        if not done:
            await _give_back(place, held)
    response.status_code = 201 if answer.is_new else 200
    return run_response(answer.run)


@router.get("")
async def list_runs(
    initiative: str,
    principal: Reader,
    connection: ReadConnection,
    cursor: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> RunsResponse:
    """Return an initiative's runs, newest first."""
    found = await runs_of(connection, principal.tenant, initiative, below=cursor, limit=limit + 1)
    page = found[:limit]
    return RunsResponse(
        runs=[run_response(each) for each in page],
        next_cursor=str(page[-1].number) if len(found) > limit else None,
    )


@router.get("/{run_id}", responses={404: {"description": "No such run."}})
async def explain_run(
    run_id: str, principal: Reader, connection: ReadConnection
) -> ExplainedRunResponse:
    """Explain every number of a run: definitions, baseline, estimator, window, snapshot, checks."""
    found = await full_run(connection, principal.tenant, run_id)
    if found is None:
        raise HTTPException(404, f"there is no run {run_id!r}")
    return _explained(found)


def run_response(run: Run) -> RunResponse:
    """Shape what names a run."""
    return RunResponse.model_validate(run, from_attributes=True)


async def _claimed(place: Workplace, tenant: str, initiative: str) -> Claim:
    """Wait for the right to run the initiative."""
    settings = place.settings.attribution
    deadline = time.monotonic() + settings.run_wait_seconds
    while True:
        async with place.engine.begin() as connection:
            held = await claim(connection, tenant, initiative, lease=settings.lease_seconds)
        if held is not None:
            return held
        if time.monotonic() >= deadline:
            raise HTTPException(409, f"a run of {initiative} goes on", headers=BUSY)
        await asyncio.sleep(POLL_SECONDS)


async def _give_back(place: Workplace, held: Claim) -> None:
    """Let the next request try at once; without a database the lease runs out instead."""
    with contextlib.suppress(SQLAlchemyError, OSError):
        async with place.engine.begin() as connection:
            await release(connection, held, error=None, pause=0)


def _explained(found: FullRun) -> ExplainedRunResponse:
    return ExplainedRunResponse(
        **run_response(found.run).model_dump(),
        inputs=orjson.loads(found.inputs),
        outputs=orjson.loads(found.outputs),
        snapshots=found.snapshots,
    )
