"""Who takes part: each starts its processes, and says which table shows what it has stored."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aivalue.events.topics import BUSINESS
from aivalue.runtime.embedded.process import Server, free_port
from bench.ingest.load import FLAT_SCHEMA, Form
from bench.ingest.servers import BUILD, Servers

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Run:
    """One contender's turn: where it reads, where it writes, where its files go."""

    servers: Servers
    address: str
    topic: str
    home: Path
    name: str


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A way from the log to the database; `share` of the events is enough for a slow one."""

    name: str
    form: Form
    table: str
    start: Callable[[Run], Sequence[Server]]
    share: float = 1.0


def ingest(run: Run, *, processes: int = 1, port: int = 0) -> list[Server]:
    """Start our service as it runs in production; at a port of its own, or at one that is given."""
    environment = os.environ | {
        "AIVALUE_DATABASE__URL": run.address,
        "AIVALUE_KAFKA__BOOTSTRAP": run.servers.kafka.bootstrap,
        "AIVALUE_KAFKA__IDEMPOTENT_PRODUCER": "false",
        "AIVALUE_KAFKA__REPLICATION_FACTOR": "1",
        "AIVALUE_KAFKA__SESSION_TIMEOUT_MS": "6000",
        "AIVALUE_KAFKA__TENANTS": json.dumps({"default": run.topic.removesuffix(BUSINESS)}),
        "AIVALUE_INGEST__GROUP": run.name,
    }
    return [
        Server(
            "ingest",
            [sys.executable, "-m", "services.ingest"],
            log=run.home / f"ingest-{number}.log",
            environment=environment | {"AIVALUE_PORT": str(port or free_port())},
        )
        for number in range(processes)
    ]


def plain_loop(run: Run) -> list[Server]:
    """Start what one would write in an afternoon."""
    arguments = [run.servers.kafka.bootstrap, run.topic, run.name, run.address]
    return [
        Server(
            "plain loop",
            [sys.executable, _HERE / "plain_loop.py", *arguments],
            log=run.home / "plain.log",
            environment=os.environ,
        )
    ]


def debezium(run: Run, *, unnest: bool = False, schema_in_records: bool = False) -> list[Server]:
    """Start Kafka Connect with Debezium's JDBC sink: upsert, batches of 2,000, two tasks.

    A sink that makes tables has to know what the columns are. By default Connect's JSON says so in
    every record; told once, in the converter's settings, there are half the bytes to read.
    """
    where = urlsplit(run.address)
    worker = {
        "bootstrap.servers": run.servers.kafka.bootstrap,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "offset.storage.file.filename": str(run.home / "offsets"),
        # All jars on one class path: with plugin isolation Jackson's service files clash.
        "plugin.path": str(run.home),
        "listeners": f"http://127.0.0.1:{free_port()}",
        "consumer.max.poll.records": "5000",
        "consumer.fetch.max.bytes": "16777216",
        "consumer.max.partition.fetch.bytes": "4194304",
    }
    if not schema_in_records:
        worker["value.converter.schema.content"] = FLAT_SCHEMA
    sink = {
        "name": run.name,
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": "2",
        "topics": run.topic,
        "connection.url": f"jdbc:postgresql://{where.hostname}:{where.port}{where.path}"
        "?reWriteBatchedInserts=true",
        "connection.username": "postgres",
        "connection.password": "x",
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": "source,id",
        # Or a repetition within a batch ends the task: no row may be updated twice in a statement.
        "use.reduction.buffer": "true",
        "schema.evolution": "basic",
        "batch.size": "5000" if unnest else "2000",
        "collection.name.format": "event",
        "use.time.zone": "UTC",
        "dialect.postgres.unnest.insert.enabled": str(unnest).lower(),
    }
    files = [_properties(run.home / "worker", worker), _properties(run.home / "sink", sink)]
    java = ["java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    jars = f"{BUILD / 'debezium-jars'}/*"
    return [
        Server(
            "Kafka Connect",
            [*java, "-cp", jars, "org.apache.kafka.connect.cli.ConnectStandalone", *files],
            log=run.home / "connect.log",
            environment=os.environ,
        )
    ]


def _properties(path: Path, settings: dict[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return path


CONTENDERS = (
    Contender(
        name="ingest, structured", form="structured", table="ingest.event_runs", start=ingest
    ),
    Contender(
        name="Debezium JDBC sink",
        form="flat",
        table="event",
        start=debezium,
    ),
    Contender(
        name="Debezium JDBC sink, schemas",
        form="described",
        table="event",
        start=lambda run: debezium(run, schema_in_records=True),
    ),
    Contender(name="ingest, binary", form="binary", table="ingest.event_runs", start=ingest),
    Contender(
        name="Debezium JDBC sink, unnest",
        form="flat",
        table="event",
        start=lambda run: debezium(run, unnest=True),
    ),
    Contender(
        name="aiokafka + SQLAlchemy loop",
        form="structured",
        table="plain_event",
        start=plain_loop,
        share=0.3,
    ),
)
