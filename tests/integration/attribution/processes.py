"""The attribution service as processes that can be killed, and its peers as real HTTP servers."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aivalue.runtime.embedded.process import free_port
from services.attribution.settings import AttributionSettings

READY_SECONDS = 30.0


@dataclass(kw_only=True)
class Fleet:
    """Attribution processes over one database, one broker and the same peers."""

    settings: AttributionSettings
    ingest: str
    baseline: str
    log: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def start(self) -> str:
        """Start one more process and return its address once it is ready."""
        port = free_port()
        process = self._spawn(port)
        address = f"http://127.0.0.1:{port}"
        await self._ready(process, address)
        return address

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        kafka, tenant = self.settings.kafka, self.settings.auth.open_tenant
        environment = os.environ | {
            "AIVALUE_PORT": str(port),
            "AIVALUE_DATABASE__URL": self.settings.database.url.get_secret_value(),
            "AIVALUE_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "AIVALUE_KAFKA__TENANTS": f'{{"{tenant}": ""}}',
            "AIVALUE_KAFKA__INTERNAL_PREFIX": kafka.internal_prefix,
            "AIVALUE_KAFKA__IDEMPOTENT_PRODUCER": "false",
            "AIVALUE_KAFKA__PARTITIONS": "1",
            "AIVALUE_KAFKA__SESSION_TIMEOUT_MS": "6000",
            "AIVALUE_KAFKA__HEARTBEAT_INTERVAL_MS": "500",
            "AIVALUE_SERVICES__INGEST": self.ingest,
            "AIVALUE_SERVICES__BASELINE": self.baseline,
            "AIVALUE_AUTH__MODE": "open",
            "AIVALUE_AUTH__OPEN_TENANT": tenant,
            "AIVALUE_ATTRIBUTION__DEBOUNCE_SECONDS": "0",
            "AIVALUE_ATTRIBUTION__POLL_SECONDS": "0.05",
            "AIVALUE_ATTRIBUTION__LEASE_SECONDS": "1",
        }
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.attribution"], env=environment, stderr=log
            )
        self.processes.append(process)
        return process

    def kill(self) -> None:
        """End every process as a crash does."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
        self.processes.clear()

    async def _ready(self, process: subprocess.Popen[bytes], address: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/readyz")).status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(0.05)
        raise AssertionError(f"attribution did not become ready: {self.log.read_text()[-4000:]}")


@contextlib.asynccontextmanager
async def served(
    answer: Callable[[httpx.Request], httpx.Response], *, gate: asyncio.Event
) -> AsyncIterator[str]:
    """Serve a fake on a port of its own; answers wait for the gate."""

    async def respond(request: Request) -> Response:
        await gate.wait()
        found = answer(httpx.Request("GET", str(request.url)))
        return Response(found.content, found.status_code, media_type="application/json")

    port = free_port()
    app = Starlette(routes=[Route("/{path:path}", respond)])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        gate.set()
        await serving
