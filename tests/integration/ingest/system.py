"""The ingest service as the process that operators run, over one database and one set of topics."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from aivalue.events.encode import Message
from aivalue.runtime.embedded.process import free_port
from aivalue.runtime.kafka import create_producer, ensure_topics
from aivalue.runtime.settings import KafkaSettings
from services.ingest.failpoints import VARIABLE
from tests.integration.ingest.material import TENANT

# Generous: on a busy machine a process alone takes five to start.
READY_SECONDS = 60.0


@dataclass(kw_only=True)
class Ingest:
    """The service's processes over one database and one set of topics."""

    database: str
    broker: str
    prefix: str
    log: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def kafka(self) -> KafkaSettings:
        """How producers reach the same topics."""
        return KafkaSettings(
            bootstrap=self.broker,
            tenants={TENANT: self.prefix},
            internal_prefix=self.prefix,
            idempotent_producer=False,
            partitions=4,
            replication_factor=1,
        )

    def start(self, **variables: str) -> "IngestProcess":
        """Start one more process."""
        port = free_port()
        environment = os.environ | {
            "AIVALUE_PORT": str(port),
            "AIVALUE_DATABASE__URL": self.database,
            "AIVALUE_KAFKA__BOOTSTRAP": self.broker,
            "AIVALUE_KAFKA__TENANTS": f'{{"{TENANT}": "{self.prefix}"}}',
            "AIVALUE_KAFKA__INTERNAL_PREFIX": self.prefix,
            "AIVALUE_KAFKA__IDEMPOTENT_PRODUCER": "false",
            "AIVALUE_KAFKA__PARTITIONS": "4",
            "AIVALUE_KAFKA__REPLICATION_FACTOR": "1",
            # Half of this is what a first member waits at the embedded broker; Kafka asks for 6 s.
            "AIVALUE_KAFKA__SESSION_TIMEOUT_MS": "6000",
            "AIVALUE_KAFKA__HEARTBEAT_INTERVAL_MS": "500",
            "AIVALUE_INGEST__GROUP": self.prefix,
            "AIVALUE_AUTH__MODE": "open",
            "AIVALUE_AUTH__OPEN_TENANT": TENANT,
            **variables,
        }
        environment.pop(VARIABLE, None)
        if VARIABLE in variables:
            environment[VARIABLE] = variables[VARIABLE]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.ingest"], env=environment, stderr=log
            )
        self.processes.append(process)
        return IngestProcess(process=process, address=f"http://127.0.0.1:{port}", log=self.log)

    async def produce(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Put messages (topic, aivalue.events.encode.Message) on the log, acknowledged."""
        topics = {self.prefix + topic for topic, _ in messages}
        await ensure_topics(self.kafka, topics)
        producer = create_producer(self.kafka, client_id="test")
        await producer.start()
        try:
            for topic, message in messages:
                await producer.send(
                    self.prefix + topic,
                    key=message.key,
                    value=message.value,
                    headers=message.headers,
                )
            await producer.flush()
        finally:
            await producer.stop()


@dataclass(frozen=True, kw_only=True)
class IngestProcess:
    """One process and how to talk to it."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    async def answer(self, path: str) -> httpx.Response:
        """Ask it; wait while it starts."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                async with httpx.AsyncClient(base_url=self.address, timeout=10) as client:
                    return await client.get(path)
            except httpx.TransportError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(self.log.read_text()[-4_000:]) from None
                await _pause()

    async def tell(self, path: str, body: dict[str, object]) -> httpx.Response:
        """Tell it something."""
        async with httpx.AsyncClient(base_url=self.address, timeout=30) as client:
            return await client.post(path, json=body)

    async def until(self, path: str, holds: Callable[[httpx.Response], bool]) -> httpx.Response:
        """Ask until the answer is as expected."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            response = await self.answer(path)
            if holds(response):
                return response
            if time.monotonic() > deadline:
                raise AssertionError(f"{response.text[:2_000]}\n{self.log.read_text()[-4_000:]}")
            await _pause()

    def stop(self) -> int:
        """Ask it to end, as an orchestrator does."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait(10)


async def _pause() -> None:
    # Another process makes progress meanwhile; there is no event of ours to await.
    await asyncio.sleep(0.1)
