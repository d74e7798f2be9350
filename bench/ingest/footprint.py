"""What stored events weigh, and how long it takes to verify, dump and restore them."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import asyncpg

from aivalue.events.topics import BUSINESS
from aivalue.runtime.embedded.postgres import postgres_programs
from aivalue.runtime.embedded.process import accepts_connections, free_port
from bench.ingest.contenders import CONTENDERS, Run, ingest
from bench.ingest.load import Events, n_distinct, produce
from bench.ingest.measure import turn
from bench.ingest.servers import Servers

# As docs/operations.md asks for it.
_BYTES: Final = (
    "select sum(pg_total_relation_size(c.oid))::bigint from pg_class c join pg_namespace n "
    "on n.oid = c.relnamespace where nspname = 'ingest' and relkind in ('r', 'p')"
)
_KEYS: Final = "select count(*) from ingest.event_keys"


async def footprint(servers: Servers, *, n_events: int) -> dict[str, object]:
    """Store events, then do with them what an operator does."""
    topic = f"footprint.{BUSINESS}"
    address = await servers.database("footprint")
    await produce(servers.kafka, topic, Events("structured"), n_events)
    expected = n_distinct(n_events, malformed=True)
    before = await _asked(address, _BYTES)
    await turn(servers, CONTENDERS[0], topic, expected, name="footprint", address=address)
    n_bytes = (await _asked(address, _BYTES) - before) / expected
    print(f"{expected:,} events stored: {n_bytes:,.0f} bytes an event", flush=True)
    figures: dict[str, object] = {"events": expected, "bytes_per_event": n_bytes}
    restored = address.rsplit("/", 1)[0] + "/restored"
    with tempfile.TemporaryDirectory(prefix="aivalue-bench-run-") as home:
        run = Run(servers=servers, address=address, topic=topic, home=Path(home), name="verify")
        figures |= await asyncio.to_thread(_operated, run, restored)
    if await _asked(address, _KEYS) != await _asked(restored, _KEYS):
        raise RuntimeError("what was restored is not what was dumped")
    for name in ("footprint", "restored"):
        await servers.drop(name)
    print(", ".join(f"{name} {each:,.1f}" for name, each in figures.items()))
    return figures


async def _asked(address: str, sql: str) -> int:
    connection = await asyncpg.connect(address)
    try:
        return int(await connection.fetchval(sql))
    finally:
        await connection.close()


def _operated(run: Run, restored: str) -> dict[str, float]:
    """Verify, dump and restore."""
    dump = run.home / "aivalue.dump"
    return {
        "verify_seconds": _verified(run),
        "dump_seconds": _timed("pg_dump", "--format", "custom", "--file", str(dump), run.address),
        "create_seconds": _timed("createdb", "--maintenance-db", run.address, "restored"),
        "restore_seconds": _timed("pg_restore", "--exit-on-error", "--dbname", restored, str(dump)),
        "dump_mb": dump.stat().st_size / 1e6,
    }


def _verified(run: Run) -> float:
    """Time `aivalue ingest verify`, of a service that reads the log to its end."""
    port = free_port()
    (server,) = ingest(run, port=port)
    service = {"AIVALUE_SERVICES__INGEST": f"http://127.0.0.1:{port}"}
    try:
        server.wait_until(lambda: accepts_connections(port))
        return _timed(sys.executable, "-m", "aivalue", "ingest", "verify", environment=service)
    finally:
        server.stop(20)


def _timed(*command: str, environment: Mapping[str, str] | None = None) -> float:
    program = postgres_programs() / command[0]
    begun = time.monotonic()
    subprocess.run(
        [program if program.exists() else command[0], *command[1:]],
        env=os.environ | (environment or {}),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - begun
