"""PostgreSQL (commits reach the disk) and Apache Kafka, and what their processes use."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from pydantic import SecretStr

from aivalue.runtime.embedded.postgres import embedded_postgres_server
from aivalue.runtime.embedded.process import Server
from aivalue.runtime.migrations import migrate
from aivalue.runtime.settings import DatabaseSettings, KafkaSettings
from tests.kafka.cluster import kafka_cluster

BUILD = Path(__file__).parents[2] / "build"
_TEMPLATE = "postgres"
# What docs/operations.md says of a machine of its own, for every contender alike.
POSTGRES = {"shared_buffers": "4GB", "max_wal_size": "8GB", "min_wal_size": "4GB"}
# Of its log; less than what it keeps.
SEGMENTS = 200


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Where they listen, and their processes."""

    address: str
    postgres: Server
    broker: Server
    kafka: KafkaSettings

    async def database(self, name: str) -> str:
        """Create a database with ingest's schema; return its address."""
        base = self.address.removesuffix(_TEMPLATE)
        connection = await asyncpg.connect(base + "template1")
        try:
            await connection.execute(f"create database {name} template {_TEMPLATE}")
        finally:
            await connection.close()
        return base + name

    async def drop(self, name: str) -> None:
        """Drop a database, and write what is dirty, so that the next run begins like this one."""
        connection = await asyncpg.connect(self.address.removesuffix(_TEMPLATE) + "template1")
        try:
            await connection.execute(f"drop database {name} with (force)")
            await connection.execute("checkpoint")
        finally:
            await connection.close()


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    """Run both; PostgreSQL notes when every transaction committed, for every contender alike."""
    with tempfile.TemporaryDirectory(prefix="aivalue-bench-") as home:
        data = Path(home, "postgres")
        Path(home).chmod(0o755)
        with embedded_postgres_server(data_dir=data, settings=POSTGRES) as (address, _):
            asyncio.run(_prepare(address))
        with (
            embedded_postgres_server(data_dir=data, settings=POSTGRES) as (address, postgres),
            kafka_cluster(BUILD / "kafka-jars") as (bootstrap, nodes),
        ):
            broker = nodes[0].server
            if broker is None:
                raise RuntimeError("the broker did not start")
            kafka = KafkaSettings(
                bootstrap=bootstrap, idempotent_producer=False, replication_factor=1
            )
            yield Servers(address=address, postgres=postgres, broker=broker, kafka=kafka)


async def _prepare(address: str) -> None:
    await migrate(DatabaseSettings(url=SecretStr(address)), "ingest")
    connection = await asyncpg.connect(address)
    try:
        await connection.execute("alter system set track_commit_timestamp = on")
        # A server that has run for a while writes over old segments of its log; a new one fills
        # each with zeros first, at the expense of whoever comes first.
        for _ in range(SEGMENTS):
            await connection.execute("select pg_logical_emit_message(false, 'bench', 'worn in')")
            await connection.execute("select pg_switch_wal()")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


def cpu_seconds(processes: Sequence[Server]) -> float:
    """Return the CPU time of processes and all their children, also of those that have ended."""
    total = 0.0
    for server in processes:
        root = psutil.Process(server.process.pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def resident_mb(processes: Sequence[Server]) -> float:
    """Return the memory that processes hold."""
    return sum(psutil.Process(each.process.pid).memory_info().rss for each in processes) / 1e6
