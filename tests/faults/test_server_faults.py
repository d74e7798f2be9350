"""Faults of a PostgreSQL whose commits reach the disk: it crashes, and its disk fills up."""

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from aivalue.runtime.embedded.postgres import embedded_postgres_server
from aivalue.runtime.embedded.process import Server
from aivalue.runtime.migrations import migrate
from aivalue.runtime.settings import DatabaseSettings
from tests.faults.bench import EMBEDDED, FACTOR, Bench, eventually, record

pytestmark = pytest.mark.faults
DISK_MEGABYTES = 220
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def _connected(address: str) -> asyncpg.Connection:
    """Connect, once the server answers."""

    async def connected() -> asyncpg.Connection | None:
        with contextlib.suppress(*AWAY):
            return await asyncpg.connect(address)
        return None

    return await eventually(connected, lambda found: found is not None)


@contextlib.asynccontextmanager
async def _bench(home: Path, broker: str, unique: str) -> AsyncIterator[tuple[Bench, Server]]:
    with embedded_postgres_server(data_dir=home, durable=True) as (address, server):
        await migrate(DatabaseSettings(url=SecretStr(address)), "ingest")
        opened = Bench(
            database=address, broker=broker, prefix=f"{unique}.",
            connection=await asyncpg.connect(address),
        )  # fmt: skip
        await opened.open()
        try:
            yield opened, server
        finally:
            opened.stop()
            opened.connection.terminate()


async def _crash(bench: Bench, server: Server) -> None:
    """End every process of it at once, as a crash does, and recover from the log."""
    server.process.send_signal(signal.SIGQUIT)
    await asyncio.to_thread(server.restart)
    bench.connection.terminate()
    bench.connection = await _connected(bench.database)


async def test_a_database_that_crashes(home: Path, broker: str, unique: str) -> None:
    n_rounds = 4 * FACTOR
    async with _bench(home, broker, unique) as (bench, server):
        bench.start(batch_records_max=20)
        for _ in range(n_rounds):
            before = await bench.read()
            await bench.produce(200)
            # In the middle of its work.
            await bench.drain(before + 1)
            await _crash(bench, server)
        await bench.drain()

        record(
            "F7", "PostgreSQL crashes under load", EMBEDDED, rounds=n_rounds,
            journal=bench.journal, found=await bench.verdict(),
        )  # fmt: skip


async def test_a_crash_between_two_commits_harms_the_control(
    home: Path, broker: str, unique: str
) -> None:
    control = "data, then offset"
    async with _bench(home, broker, unique) as (bench, server):
        await bench.produce(200, duplicates=0, junk=0)
        bench.start(naive=control, failpoints="after_pg_commit=sleep:0.5")
        await bench.naive_stored(1)
        await _crash(bench, server)
        await bench.naive_drain()

        await bench.harmed("F7", control, EMBEDDED)


@pytest.fixture
def home() -> Iterator[Path]:
    """Return where PostgreSQL may live, which runs as nobody.

    Not below pytest's own directories: another run of pytest on this machine closes them to it.
    """
    with tempfile.TemporaryDirectory(prefix="aivalue-faults-") as parent:
        Path(parent).chmod(0o755)
        yield Path(parent) / "postgres"


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """Mount a file system that is soon full; whoever is not root needs sudo for it."""
    home.mkdir()
    options = f"size={DISK_MEGABYTES}m,mode=0755,uid={os.getuid()},gid={os.getgid()}"
    _as_root("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(home))
    yield home
    _as_root("umount", "--lazy", str(home))


def _as_root(*command: str) -> None:
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"a disk to fill needs the right to mount one: {done.stderr}"


async def test_a_disk_that_is_full(small_disk: Path, broker: str, unique: str) -> None:
    ballast = small_disk / "ballast"
    n_rounds = 2 * FACTOR
    async with _bench(small_disk, broker, unique) as (bench, server):
        bench.start(batch_records_max=50)
        for _ in range(n_rounds):
            before = await bench.read()
            await bench.produce(200)
            await bench.drain(before + 1)
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as filling:
                while True:
                    filling.write(bytes(65_536))
            await bench.produce(2_000)
            assert await _refused(bench)
            ballast.unlink()
            if server.process.poll() is not None:
                await asyncio.to_thread(server.restart)
            bench.connection.terminate()
            bench.connection = await _connected(bench.database)
            await bench.drain()

        record(
            "F15", "disk full until space is freed", EMBEDDED, rounds=n_rounds,
            journal=bench.journal, found=await bench.verdict(),
        )  # fmt: skip


async def test_a_full_disk_harms_the_control(small_disk: Path, broker: str, unique: str) -> None:
    """There is room for a new offset in its page, and none for a new page of data."""
    control = "offset, then data"
    ballast = small_disk / "ballast"
    async with _bench(small_disk, broker, unique) as (bench, _):
        bench.start(naive=control, batch_records_max=50)
        await bench.produce(200, duplicates=0, junk=0)
        await bench.naive_stored(200)
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as filling:
            while True:
                filling.write(bytes(65_536))
        await bench.produce(1_000, duplicates=0, junk=0)
        await bench.naive_drain()
        ballast.unlink()

        await bench.harmed("F15", control, EMBEDDED)


async def _refused(bench: Bench) -> bool:
    """Say whether PostgreSQL can write no more, and either says so or is gone."""
    try:
        connection = await asyncpg.connect(bench.database)
        try:
            await connection.execute(
                "create table filler as select repeat('x', 8000) from generate_series(1, 30000)"
            )
        finally:
            connection.terminate()
    except asyncpg.DiskFullError:
        return True
    except AWAY:
        return True
    return False
