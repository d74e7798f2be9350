"""Puts the ingest service together; run as `python -m services.ingest`."""

import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from aivalue.events.kafka_binding import SCANNER
from aivalue.events.topics import CHANGES
from aivalue.runtime import bare_records
from aivalue.runtime.application import background, create_application
from aivalue.runtime.kafka import create_consumer, ensure_topics
from aivalue.runtime.migrations import require_newest
from aivalue.runtime.outbox.relay import relay
from aivalue.runtime.postgres import asyncpg_address, create_engine, require_reachable
from aivalue.runtime.problems import problem
from aivalue.runtime.requests import BODY_BYTES_MAX
from aivalue.runtime.server import serve
from aivalue.runtime.settings import RuntimeSettings
from services.ingest import metrics
from services.ingest.garbage import keep_collecting, start_collecting
from services.ingest.http_ingestion import HttpIngestion
from services.ingest.maintenance import (
    count_dead_letters,
    create_event_partitions,
    keep_event_partitions,
)
from services.ingest.reading.claims import PostgresClaims
from services.ingest.reading.consumer import Consumer
from services.ingest.replaying import Replayer
from services.ingest.routes import (
    backfills,
    dead_letters,
    decisions,
    events,
    operators,
    originals,
    statistics,
)
from services.ingest.settings import PORT, SERVICE, IngestSettings
from services.ingest.storing import rows
from services.ingest.storing.handler import Store
from services.ingest.storing.writer import Writer, connection_settings
from services.ingest.tables import outbox
from services.ingest.taxonomy import MassRefusal

ROUTES = (events, originals, decisions, dead_letters, backfills, operators, statistics)
SWITCH_SECONDS = 0.0005
# Somebody has to look; until then trying again is only load.
MENDED_SECONDS = 60
logger = structlog.get_logger()


def create_app(settings: RuntimeSettings) -> FastAPI:
    """Build the application; nothing connects before it starts."""
    if not isinstance(settings, IngestSettings):
        raise TypeError(f"ingest needs IngestSettings, got {type(settings).__name__}")
    service = _Service(settings)
    application = create_application(
        SERVICE,
        settings,
        summary="Takes events in, counts each once, and serves their daily statistics.",
        routers=[each.router for each in ROUTES],
        checks={"postgres": service.check_postgres, "kafka": service.check_kafka},
        lifespan=service.lifespan,
        body_bytes_max=max(BODY_BYTES_MAX, settings.ingest.http_bytes_max),
    )
    application.add_exception_handler(MassRefusal, _refused)
    return application


async def _refused(_: Request, error: Exception) -> JSONResponse:
    """Answer whose events are refused for a fault that is ours; an operator has to mend it."""
    metrics.BREAKER_TRIPS.inc()
    logger.error("nothing of a request is stored", reason=str(error))
    return problem(
        503,
        f"{error}; nothing is stored, send it again later",
        headers={"retry-after": str(MENDED_SECONDS)},
        reason="mass_refusal",
    )


class _Service:
    """What lives as long as the process."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._engine: AsyncEngine | None = None
        self._consumer: Consumer | None = None

    async def check_postgres(self) -> None:
        if self._engine is None:
            raise RuntimeError("not started")
        await require_newest(self._engine, SERVICE)

    async def check_kafka(self) -> None:
        if self._consumer is not None:
            await self._consumer.check()
        elif self._settings.ingest.consume:
            raise RuntimeError("not started")

    @contextlib.asynccontextmanager
    async def lifespan(self, application: FastAPI) -> AsyncIterator[None]:
        settings = self._settings
        address = asyncpg_address(settings.database)
        store = Store(changes_topic=settings.kafka.internal_topic(CHANGES))
        await require_reachable(settings.database)
        async with contextlib.AsyncExitStack() as stack:
            pool = await stack.enter_async_context(
                asyncpg.create_pool(
                    address,
                    min_size=1,
                    max_size=settings.database.pool_size,
                    **connection_settings("ingest"),
                )
            )
            application.state.pool = pool
            look_again_seconds = await create_event_partitions(pool)
            writing = await stack.enter_async_context(
                asyncpg.create_pool(
                    address,
                    min_size=1,
                    max_size=settings.ingest.http_partitions,
                    init=store.prepare,
                    **connection_settings("ingest-http"),
                )
            )
            application.state.http_ingestion = HttpIngestion(settings, writing, store)
            application.state.replayer = Replayer(writing, store)
            engine = create_engine(settings.database, application_name="ingest-relay")
            self._engine = engine
            stack.push_async_callback(engine.dispose)
            topics = [*settings.tenants_by_topic(), settings.kafka.internal_topic(CHANGES)]
            await ensure_topics(settings.kafka, topics)
            jobs: list[Callable[[], Awaitable[None]]] = [
                keep_collecting,
                partial(keep_event_partitions, pool, look_again_seconds),
                partial(count_dead_letters, pool),
                partial(relay, engine, outbox, settings.kafka, client_id="ingest-relay"),
            ]
            if settings.ingest.consume:
                if SCANNER is None or not (rows.IS_COMPILED and bare_records.IS_COMPILED):
                    logger.warning(
                        "ingest is slower than it could be: deploy/compile.py has not run"
                    )
                writer = await stack.enter_async_context(Writer(address, store).running())
                self._consumer = consumer = _consumer(settings, pool, writer)
                jobs += [consumer.run, consumer.watch, consumer.contact.ask]
            start_collecting()
            # The writer asks for the interpreter after each of a dozen round trips a batch, and
            # would wait 5 ms each time while the other thread decodes.
            sys.setswitchinterval(SWITCH_SECONDS)
            async with background(*jobs):
                yield


def _consumer(settings: IngestSettings, pool: asyncpg.Pool, writer: Writer) -> Consumer:
    owner = f"{socket.gethostname()}/{os.getpid()}"
    source = create_consumer(
        settings.kafka,
        group=settings.ingest.group,
        client_id=owner,
        max_poll_records=settings.ingest.batch_records_max,
        is_bare=True,
    )
    claims = PostgresClaims(pool, owner=owner, broker_identity=settings.ingest.broker_identity)
    return Consumer(settings, source, claims, writer)


def main() -> None:
    """Run the service until it is told to stop."""
    serve(SERVICE, IngestSettings, create_app, port=PORT)
