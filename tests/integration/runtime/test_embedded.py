"""Embedded servers: ready, private, gone with their parent, nothing left, root or not."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import psutil
import pytest

from aivalue.runtime.embedded.broker import embedded_broker
from aivalue.runtime.embedded.postgres import embedded_postgres_server
from aivalue.runtime.embedded.process import ServerFailed
from aivalue.runtime.embedded.scratch import scratch_directory
from aivalue.runtime.kafka import BrokerUnusable, create_producer, require_reachable
from aivalue.runtime.settings import KafkaSettings

# Starts both servers, says their pids, and waits to be killed.
_PARENT = """
import sys, time
from aivalue.runtime.embedded.broker import embedded_broker
from aivalue.runtime.embedded.postgres import embedded_postgres_server
with embedded_broker() as (_, broker), embedded_postgres_server() as (_, postgres):
    print(broker.process.pid, postgres.process.pid, flush=True)
    time.sleep(60)
"""

_OWNER = """
import time
from aivalue.runtime.embedded.scratch import scratch_directory
with scratch_directory("broker") as home:
    print(home, flush=True)
    time.sleep(60)
"""


def _addresses(pid: int) -> set[str]:
    listening = psutil.Process(pid).net_connections(kind="inet")
    return {each.laddr.ip for each in listening if each.status == psutil.CONN_LISTEN}


def test_servers_listen_on_this_machine_only() -> None:
    with embedded_broker() as (_, broker), embedded_postgres_server() as (_, postgres):
        assert _addresses(broker.process.pid) == {"127.0.0.1"}
        assert _addresses(postgres.process.pid) == {"127.0.0.1"}


def test_nothing_is_left_after_a_clean_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="aivalue-left-", dir="/var/tmp") as private:
        # Others may pass through: the server may run as nobody.
        Path(private).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", private)
        with embedded_broker() as (_, broker), embedded_postgres_server() as (_, postgres):
            started = [broker.process, postgres.process]
            used = list(Path(private).iterdir())

        left = list(Path(private).iterdir())

    assert all(process.poll() is not None for process in started)
    assert len(used) == 2
    assert left == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_servers_end_with_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]

    parent.kill()
    parent.wait()
    parent.stdout.close()

    _, alive = psutil.wait_procs(children, timeout=10)
    assert len(children) == 2
    assert alive == []


async def test_a_kept_data_directory_is_used_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with tempfile.TemporaryDirectory(prefix="aivalue-kept-", dir="/var/tmp") as kept:
        # Others may pass through: the server may run as nobody.
        Path(kept).chmod(0o755)
        home = Path(kept) / "postgres"
        with embedded_postgres_server(data_dir=home) as (address, _):
            connection = await asyncpg.connect(address)
            await connection.execute("create table kept as select 42 as answer")
            await connection.close()

        with embedded_postgres_server(data_dir=home) as (address, _):
            connection = await asyncpg.connect(address)
            answer = await connection.fetchval("select answer from kept")
            durable = await connection.fetchval("show fsync")
            await connection.close()

    assert (answer, durable) == (42, "on")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")
def test_a_directory_that_nobody_can_reach_is_refused_by_name(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with (
        pytest.raises(ServerFailed, match=r"cannot pass through .* choose a data directory"),
        embedded_postgres_server(data_dir=closed / "postgres"),
    ):
        pass

    assert closed.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_owner_left_is_removed_by_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "aivalue-broker-of-somebody-else").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    killed, living = (
        subprocess.Popen(
            [sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, text=True, env=environment
        )
        for _ in range(2)
    )
    homes = [Path(each.stdout.readline().strip()) for each in (killed, living) if each.stdout]
    killed.kill()
    killed.communicate()
    assert all(home.exists() for home in homes)

    with scratch_directory("broker") as own, scratch_directory("broker"):
        assert [home.exists() for home in (*homes, own)] == [False, True, True]
    living.kill()
    living.communicate()

    left = {homes[1].name, "aivalue-broker-of-somebody-else"}
    assert {each.name for each in tmp_path.iterdir()} == left


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    with embedded_broker() as (bootstrap, _):
        port = int(bootstrap.rsplit(":", 1)[1])
        with (
            pytest.raises(ServerFailed, match="exited with status"),
            embedded_postgres_server(port=port),
        ):
            pass


def test_sigterm_to_the_parent_leaves_no_server() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]

    parent.send_signal(signal.SIGTERM)
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 10
    while any(child.is_running() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in children if child.is_running()]


async def test_who_needs_idempotent_producers_is_told_which_setting_the_broker_needs() -> None:
    with embedded_broker() as (bootstrap, _):
        settings = KafkaSettings(bootstrap=bootstrap)
        producer = create_producer(settings, client_id="a test")
        try:
            with pytest.raises(BrokerUnusable, match="needs AIVALUE_KAFKA__IDEMPOTENT_PRODUCER"):
                await require_reachable(settings, producer)
        finally:
            await producer.stop()
