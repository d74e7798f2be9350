"""Composition root of the baseline service: everything is built here and nowhere else."""

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
from services.baseline.drift import watch
from services.baseline.routes import (
    baselines,
    definitions,
    differences,
    drafts,
    expectations,
    initiatives,
    proofs,
    readiness,
    targets,
    verification,
)
from services.baseline.settings import BaselineSettings
from services.baseline.tables import outbox


def create_app(
    settings: RuntimeSettings, *, ingest_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Build the application; nothing connects before it starts."""
    own = settings if isinstance(settings, BaselineSettings) else BaselineSettings()
    engine = create_engine(settings.database, application_name="aivalue-baseline")
    ingest = ServiceClient(
        "ingest", settings.services.ingest, settings.auth, transport=ingest_transport
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        publish = partial(relay, engine, outbox, settings.kafka, client_id="aivalue-baseline")
        compare = partial(watch, engine, ingest, period_seconds=own.drift_check_seconds)
        try:
            async with background(publish, compare):
                yield
        finally:
            await ingest.close()
            await engine.dispose()

    application = create_application(
        "baseline",
        settings,
        summary="Definitions and frozen baselines: what the process was before the AI.",
        routers=[
            definitions.router,
            initiatives.router,
            readiness.router,
            baselines.router,
            differences.router,
            drafts.router,
            expectations.router,
            proofs.router,
            targets.router,
            verification.router,
        ],
        checks={"postgres": partial(require_newest, engine, "baseline")},
        lifespan=lifespan,
    )
    application.state.engine = engine
    application.state.ingest = ingest
    application.state.review_required = own.review_required
    return application
