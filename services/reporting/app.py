"""Composition root of the reporting service: everything is built here and nowhere else."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial

import httpx
from fastapi import FastAPI

from aivalue.runtime.application import background, create_application
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.migrations import require_newest
from aivalue.runtime.postgres import create_engine
from aivalue.runtime.settings import RuntimeSettings
from services.reporting import routes
from services.reporting.board import Board
from services.reporting.consumer import listen
from services.reporting.refresher import Refresher
from services.reporting.settings import ReportingSettings
from services.reporting.sources import Sources


def create_app(
    settings: RuntimeSettings,
    *,
    baseline_transport: httpx.AsyncBaseTransport | None = None,
    attribution_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Build the application; nothing connects before it starts."""
    if not isinstance(settings, ReportingSettings):
        settings = ReportingSettings(**settings.model_dump())
    addresses, auth = settings.services, settings.auth
    sources = Sources(
        baseline=ServiceClient("baseline", addresses.baseline, auth, transport=baseline_transport),
        attribution=ServiceClient(
            "attribution", addresses.attribution, auth, transport=attribution_transport
        ),
        settings=settings.reporting,
    )
    engine = create_engine(settings.database, application_name="aivalue-reporting")
    board = Board()
    refresher = Refresher(board=board, sources=sources, engine=engine, settings=settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        jobs = refresher.run, partial(listen, settings.kafka, refresher.announce)
        try:
            async with background(*jobs):
                yield
        finally:
            await sources.close()
            await engine.dispose()

    application = create_application(
        "reporting",
        settings,
        summary="What the AI earned: summaries and Prometheus metrics.",
        routers=[routes.router],
        # The other services are no dependency of readiness: without them it shows what it has.
        checks={"postgres": partial(require_newest, engine, "reporting")},
        lifespan=lifespan,
    )
    application.state.board = board
    application.state.engine = engine
    application.state.sources = sources
    application.state.refresher = refresher
    return application
