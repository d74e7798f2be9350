"""The FastAPI application every service starts from: health, readiness, metrics, problems."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import aivalue
from aivalue.runtime import problems
from aivalue.runtime.auth import Authenticator
from aivalue.runtime.openapi import DescribedApplication
from aivalue.runtime.requests import (
    BODY_BYTES_MAX,
    BoundedBody,
    HeadAsGet,
    refuse_unknown_parameters,
)
from aivalue.runtime.settings import RuntimeSettings
from aivalue.runtime.telemetry import READY, REQUEST_DURATION, REQUESTS_ACTIVE

Check = Callable[[], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
READINESS_TIMEOUT_SECONDS = 2.0
READINESS_CACHE_SECONDS = 1.0
STOP_SECONDS = 8.0
logger = structlog.get_logger()


def create_application(
    service: str,
    settings: RuntimeSettings,
    *,
    summary: str,
    routers: Sequence[APIRouter],
    checks: Mapping[str, Check],
    lifespan: Lifespan,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> FastAPI:
    """Build a service's application.

    Parameters
    ----------
    checks : dependency name -> coroutine function
        Raise where the dependency cannot be used; `/readyz` runs them all.
    """
    application = DescribedApplication(
        title=f"aivalue {service}",
        summary=summary,
        version=aivalue.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    application.state.authenticator = Authenticator(settings.auth)
    application.state.settings = settings
    application.state.routers = tuple(routers)
    problems.install(application)
    application.include_router(_operations(service, checks))
    for router in routers:
        application.include_router(router, dependencies=[Depends(refuse_unknown_parameters)])
    application.add_middleware(BoundedBody, bytes_max=body_bytes_max)
    application.add_middleware(_Observed)
    application.add_middleware(HeadAsGet)
    return application


@contextlib.asynccontextmanager
async def background(*jobs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run jobs beside the server; one that ends or fails takes the process down.

    A service that answers while its consumer is dead looks healthy and loses time, so the
    process stops and its supervisor starts it anew.
    """
    tasks = [asyncio.ensure_future(_guarded(job)) for job in jobs]
    try:
        yield
    finally:
        await _end(tasks)


async def _end(tasks: Sequence["asyncio.Future[None]"]) -> None:
    """Cancel the jobs and let them finish what they are at; never wait for ever.

    aiokafka swallows a cancellation that meets it while it joins a group, so there is a second
    one. Whoever ignores that too is left behind: all work is safe against a kill at any moment.
    """
    for seconds in (STOP_SECONDS, STOP_SECONDS / 2):
        pending = {task for task in tasks if not task.done()}
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending, timeout=seconds)
    if any(not task.done() for task in tasks):
        logger.error("background jobs do not end, leaving them behind")
        os._exit(1)


async def _guarded(job: Callable[[], Awaitable[None]]) -> None:
    name = getattr(job, "__qualname__", repr(job))
    try:
        await job()
        logger.error("background job ended, stopping the process", job=name)
    except asyncio.CancelledError:
        raise
    except BaseException:
        logger.exception("background job failed, stopping the process", job=name)
    os.kill(os.getpid(), signal.SIGTERM)


def _operations(service: str, checks: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(tags=["operations"])
    verdicts: dict[str, str] = {}
    checked_at = -READINESS_CACHE_SECONDS

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        """Say that the process answers; dependencies are not asked."""
        return {"status": "ok"}

    @router.get("/readyz", responses={503: {"description": "A dependency does not answer."}})
    async def readyz() -> JSONResponse:
        """Say whether the service can do its work now, dependency by dependency."""
        nonlocal checked_at
        if time.monotonic() - checked_at >= READINESS_CACHE_SECONDS:
            results = await asyncio.gather(*(_verdict(check) for check in checks.values()))
            verdicts.update(zip(checks, results, strict=True))
            checked_at = time.monotonic()
            for dependency, verdict in verdicts.items():
                READY.labels(service, dependency).set(verdict == "ok")
        ready = all(verdict == "ok" for verdict in verdicts.values())
        body = {"status": "ok" if ready else "unavailable", "dependencies": verdicts}
        return JSONResponse(body, 200 if ready else 503)

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Export the process's own series."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), media_type=content_type)

    return router


async def _verdict(check: Check) -> str:
    try:
        await asyncio.wait_for(check(), READINESS_TIMEOUT_SECONDS)
    except TimeoutError:
        return f"no answer for {READINESS_TIMEOUT_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001 - whatever the reason, the dependency is not usable
        return f"{type(error).__name__}: {error}"
    return "ok"


class _Observed:
    """Time every request under its route's template, so that ids never become label values."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"]
        begun = time.perf_counter()
        with REQUESTS_ACTIVE.labels(method).track_inprogress():
            try:
                await self.app(scope, receive, observed)
            finally:
                route = getattr(scope.get("route"), "path", "none")
                REQUEST_DURATION.labels(method, route, str(status)).observe(
                    time.perf_counter() - begun
                )
