"""How many events a second reach PostgreSQL, validated, deduplicated, counted and durable.

`python bench/ingest.py --events 500000 [--mode binary] [--broker embedded]`: events are put on the
log first, then one ingest process reads them; the rate is taken between the first and the last
commit, on PostgreSQL's own clock. One per cent are duplicates, one in 2,000 is malformed. Commits
reach the disk. CPU seconds are those of the processes, so they hold on a busy machine too.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import psutil
from aiokafka import AIOKafkaProducer, TopicPartition
from pydantic import SecretStr

from aivalue.events.topics import BUSINESS
from aivalue.runtime.embedded.broker import embedded_broker
from aivalue.runtime.embedded.postgres import embedded_postgres_server
from aivalue.runtime.embedded.process import Server, free_port
from aivalue.runtime.kafka import create_producer, ensure_topics
from aivalue.runtime.migrations import migrate
from aivalue.runtime.settings import DatabaseSettings, KafkaSettings
from tests.kafka.cluster import kafka_cluster

JARS = Path(__file__).parents[1] / "build" / "kafka-jars"
N_UNITS, N_KPIS = 200, 5
DUPLICATE_EVERY, MALFORMED_EVERY = 100, 2_000
TYPE = "aivalue.measurement.recorded.v1"
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def record(number: int, mode: str, start: datetime) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Return key, value and headers of the numbered event."""
    if number % MALFORMED_EVERY == 0:
        return b"k", b'{"not": "an event"', STRUCTURED
    if number % DUPLICATE_EVERY == 0:
        number -= DUPLICATE_EVERY // 2
    unit, kpi = f"line-{number % N_UNITS:03}", f"kpi-{number % N_KPIS}"
    event_id = f"019a{number:012x}"
    moment = (start + timedelta(milliseconds=100 * number)).isoformat()
    data = f'{{"kpi":"{kpi}","unit":"{unit}","value":"{number % 9973}.{number % 97:02}"}}'
    if mode == "binary":
        attributes = {
            "specversion": "1.0", "id": event_id, "source": "urn:plant:mes", "type": TYPE,
            "time": moment,
        }  # fmt: skip
        headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        headers.append(("content-type", b"application/json"))
        return unit.encode(), data.encode(), headers
    envelope = (
        f'{{"specversion":"1.0","id":"{event_id}","source":"urn:plant:mes","type":"{TYPE}",'
        f'"time":"{moment}","datacontenttype":"application/json","data":{data}}}'
    )
    return unit.encode(), envelope.encode(), STRUCTURED


async def produce(settings: KafkaSettings, n_events: int, mode: str) -> None:
    """Put the events on the log, spread over its partitions in turns of 500."""
    await ensure_topics(settings, [BUSINESS])
    producer: AIOKafkaProducer = create_producer(settings, client_id="bench")
    await producer.start()
    start = datetime.now(UTC) - timedelta(days=3)
    waiting = []
    try:
        for turn, first in enumerate(range(1, n_events + 1, 500)):
            batch = producer.create_batch()
            for number in range(first, min(first + 500, n_events + 1)):
                key, value, headers = record(number, mode, start)
                appended = batch.append(key=key, value=value, timestamp=None, headers=headers)
                if appended is None:
                    raise RuntimeError("the batch is too small for 500 events")
            partition = TopicPartition(BUSINESS, turn % settings.partitions)
            waiting.append(
                await producer.send_batch(batch, partition.topic, partition=partition.partition)
            )
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


@contextlib.contextmanager
def broker_of(kind: str) -> Iterator[tuple[str, list[Server]]]:
    """Run the broker; yield its address and processes."""
    if kind == "embedded":
        with embedded_broker() as (bootstrap, server):
            yield bootstrap, [server]
    else:
        with kafka_cluster(JARS) as (bootstrap, nodes):
            yield bootstrap, [node.server for node in nodes if node.server]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children."""
    root = psutil.Process(pid)
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


async def drained(address: str, n_events: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until every record is stored."""
    connection = await asyncpg.connect(address)
    try:
        while process.poll() is None:
            stored = await connection.fetchval("select sum(next_offset) from ingest.partitions")
            if stored and int(stored) >= n_events:
                return
            await asyncio.sleep(0.25)
        raise RuntimeError("ingest ended")
    finally:
        await connection.close()


