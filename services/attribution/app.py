"""Composition root of the attribution service: everything is built here and nowhere else."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial

import httpx
from fastapi import FastAPI

from aivalue.runtime.application import background, create_application
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.migrations import require_newest
from aivalue.runtime.outbox.relay import relay
from aivalue.runtime.postgres import create_engine
from aivalue.runtime.settings import RuntimeSettings
from services.attribution.consumer import consume
from services.attribution.estimate import Workplace
from services.attribution.load import Peers
from services.attribution.routes import answers, overlaps, policies, runs, valuation_rules
from services.attribution.settings import AttributionSettings
from services.attribution.tables import outbox
from services.attribution.worker import sweep, work

ROUTES = (valuation_rules, runs, answers, overlaps, policies)


def create_app(
    settings: RuntimeSettings,
    *,
    ingest_transport: httpx.AsyncBaseTransport | None = None,
    baseline_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Build the application; nothing connects before it starts."""
    if not isinstance(settings, AttributionSettings):
        settings = AttributionSettings(**settings.model_dump())
    place = _workplace(settings, ingest_transport, baseline_transport)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        publish = partial(
            relay, place.engine, outbox, settings.kafka, client_id="aivalue-attribution"
        )
        jobs = [partial(work, place) for _ in range(settings.attribution.workers)]
        try:
            async with background(publish, partial(consume, place), partial(sweep, place), *jobs):
                yield
        finally:
            await place.peers.close()
            await place.engine.dispose()

    application = create_application(
        "attribution",
        settings,
        summary="Effects with their intervals, and what they are worth.",
        routers=[
            valuation_rules.router,
            runs.router,
            answers.router,
            overlaps.router,
            policies.router,
        ],
        checks={"postgres": partial(require_newest, place.engine, "attribution")},
        lifespan=lifespan,
    )
    application.state.workplace = place
    return application


def _workplace(
    settings: AttributionSettings,
    ingest: httpx.AsyncBaseTransport | None,
    baseline: httpx.AsyncBaseTransport | None,
) -> Workplace:
    addresses, auth = settings.services, settings.auth
    patience = settings.attribution.read_timeout_seconds
    return Workplace(
        engine=create_engine(settings.database, application_name="aivalue-attribution"),
        peers=Peers(
            ingest=ServiceClient(
                "ingest", addresses.ingest, auth, timeout_seconds=patience, transport=ingest
            ),
            baseline=ServiceClient(
                "baseline", addresses.baseline, auth, timeout_seconds=patience, transport=baseline
            ),
        ),
        settings=settings,
    )
