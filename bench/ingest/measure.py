"""One contender's turn: start it on an empty database, wait, and ask PostgreSQL how fast it was.

Everybody is measured alike: PostgreSQL's own commit times, from the moment a fifth is stored (a
JVM has warmed up by then) to the last commit. CPU seconds are of the same stretch, from samples.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from aivalue.runtime.embedded.process import Server
from bench.ingest.contenders import Contender, Run
from bench.ingest.servers import Servers, cpu_seconds, resident_mb

WARM_SHARE = 0.2
STALLED_SECONDS = 120.0
_COMMITS = (
    "select extract(epoch from pg_xact_commit_timestamp(by))::float as at, n "
    "from (select xmin as by, ROWS as n from TABLE group by xmin) t order by 1"
)
_COUNT = "select count(*) from TABLE"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was stored and used by a moment."""

    at: float
    stored: int
    own_cpu: float
    postgres_cpu: float
    broker_cpu: float
    memory_mb: float


@dataclass(kw_only=True)
class Result:
    """How a turn went; CPU in microseconds an event."""

    name: str
    events: int
    per_second: float
    seconds: float
    own_cpu: float
    postgres_cpu: float
    broker_cpu: float
    memory_mb: float
    samples: list[Sample] = field(default_factory=list, repr=False)


async def turn(
    servers: Servers,
    contender: Contender,
    topic: str,
    expected: int,
    *,
    name: str,
    address: str | None = None,
    before: int = 0,
    interval: float = 0.25,
) -> Result:
    """Let a contender store what is on a topic; `before` rows are there already.

    Raises
    ------
    RuntimeError
        It ended, or stopped before all was stored, or stored something else.
    """
    own_database = address is None
    address = await servers.database(name) if address is None else address
    try:
        with tempfile.TemporaryDirectory(prefix="aivalue-bench-run-") as home:
            run = Run(servers=servers, address=address, topic=topic, home=Path(home), name=name)
            processes = contender.start(run)
            try:
                samples = await _watch(
                    servers, contender.table, processes, address, before + expected, interval
                )
            finally:
                for process in processes:
                    process.stop(20)
        commits = await _commits(address, contender.table, before)
    finally:
        if own_database:
            await servers.drop(name)
    if sum(n for _, n in commits) != expected:
        raise RuntimeError(f"{contender.name} stored {sum(n for _, n in commits)} of {expected}")
    return _result(contender.name, commits, samples)


async def _watch(
    servers: Servers,
    table: str,
    processes: Sequence[Server],
    address: str,
    expected: int,
    interval: float,
) -> list[Sample]:
    connection = await asyncpg.connect(address)
    samples: list[Sample] = []
    moved_at = time.monotonic()
    try:
        while True:
            ended = [each for each in processes if each.process.poll() is not None]
            if ended:
                raise RuntimeError(f"{ended[0].name} ended: {ended[0].log_tail()}")
            stored = await _stored(connection, table)
            now = time.monotonic()
            if samples and stored > samples[-1].stored:
                moved_at = now
            elif now - moved_at > STALLED_SECONDS:
                raise RuntimeError(f"{stored} of {expected} stored: {processes[0].log_tail()}")
            samples.append(
                Sample(
                    at=now,
                    stored=stored,
                    own_cpu=cpu_seconds(processes),
                    postgres_cpu=cpu_seconds([servers.postgres]),
                    broker_cpu=cpu_seconds([servers.broker]),
                    memory_mb=resident_mb(processes),
                )
            )
            if stored >= expected:
                return samples
            await asyncio.sleep(interval)
    finally:
        await connection.close()


async def _stored(connection: asyncpg.Connection, table: str) -> int:
    """Count what is stored; cheaply where there is a cheap way."""
    if table.startswith("ingest."):
        return int(
            await connection.fetchval("select coalesce(sum(inserted), 0) from ingest.batches")
        )
    if await connection.fetchval("select to_regclass($1)", table) is None:
        return 0
    return int(await connection.fetchval(_COUNT.replace("TABLE", table)))


async def _commits(address: str, table: str, before: int) -> list[tuple[float, int]]:
    connection = await asyncpg.connect(address)
    try:
        # Ours keeps many events in a row.
        n_rows = "sum(n_events)::integer" if table.startswith("ingest.") else "count(*)"
        asked = _COMMITS.replace("TABLE", table).replace("ROWS", n_rows)
        rows = await connection.fetch(asked)
    finally:
        await connection.close()
    commits = [(row["at"], row["n"]) for row in rows]
    while before > 0:
        before -= commits.pop(0)[1]
    return commits


def _result(name: str, commits: Sequence[tuple[float, int]], samples: Sequence[Sample]) -> Result:
    total = sum(n for _, n in commits)
    stored, warm_at, warm = 0, 0.0, 0
    for at, n in commits:
        stored += n
        if stored >= WARM_SHARE * total:
            warm_at, warm = at, stored
            break
    seconds = commits[-1][0] - warm_at
    first = next(each for each in samples if each.stored - samples[0].stored >= WARM_SHARE * total)
    last = samples[-1]
    per_event = 1e6 / max(last.stored - first.stored, 1)
    return Result(
        name=name,
        events=total,
        per_second=(total - warm) / seconds,
        seconds=seconds,
        own_cpu=(last.own_cpu - first.own_cpu) * per_event,
        postgres_cpu=(last.postgres_cpu - first.postgres_cpu) * per_event,
        broker_cpu=(last.broker_cpu - first.broker_cpu) * per_event,
        memory_mb=max(each.memory_mb for each in samples),
        samples=list(samples),
    )
