"""One service as a program: logs, one server on one loop, a clean stop, an honest exit status."""

import asyncio
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from aivalue.runtime.settings import InvalidSettings, Settings, read_settings
from aivalue.runtime.telemetry import configure_logging

SHUTDOWN_SECONDS = 10
# What shells say of a program that Ctrl-C ended.
INTERRUPTED = 130


def serve(
    service: str,
    kind: type[Settings],
    create_app: Callable[[Settings], FastAPI],
    *,
    port: int,
) -> None:
    """Run until SIGTERM or SIGINT; `port` is used where the settings name none."""
    try:
        settings = read_settings(kind)
        application = create_app(settings)
    except InvalidSettings as error:
        sys.exit(f"{service} cannot start: {error}")
    configure_logging(service, log_format=settings.log_format, log_level=settings.log_level)
    config = uvicorn.Config(
        application,
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
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if not server.started:
        sys.exit(3)
