"""Kill any one process, at any moment, and start it again: nothing is lost, nothing is doubled.

The answer is known twice: the series by plain arithmetic, the figures from a run of the same
programme that nobody disturbed. The embedded broker forgets everything with its process, so its
own death is tested against Apache Kafka.
"""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from aivalue.cli.main import app
from aivalue.runtime.stack import Stack, running_stack
from tests.e2e import programme
from tests.e2e.system import eventually, get, proof, send_all, series, sums, wait_counted

pytestmark = pytest.mark.faults

KILLS = 6
SERVICES = ("ingest", "baseline", "attribution", "reporting")


def apply(stack: Stack, directory: Path) -> None:
    path = programme.write_definitions(directory)
    environment = {k: v for k, v in stack.environment.items() if k.startswith("AIVALUE_")}
    applied = CliRunner().invoke(app, ["apply", "-f", str(path), "--yes"], env=environment)
    assert applied.exit_code == 0, applied.output


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Output hash of the programme's run when nobody kills anything."""
    with running_stack() as stack:
        apply(stack, tmp_path_factory.mktemp("definitions"))
        wait_counted(stack, send_all(stack, programme.events()))
        return str(proof(stack).run["output_hash"])


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with running_stack() as running:
        apply(running, tmp_path)
        yield running


def kill_and_restart(stack: Stack, victim: str) -> None:
    server = stack.servers[victim]
    server.process.send_signal(signal.SIGKILL)
    server.restart()
    if victim == "postgres":
        # Backends of the dead postmaster may hold its memory for a moment; then it says so, ends.
        time.sleep(0.5)
        while server.process.poll() is not None:
            server.restart()
            time.sleep(0.5)


def require_unready(stack: Stack, service: str) -> None:
    answer = httpx.get(stack.url(service) + "/readyz", timeout=10, trust_env=False)
    assert answer.status_code == 503


@pytest.mark.parametrize("victim", [*SERVICES, "postgres"])
def test_a_killed_process_loses_and_doubles_nothing(
    stack: Stack, undisturbed: str, victim: str
) -> None:
    pauses = np.random.default_rng(3).uniform(0.2, 1.0, KILLS)
    killed = 0
    sent = threading.Event()
    positions = []

    def produce() -> None:
        # Every event twice: what the first pass loses the second would hide, so the sums of a
        # second pass must change nothing, and ids must do it.
        positions.append(send_all(stack, programme.events()))
        positions.append(send_all(stack, programme.events()))
        sent.set()

    producer = threading.Thread(target=produce)
    producer.start()
    for pause in pauses:
        time.sleep(pause)
        kill_and_restart(stack, victim)
        killed += 1
    producer.join()
    for service in SERVICES:
        stack.wait_ready(service)
    wait_counted(stack, positions[-1])

    assert sent.is_set()
    assert killed == KILLS
    assert sums(series(stack, "handle-time")) == programme.expected()
    assert proof(stack).run["output_hash"] == undisturbed


def test_a_service_that_dies_takes_up_down_and_says_which() -> None:
    from aivalue.runtime.embedded.process import ServerFailed

    with running_stack() as stack:
        stack.servers["baseline"].process.send_signal(signal.SIGKILL)

        with pytest.raises(ServerFailed, match="baseline ended with status -9"):
            stack.supervise()


def test_ingest_recovers_by_itself_while_the_database_is_away(stack: Stack) -> None:
    """No restart of ingest: it waits, reads the truth again, and goes on."""
    first = send_all(stack, programme.events())
    stack.servers["postgres"].process.send_signal(signal.SIGKILL)
    stack.servers["postgres"].process.wait()
    # What it says of its dependencies may be a second old.
    eventually(lambda: require_unready(stack, "ingest"))

    kill_and_restart(stack, "postgres")
    eventually(lambda: stack.wait_ready("ingest"))
    wait_counted(stack, first)

    assert stack.servers["ingest"].process.poll() is None
    assert sums(series(stack, "handle-time")) == programme.expected()
    assert get(stack, "ingest", "/v1/dead-letters")["dead_letters"] == []
