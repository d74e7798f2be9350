"""One ingest worker as a process that starts in milliseconds, so that it can be killed often.

The consumer, the writer, the store and the claims are the service's; what is left out is HTTP. A
worker without a group takes every partition at once, as a zombie does; naive workers are controls:
they write what most people write first, and the same faults must make them lose or double.
"""

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import cast

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from pydantic import SecretStr

from aivalue.runtime.clock import utc_now
from aivalue.runtime.kafka import create_consumer
from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings
from services.ingest import failpoints, metrics
from services.ingest.reading import consumer as consumer_module
from services.ingest.reading.claims import PostgresClaims
from services.ingest.reading.consumer import Consumer
from services.ingest.reading.source import Source
from services.ingest.settings import IngestGroup, IngestSettings
from services.ingest.storing.handler import Store
from services.ingest.storing.writer import Writer, connection_settings
from tests.faults import naive
from tests.integration.ingest.material import TENANT

LEASE_SECONDS = 0.5
SILENT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker works on, and what befalls it.

    Attributes
    ----------
    group : consumer group; None takes every partition
    naive : which control to run in place of the service's sink
    skew : seconds its clock is ahead
    """

    database: str
    broker: str
    prefix: str
    group: str | None = None
    failpoints: str = ""
    batch_records_max: int = 100
    allow_gaps: bool = False
    breaker_share: float = 1
    naive: str | None = None
    skew: float = 0
    session_timeout_ms: int = 6_000

    @property
    def settings(self) -> IngestSettings:
        """The service's settings for this task."""
        return IngestSettings(
            database=DatabaseSettings(url=SecretStr(self.database)),
            kafka=KafkaSettings(
                bootstrap=self.broker,
                tenants={TENANT: self.prefix},
                internal_prefix=self.prefix,
                idempotent_producer=False,
                session_timeout_ms=self.session_timeout_ms,
                heartbeat_interval_ms=500,
            ),
            auth=AuthSettings(mode="open", open_tenant=TENANT),
            ingest=IngestGroup(
                batch_records_max=self.batch_records_max,
                allow_gaps=self.allow_gaps,
                breaker_share=self.breaker_share,
                poll_ms=50,
            ),
        )


class Groupless:
    """A consumer that is given every partition of its topics, whoever else has them."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._topics: list[str] = []
        self._listener: ConsumerRebalanceListener | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._consumer, name)

    async def start(self) -> None:
        """Connect."""
        await self._consumer.start()

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None:
        """Note it; partitions are known at the first poll."""
        self._topics, self._listener = list(topics), listener

    async def commit(self, offsets: object) -> None:
        """Tell nobody: there is no group."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> object:
        """Take everything first, then read."""
        if not self._consumer.assignment():
            # Who subscribes to nothing is told of no topic by Apache Kafka for half a minute.
            cluster = await self._consumer._client.fetch_all_metadata()
            given = [
                TopicPartition(topic, partition)
                for topic in self._topics
                for partition in sorted(cluster.partitions_for_topic(topic) or ())
            ]
            if not given:
                await asyncio.sleep(0.05)
                return {}
            self._consumer.assign(given)
            assert self._listener is not None
            await self._listener.on_partitions_assigned(given)
            return {}
        return await self._consumer.getmany(
            *partitions, timeout_ms=timeout_ms, max_records=max_records
        )


async def _run(task: Task) -> None:
    settings = task.settings
    owner = f"worker/{os.getpid()}"
    if task.naive is not None:
        await naive.run(task.naive, task, owner)
        return
    source = create_consumer(
        settings.kafka,
        group=task.group,
        client_id=owner,
        max_poll_records=task.batch_records_max,
        is_bare=True,
    )
    async with asyncpg.create_pool(
        task.database, min_size=1, max_size=2, **connection_settings("fault-claims")
    ) as pool:
        store = Store(changes_topic=f"{task.prefix}changes")
        with_group = task.group is not None
        async with Writer(task.database, store).running() as writer:
            consumer = Consumer(
                settings,
                source if with_group else cast(Source, Groupless(source)),
                PostgresClaims(
                    pool,
                    owner=owner,
                    broker_identity="",
                    lease_seconds=LEASE_SECONDS,
                    silent_seconds=SILENT_SECONDS,
                ),
                writer,
            )
            running = asyncio.ensure_future(consumer.run())
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await running


def work(task: Task, fenced: ctypes.c_int) -> None:
    """Run in a process of its own until killed or told to end; count how often it was fenced."""
    failpoints.arm(task.failpoints)
    counted = metrics.FENCED.inc

    def count(amount: float = 1) -> None:
        counted(amount)
        fenced.value += int(amount)

    setattr(metrics.FENCED, "inc", count)  # noqa: B010 - mypy: a method
    if task.skew:
        skewed = lambda: utc_now() + timedelta(seconds=task.skew)  # noqa: E731
        setattr(consumer_module, "utc_now", skewed)  # noqa: B010 - mypy: not exported
        real = time.time
        time.time = lambda: real() + task.skew
    asyncio.run(_run(task))


_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.worker"])


def counter() -> ctypes.c_int:
    """Return a number that workers share; without a lock, for they are killed at any moment."""
    number: ctypes.c_int = _context.RawValue(ctypes.c_int, 0)
    return number


def start(task: Task, fenced: ctypes.c_int) -> BaseProcess:
    """Start a worker from a process that has everything loaded."""
    process = _context.Process(target=work, args=(task, fenced), daemon=True)
    process.start()
    return process


def send(process: BaseProcess, number: signal.Signals) -> None:
    """Send a signal."""
    assert process.pid is not None
    os.kill(process.pid, number)


async def stopped(process: BaseProcess) -> bool:
    """Say whether a process stands still, as SIGSTOP leaves it."""
    return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
