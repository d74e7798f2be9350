"""The run: load the inputs, decide (pure), store everything in one transaction.

A run is a function of its inputs. Where the newest run of the initiative had the same inputs it is
returned and nothing is stored, so a repeated request or a repeated event changes nothing.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aivalue.events.announcement import ATTRIBUTION_COMPLETED
from aivalue.kpis.canonical import canonical_bytes
from aivalue.money.valuation_rule import ValuationRule
from aivalue.runtime.clock import utc_now
from aivalue.runtime.outbox.announcing import announcement
from aivalue.runtime.outbox.queries import Message, record
from services.attribution import metrics
from services.attribution.decide import Outcome, decide
from services.attribution.inputs import Inputs, PricedBy
from services.attribution.load import Peers, load_inputs
from services.attribution.queries.recompute import Claim, complete, extend
from services.attribution.queries.results import (
    add_benefits,
    add_checks,
    add_effect_months,
    add_effects,
)
from services.attribution.queries.runs import Run, add_run, newest_run
from services.attribution.queries.valuation_rules import current_rules
from services.attribution.rows import benefit_rows, check_rows, effect_rows, month_rows
from services.attribution.settings import AttributionSettings
from services.attribution.tables import outbox
from services.attribution.threads import beside_the_loop

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What a run needs around it."""

    engine: AsyncEngine
    peers: Peers
    settings: AttributionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who wants a run, and why: "requested" or "recompute"."""

    subject: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The run that answers for the initiative now; `is_new` where this call stored it."""

    run: Run
    is_new: bool


async def estimate_initiative(place: Workplace, held: Claim, request: Request) -> Answer:
    """Run an initiative under a claim; on success the claim is given back.

    Raises
    ------
    UnknownInitiative, NotEstimable, InvalidDefinition
        Baseline has no such initiative, or its definitions say nothing to estimate.
    DependencyUnavailable
        Ingest or baseline does not answer.
    ClaimLost
        The claim ran out and someone else took over; nothing was stored.
    """
    begun = time.perf_counter()
    async with _kept(place, held):
        inputs = await _load(place, held)
        document = canonical_bytes(inputs.document())
        digest = hashlib.sha256(document).hexdigest()
        async with place.engine.begin() as connection:
            newest = await newest_run(connection, held.tenant, held.initiative)
            if newest is not None and newest.input_hash == digest:
                await complete(connection, held)
                metrics.RUNS.labels(metrics.NO_ESTIMATOR, "unchanged").inc()
                return Answer(run=newest, is_new=False)
        # The estimators hold a processor for seconds; the server must go on answering.
        outcome = await beside_the_loop(decide, inputs)
        run = _run(held, request, inputs, outcome, digest, newest)
        async with place.engine.begin() as connection:
            await complete(connection, held)
            await _store(connection, place, held.tenant, run, inputs, outcome, document)
    metrics.RUN_DURATION.observe(time.perf_counter() - begun)
    _count(outcome)
    return Answer(run=run, is_new=True)


async def _load(place: Workplace, held: Claim) -> Inputs:
    async with place.engine.connect() as connection:
        stored = await current_rules(connection, held.tenant, initiative=held.initiative)
    return await load_inputs(
        place.peers,
        tenant=held.tenant,
        initiative=held.initiative,
        rules=[
            PricedBy(
                rule=ValuationRule.model_validate(each.body),
                version=each.version,
                sha256=each.sha256,
                body=each.body,
            )
            for each in stored
        ],
        scopes_max=place.settings.attribution.scopes_max,
        snapshot_attempts=place.settings.attribution.snapshot_attempts,
    )


def _run(
    held: Claim,
    request: Request,
    inputs: Inputs,
    outcome: Outcome,
    input_hash: str,
    newest: Run | None,
) -> Run:
    return Run(
        run_id=str(uuid4()),
        initiative=held.initiative,
        number=1 if newest is None else newest.number + 1,
        status=outcome.status,
        input_hash=input_hash,
        output_hash=outcome.sha256,
        snapshot_id=inputs.snapshot_id,
        code_version=inputs.code_version,
        recorded_at=utc_now(),
        recorded_by=request.subject,
        reason=request.reason,
    )


async def _store(
    connection: AsyncConnection,
    place: Workplace,
    tenant: str,
    run: Run,
    inputs: Inputs,
    outcome: Outcome,
    document: bytes,
) -> None:
    await add_run(
        connection,
        tenant,
        run,
        inputs=document,
        outputs=outcome.outputs,
        snapshots=[read.document() for read in inputs.reads],
    )
    await add_effects(connection, effect_rows(tenant, run, outcome))
    await add_effect_months(connection, month_rows(tenant, run, outcome))
    await add_checks(connection, check_rows(tenant, run, outcome))
    await add_benefits(connection, tenant, benefit_rows(run, inputs, outcome))
    await record(connection, outbox, [_completed(place, tenant, run, run.recorded_at)])


def _completed(place: Workplace, tenant: str, run: Run, now: datetime) -> Message:
    return announcement(
        ATTRIBUTION_COMPLETED,
        tenant=tenant,
        subject=run.initiative,
        now=now,
        data={
            "initiative": run.initiative,
            "run_id": run.run_id,
            "number": run.number,
            "status": run.status,
            "input_hash": run.input_hash,
            "output_hash": run.output_hash,
        },
        kafka=place.settings.kafka,
    )


@contextlib.asynccontextmanager
async def _kept(place: Workplace, held: Claim) -> AsyncIterator[None]:
    """Extend the claim while the block runs; the fence in `complete` is what guarantees."""
    lease = place.settings.attribution.lease_seconds

    async def extend_until_cancelled() -> None:
        while True:
            await asyncio.sleep(lease / 3)
            try:
                async with place.engine.begin() as connection:
                    await extend(connection, held, lease=lease)
            except (SQLAlchemyError, OSError) as error:
                logger.warning("claim not extended", error=f"{type(error).__name__}: {error}")

    extending = asyncio.create_task(extend_until_cancelled())
    try:
        yield
    finally:
        extending.cancel()
        await asyncio.gather(extending, return_exceptions=True)


def _count(outcome: Outcome) -> None:
    for result in outcome.results:
        found = result.estimate
        estimator = metrics.NO_ESTIMATOR if found.effect is None else found.effect.estimator
        metrics.RUNS.labels(estimator, found.verdict).inc()
        for check in found.checks:
            if check.status == "failed":
                metrics.DIAGNOSTICS_FAILED.labels(estimator, check.name).inc()
