"""One log, one database, and workers that come to harm; what came of it is written down."""

import asyncio
import ctypes
import json
import os
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

import asyncpg
import numpy as np
from aiokafka import AIOKafkaProducer

from aivalue.events.encode import Message
from aivalue.runtime.kafka import create_producer, ensure_topics
from aivalue.runtime.settings import KafkaSettings
from tests.faults import worker
from tests.faults.checker import READ, Journal, Verdict, verdict
from tests.faults.tables import NAIVE_READ, NAIVE_STORED, NAIVE_TABLES
from tests.faults.worker import Task
from tests.integration.ingest.material import TENANT, measured
from tests.stored import N_STORED

RESULTS = Path(__file__).parents[2] / "build" / "faults"
# Rounds are multiplied by this: 1 in CI, more in a soak.
FACTOR = int(os.environ.get("AIVALUE_FAULT_FACTOR", "1"))
DRAIN_SECONDS = 60.0
N_PARTITIONS = 4
EMBEDDED = "embedded pair"
T = TypeVar("T")


@dataclass(kw_only=True)
class Bench:
    """A topic of its own, a migrated database, and the journal of what was produced."""

    database: str
    broker: str
    prefix: str
    connection: asyncpg.Connection
    partitions: int = N_PARTITIONS
    replication: int = 1
    idempotent: bool = False
    journal: Journal = field(default_factory=Journal)
    workers: list[BaseProcess] = field(default_factory=list)
    fenced: ctypes.c_int = field(default_factory=worker.counter)

    @property
    def kafka(self) -> KafkaSettings:
        """How producers reach the topic."""
        return KafkaSettings(
            bootstrap=self.broker,
            tenants={TENANT: self.prefix},
            internal_prefix=self.prefix,
            idempotent_producer=self.idempotent,
            partitions=self.partitions,
            replication_factor=self.replication,
        )

    @property
    def topic(self) -> str:
        """The topic that is written to."""
        return f"{self.prefix}aivalue.business.v1"

    async def open(self) -> None:
        """Create the topics and the tables of the controls."""
        await ensure_topics(self.kafka, self.task().settings.tenants_by_topic())
        await self.connection.execute(NAIVE_TABLES)

    def task(self, **options: object) -> Task:
        """Return a task over this bench."""
        given = {"database": self.database, "broker": self.broker, "prefix": self.prefix}
        return Task(**{**given, **options})  # type: ignore[arg-type]

    def start(self, **options: object) -> BaseProcess:
        """Start a worker."""
        process = worker.start(self.task(**options), self.fenced)
        self.workers.append(process)
        return process

    def stop(self) -> None:
        """Kill every worker."""
        for process in self.workers:
            if process.is_alive():
                process.kill()
            process.join(10)
        self.workers.clear()

    async def produce(self, n: int, *, duplicates: float = 0.05, junk: float = 0.01) -> None:
        """Put new events on the log, some of them twice, and some records that are no events."""
        producer = create_producer(self.kafka, client_id="journal")
        await producer.start()
        try:
            chance = np.random.default_rng(self.journal.n_records)
            for number in range(len(self.journal.values), len(self.journal.values) + n):
                await self._send(producer, number, twice=chance.random() < duplicates)
                if chance.random() < junk:
                    await producer.send(self.topic, value=b"junk", key=b"%d" % number)
                    self.journal.n_junk += 1
                    self.journal.n_records += 1
            await producer.flush()
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, number: int, *, twice: bool) -> None:
        value = Decimal(number) + Decimal("0.25")
        message = event(number)
        for _ in range(2 if twice else 1):
            await producer.send(
                self.topic, key=message.key, value=message.value, headers=message.headers
            )
            self.journal.n_records += 1
        self.journal.values[f"e{number}"] = value

    async def read(self) -> int:
        """Return how many records are accounted for."""
        return int(await self.connection.fetchval(READ))

    async def drain(self, n_records: int | None = None) -> None:
        """Wait until everything is read."""
        wanted = self.journal.n_records if n_records is None else n_records
        await eventually(self.read, lambda n: n >= wanted)

    async def stored(self) -> None:
        """Wait until every event of the journal is stored, however many records there are."""
        wanted = len(self.journal.values)
        await eventually(lambda: self.connection.fetchval(N_STORED), lambda n: n >= wanted)

    async def verdict(self) -> Verdict:
        """Account for every event."""
        return await verdict(self.connection, self.journal)

    async def naive_drain(self) -> None:
        """Wait until a control believes that it has read everything."""
        wanted = self.journal.n_records
        await eventually(lambda: self.connection.fetchval(NAIVE_READ), lambda n: n >= wanted)

    async def naive_stored(self, n_events: int) -> None:
        """Wait until a control has stored so many different events."""
        await eventually(lambda: self.connection.fetchval(NAIVE_STORED), lambda n: n >= n_events)

    async def harmed(
        self, fault: str, control: str, where: str, *, finished: bool = True, of: str = ""
    ) -> None:
        """Write down what a control did to its events; one that did no harm proves nothing.

        What one that has not `finished` has not stored is not lost. It stands beside those rows of
        the fault that begin with `of`.
        """
        harm = await self.naive_verdict()
        if not finished:
            harm["lost"] = 0
        result = {"fault": fault, "where": where, "control": control, "of": of}
        write_down(f"control-{fault}-{control}-{where}-{of}", {**result, **harm})
        assert any(harm.values())

    async def naive_verdict(self) -> dict[str, int]:
        """Count what a control lost, doubled and made up."""
        rows = await self.connection.fetch("select id, count(*) from naive group by 1")
        ids = {row[0].split()[1]: row[1] for row in rows}
        return {
            "lost": len(self.journal.values.keys() - ids.keys()),
            "doubled": sum(ids.values()) - len(ids),
            "phantom": len(ids.keys() - self.journal.values.keys()),
        }


def event(number: int) -> Message:
    """Return the event of a number."""
    return measured(f"e{number}", f"{number}.25", unit=f"line-{number % 7}", hours=number % 100)


async def eventually(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Ask until the answer is as expected."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while True:
        answer = await ask()
        if holds(answer):
            return answer
        assert time.monotonic() < deadline, f"still {answer!r} after {DRAIN_SECONDS:.0f} s"
        await asyncio.sleep(0.05)


def write_down(name: str, result: dict[str, object]) -> None:
    """Keep a result for the table."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    plain = re.sub("[^a-z0-9]+", "-", name.lower())
    (RESULTS / f"{plain}.json").write_text(json.dumps(result, indent=1) + "\n")


def record(
    fault: str, what: str, where: str, *, rounds: int, journal: Journal, found: Verdict
) -> None:
    """Write a result down, then require that it is right."""
    result = {
        "fault": fault,
        "what": what,
        "where": where,
        "rounds": rounds,
        "events": len(journal.values),
        "records": journal.n_records,
        "lost": found.lost,
        "doubled": found.doubled,
    }
    write_down(f"{fault}-{what}-{where}", result)
    assert found.right, found