async def rate(address: str) -> dict[str, float]:
    """Return what was stored and how fast, from the batches' own commit times."""
    connection = await asyncpg.connect(address)
    try:
        row = await connection.fetchrow(
            "with b as (select committed_at, sum(consumed) as n, sum(inserted) as i, "
            "sum(duplicate) as d, sum(dead) as x from ingest.batches group by 1) "
            "select sum(n)::float as consumed, sum(i)::float as inserted, "
            "sum(d)::float as duplicate, sum(x)::float as dead, count(*)::float as batches, "
            "extract(epoch from max(committed_at) - min(committed_at))::float as seconds, "
            "(sum(n) - (array_agg(n order by committed_at))[1])::float as later from b"
        )
        events = await connection.fetchval("select count(*) from ingest.events")
        counted = await connection.fetchval("select sum(n) from ingest.daily_statistics")
    finally:
        await connection.close()
    if not events == counted == row["inserted"]:
        raise RuntimeError(f"{row['inserted']} inserted, {events} kept, {counted} counted")
    return dict(row)


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--mode", choices=("structured", "binary"), default="structured")
    parser.add_argument("--broker", choices=("kafka", "embedded"), default="kafka")
    parser.add_argument("--batch", type=int, default=5_000)
    parser.add_argument("--profile", help="write a py-spy profile of the ingest process here")
    options = parser.parse_args()
    with (
        embedded_postgres_server(durable=True) as (address, postgres),
        broker_of(options.broker) as (bootstrap, brokers),
        tempfile.TemporaryDirectory() as home,
    ):
        settings = KafkaSettings(
            bootstrap=bootstrap, idempotent_producer=False, replication_factor=1
        )
        asyncio.run(migrate(DatabaseSettings(url=SecretStr(address)), "ingest"))
        asyncio.run(produce(settings, options.events, options.mode))
        environment = os.environ | {
            "AIVALUE_PORT": str(free_port()),
            "AIVALUE_DATABASE__URL": address,
            "AIVALUE_KAFKA__BOOTSTRAP": bootstrap,
            "AIVALUE_KAFKA__IDEMPOTENT_PRODUCER": "false",
            "AIVALUE_KAFKA__REPLICATION_FACTOR": "1",
            "AIVALUE_KAFKA__SESSION_TIMEOUT_MS": "6000",
            "AIVALUE_INGEST__BATCH_RECORDS_MAX": str(options.batch),
        }
        servers = {"postgres": [postgres], "broker": brokers}
        before = {
            name: sum(cpu_seconds(each.process.pid) for each in of) for name, of in servers.items()
        }
        command = [sys.executable, "-m", "services.ingest"]
        if options.profile:
            command = [*command[:1], "-m", "cProfile", "-o", options.profile, *command[1:]]
        with Path(home, "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stderr=log)
        try:
            time.sleep(2)
            started = cpu_seconds(process.pid)
            asyncio.run(drained(address, options.events, process))
            ingest = cpu_seconds(process.pid) - started
            # While its connections live: a backend that is gone takes its account with it.
            after = {
                name: sum(cpu_seconds(each.process.pid) for each in of)
                for name, of in servers.items()
            }
            memory = psutil.Process(process.pid).memory_info().rss
        finally:
            process.terminate()
            process.wait(20)
        result = asyncio.run(rate(address))
    per_event = 1e6 / options.events
    print(
        json.dumps(
            {
                "mode": options.mode,
                "broker": options.broker,
                **result,
                "events_per_second": round(result["later"] / result["seconds"]),
                "ingest_cpu_us": round(ingest * per_event, 1),
                "postgres_cpu_us": round((after["postgres"] - before["postgres"]) * per_event, 1),
                "broker_cpu_us": round((after["broker"] - before["broker"]) * per_event, 1),
                "resident_mb": round(memory / 1e6),
            }
        )
    )


if __name__ == "__main__":
    main()
