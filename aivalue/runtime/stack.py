"""The whole system on one machine: servers, migrations, topics, and the four services.

Each service is its own process, as in production. One that ends by itself takes the others down
with a message that says which and why: a system of record that runs without one of its parts
would look complete and not be.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from aivalue.runtime.embedded.broker import embedded_broker
from aivalue.runtime.embedded.postgres import embedded_postgres_server
from aivalue.runtime.embedded.process import Server, ServerFailed, accepts_connections, free_port
from aivalue.runtime.embedded.scratch import scratch_directory
from aivalue.runtime.migrations import migrate
from aivalue.runtime.postgres import require_reachable
from aivalue.runtime.settings import RuntimeSettings, read_settings
from aivalue.runtime.topics import create_topics

SERVICES = ("ingest", "baseline", "attribution", "reporting")
DEFAULT_PORTS = {"ingest": 8101, "baseline": 8102, "attribution": 8103, "reporting": 8104}
READY_SECONDS = 60.0
WATCH_SECONDS = 0.2
# The embedded broker is alone on its machine, so a member that is gone is noticed soon; it knows
# no idempotent producer and keeps everything in memory.
EMBEDDED_KAFKA = {
    "AIVALUE_KAFKA__IDEMPOTENT_PRODUCER": "false",
    "AIVALUE_KAFKA__PARTITIONS": "4",
    "AIVALUE_KAFKA__REPLICATION_FACTOR": "1",
    "AIVALUE_KAFKA__SESSION_TIMEOUT_MS": "6000",
    "AIVALUE_KAFKA__REBALANCE_TIMEOUT_MS": "1500",
    "AIVALUE_KAFKA__HEARTBEAT_INTERVAL_MS": "500",
}
Say = Callable[[str], None]
T = TypeVar("T")


@dataclass
class Stack:
    """What runs, and where.

    Attributes
    ----------
    environment :
        The variables every service was started with; `RuntimeSettings` of a client read them too.
    """

    environment: dict[str, str]
    ports: dict[str, int]
    logs: Path
    servers: dict[str, Server] = field(default_factory=dict)

    def url(self, service: str) -> str:
        """Return a service's base address."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def start(self, service: str) -> None:
        """Start a service; `wait_ready` waits for it."""
        environment = self.environment | {"AIVALUE_PORT": str(self.ports[service])}
        self.servers[service] = Server(
            service,
            [sys.executable, "-m", f"services.{service}"],
            log=self.logs / f"{service}.log",
            environment=environment,
        )

    def wait_ready(self, service: str) -> None:
        """Wait until a service says that it can do its work."""
        server = self.servers[service]
        deadline = time.monotonic() + READY_SECONDS
        last = "no answer"
        while True:
            server.wait_until(lambda: accepts_connections(self.ports[service]))
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.get(self.url(service) + "/readyz", timeout=5, trust_env=False)
                if answer.status_code == httpx.codes.OK:
                    return
                last = answer.text
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"{service} not ready after {READY_SECONDS:.0f} s: {last}\n{server.log_tail()}"
                )
            time.sleep(0.1)

    def require_alive(self) -> None:
        """Raise ServerFailed where a server has ended by itself; the message says which and why."""
        for name, server in self.servers.items():
            status = server.process.poll()
            if status is not None:
                raise ServerFailed(
                    f"{name} ended with status {status}, so everything stops; the end of its log:\n"
                    f"{server.log_tail()}"
                )

    def supervise(self) -> None:
        """Watch until interrupted; raises ServerFailed as `require_alive`."""
        while True:
            self.require_alive()
            time.sleep(WATCH_SECONDS)

    async def watched(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work, and give up as soon as a server ends: it would only wait in vain."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                self.require_alive()
                await asyncio.wait({task}, timeout=WATCH_SECONDS)
            return task.result()
        except ServerFailed:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        except Exception:
            # A server that died under the work is the better explanation of its failure.
            await asyncio.sleep(WATCH_SECONDS)
            self.require_alive()
            raise


@contextlib.contextmanager
def running_stack(
    *,
    data_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
    ports: Mapping[str, int] | None = None,
    say: Say = lambda _: None,
) -> Iterator[Stack]:
    """Run everything; yield once all four services are ready.

    Parameters
    ----------
    data_dir :
        Where the embedded PostgreSQL keeps its data; temporary without it.
    environ :
        AIVALUE_* variables that win over ours. One that names a database or a broker takes the
        place of the embedded one.
    ports : service -> port
        Absent services get a free port.
    """
    environment = {**os.environ, **(environ or {})}
    chosen = {name: (ports or {}).get(name) or free_port() for name in SERVICES}
    with contextlib.ExitStack() as exits:
        logs = exits.enter_context(scratch_directory("logs"))
        stack = Stack(environment=environment, ports=chosen, logs=logs)
        _start_servers(stack, exits, data_dir, say)
        for name in SERVICES:
            stack.environment.setdefault(f"AIVALUE_SERVICES__{name.upper()}", stack.url(name))
        exits.callback(_stop_services, stack)
        settings = settings_of(stack.environment)
        say("migrating the schemas and creating the topics")
        asyncio.run(_prepare(settings))
        say("starting ingest, baseline, attribution and reporting")
        for name in SERVICES:
            stack.start(name)
        for name in SERVICES:
            stack.wait_ready(name)
        yield stack


def settings_of(environment: Mapping[str, str]) -> RuntimeSettings:
    """Read settings from these variables alone, not from our own environment."""
    saved = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environment)
        return read_settings(RuntimeSettings)
    finally:
        os.environ.clear()
        os.environ.update(saved)


def _start_servers(
    stack: Stack, exits: contextlib.ExitStack, data_dir: Path | None, say: Say
) -> None:
    environment = stack.environment
    if "AIVALUE_DATABASE__URL" not in environment:
        say("starting PostgreSQL")
        address, server = exits.enter_context(embedded_postgres_server(data_dir=data_dir))
        stack.servers["postgres"] = server
        environment["AIVALUE_DATABASE__URL"] = address
    if "AIVALUE_KAFKA__BOOTSTRAP" not in environment:
        say("starting the broker")
        bootstrap, server = exits.enter_context(embedded_broker())
        stack.servers["broker"] = server
        environment["AIVALUE_KAFKA__BOOTSTRAP"] = bootstrap
        # Its topics are new at every start, which a kept database cannot know by itself.
        environment["AIVALUE_INGEST__BROKER_IDENTITY"] = uuid.uuid4().hex
        for name, value in EMBEDDED_KAFKA.items():
            environment.setdefault(name, value)


def _stop_services(stack: Stack) -> None:
    """Ask all services to end before waiting for any: they finish their work side by side."""
    running = [stack.servers[name] for name in SERVICES if name in stack.servers]
    for server in running:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
    for server in running:
        server.stop(timeout_seconds=20)


async def _prepare(settings: RuntimeSettings) -> None:
    await require_reachable(settings.database)
    for service in SERVICES:
        await migrate(settings.database, service)
    await create_topics(settings.kafka)
