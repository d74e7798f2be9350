"""Ingest alone: for long, in time, from a backlog, and by two."""

import asyncio
import itertools
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncpg

from aivalue.events.topics import BUSINESS
from bench.ingest.contenders import CONTENDERS, Run, ingest
from bench.ingest.load import Events, Form, n_distinct, pace, produce
from bench.ingest.measure import Sample, turn
from bench.ingest.servers import Servers
from services.ingest import originals

OURS = CONTENDERS[0]
WARM_SECONDS = 10
_RUNS = (
    "select extract(epoch from pg_xact_commit_timestamp(xmin))::float as committed_at, originals "
    "from ingest.event_runs"
)
_STORED = "select coalesce(sum(n_events), 0)::integer from ingest.event_runs"


async def sustained(servers: Servers, *, n_events: int, form: Form) -> dict[str, object]:
    """Store millions in one go: rate, cost and memory of every tenth."""
    topic = f"sustained.{BUSINESS}"
    await produce(servers.kafka, topic, Events(form), n_events)
    result = await turn(
        servers, OURS, topic, n_distinct(n_events, malformed=True), name="sustained", interval=0.5
    )
    tenths = _windows(result.samples, 10)
    for begin, end in tenths:
        print(
            f"{end.stored:10,} stored   {_rate(begin, end):8,.0f} events/s   CPU us/event "
            f"{_cost(begin, end):5.1f}   {end.memory_mb:5.0f} MB"
        )
    slope = memory_slope(result.samples)
    print(
        f"{result.per_second:,.0f} events/s over {result.seconds:.0f} s, CPU us/event: own "
        f"{result.own_cpu:.1f}, PostgreSQL {result.postgres_cpu:.1f}, broker "
        f"{result.broker_cpu:.1f}; memory {slope:+.2f} MB a minute"
    )
    return {
        "events": n_events,
        "form": form,
        "per_second": result.per_second,
        "own_cpu_us": result.own_cpu,
        "postgres_cpu_us": result.postgres_cpu,
        "memory_slope_mb_per_minute": slope,
        "tenths": [{"rate": _rate(*each), "cpu_us": _cost(*each)} for each in tenths],
        "memory_mb": [each.memory_mb for each in result.samples],
    }


async def latency(servers: Servers, *, rate: int, seconds: float) -> dict[str, object]:
    """Send at a steady rate; how long after the broker took an event was it committed."""
    topic = f"latency.{BUSINESS}"
    address = await servers.database("latency")
    with tempfile.TemporaryDirectory(prefix="aivalue-bench-run-") as home:
        run = Run(servers=servers, address=address, topic=topic, home=Path(home), name="latency")
        processes = ingest(run)
        try:
            await asyncio.sleep(5)
            sent = await pace(
                servers.kafka, topic, Events("structured"), rate=rate, seconds=seconds
            )
            await _settled(address, n_distinct(sent, malformed=True))
            seconds_to_commit = await _latencies(address)
        finally:
            for process in processes:
                process.stop(20)
    parts = statistics.quantiles(seconds_to_commit, n=1_000, method="inclusive")
    figures = {name: parts[at] for name, at in (("p50", 499), ("p90", 899), ("p99", 989))}
    figures |= {"p999": parts[998], "longest": max(seconds_to_commit)}
    print(
        f"{rate:,} events/s for {seconds:.0f} s, log to commit of {len(seconds_to_commit):,} "
        f"events (the first {WARM_SECONDS} s left out): "
        + ", ".join(f"{name} {1e3 * each:.0f} ms" for name, each in figures.items())
    )
    return {"rate": rate, "seconds": seconds, "events": len(seconds_to_commit), **figures}


async def backlog(servers: Servers, *, n_events: int) -> dict[str, object]:
    """Catch up with a backlog, by one process and by two."""
    topic = f"backlog.{BUSINESS}"
    await produce(servers.kafka, topic, Events("structured"), n_events)
    figures: dict[str, object] = {"events": n_events}
    for n_processes in (1, 2):
        contender = replace(
            OURS,
            name=f"{n_processes} processes",
            start=partial(ingest, processes=n_processes),
        )
        expected = n_distinct(n_events, malformed=True)
        result = await turn(servers, contender, topic, expected, name=f"backlog{n_processes}")
        caught_up = result.samples[-1].at - result.samples[0].at
        print(
            f"{n_processes} of ingest: {n_events:,} events behind, caught up {caught_up:.0f} s "
            f"after the start, {result.per_second:,.0f} events/s"
        )
        figures[contender.name] = {"per_second": result.per_second, "seconds": caught_up}
    return figures


def memory_slope(samples: Sequence[Sample]) -> float:
    """Return MB a minute, by least squares over the second half: caches are full by then."""
    half = samples[len(samples) // 2 :]
    minutes = [(each.at - half[0].at) / 60 for each in half]
    middle = sum(minutes) / len(half)
    level = sum(each.memory_mb for each in half) / len(half)
    spread = sum((minute - middle) ** 2 for minute in minutes)
    return (
        sum(
            (minute - middle) * (each.memory_mb - level)
            for minute, each in zip(minutes, half, strict=True)
        )
        / spread
    )


def _windows(samples: Sequence[Sample], n: int) -> list[tuple[Sample, Sample]]:
    total = samples[-1].stored
    edges = [
        next(each for each in samples if each.stored >= total * step // n) for step in range(n + 1)
    ]
    return [(begin, end) for begin, end in itertools.pairwise(edges) if end.stored > begin.stored]


def _rate(begin: Sample, end: Sample) -> float:
    return (end.stored - begin.stored) / (end.at - begin.at)


def _cost(begin: Sample, end: Sample) -> float:
    spent = (end.own_cpu - begin.own_cpu) + (end.postgres_cpu - begin.postgres_cpu)
    return 1e6 * spent / (end.stored - begin.stored)


async def _settled(address: str, expected: int) -> None:
    connection = await asyncpg.connect(address)
    try:
        async with asyncio.timeout(60):
            # PostgreSQL has no event to wait for.
            while await connection.fetchval(_STORED) < expected:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
    finally:
        await connection.close()


async def _latencies(address: str) -> list[float]:
    """Return the seconds from the log to the commit of every event but those of the start."""
    connection = await asyncpg.connect(address)
    try:
        runs = await connection.fetch(_RUNS)
    finally:
        await connection.close()
    pairs = [
        (record.timestamp / 1e3, run["committed_at"])
        for run in runs
        for record in originals.unpack(run["originals"])
    ]
    warm_at = min(logged_at for logged_at, _ in pairs) + WARM_SECONDS
    return [committed_at - logged_at for logged_at, committed_at in pairs if logged_at > warm_at]
