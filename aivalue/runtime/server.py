"""One service as a program: logs, one server on one loop, a clean stop, an honest exit status."""

import asyncio
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from aivalue.runtime.settings import RuntimeSettings
from aivalue.runtime.telemetry import configure_logging

SHUTDOWN_SECONDS = 10


def serve(
    service: str,
    settings: RuntimeSettings,
    create_app: Callable[[RuntimeSettings], FastAPI],
    *,
    port: int,
) -> None:
    """Run until SIGTERM or SIGINT; `port` is used where the settings name none."""
    configure_logging(service, log_format=settings.log_format, log_level=settings.log_level)
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port or port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=15,
        lifespan="on",
        loop="uvloop" if sys.platform != "win32" else "asyncio",
    )
    server = uvicorn.Server(config)
    # run() re-raises the signal it was stopped by; serve() under our own runner does the same.
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve())
    if not server.started:
        sys.exit(3)
