"""`aivalue up`: runs until it is told to stop, keeps what it was told to keep, dies as a whole."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from aivalue.runtime.stack import running_stack
from tests.e2e import programme
from tests.e2e.system import send_all, series, sums, wait_counted

ROOT = Path(__file__).parents[2]
SERVICES = ("ingest", "baseline", "attribution", "reporting")


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Up:
    """A running `aivalue up`."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aivalue", "up", "--free-ports", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Who runs the tests in the background ignores interrupts, and children inherit that.
            preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no other thread holds a lock here
        )
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().split() for _ in range(len(SERVICES) + 2)]
        self.urls = {line[0]: line[1] for line in lines}
        self.children = psutil.Process(self.process.pid).children(recursive=True)

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """Signal it; return its exit status and what it said."""
        self.process.send_signal(how)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return its exit status and what it said."""
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.fixture
def up() -> Iterator[Up]:
    running = Up()
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_leaves_nothing(up: Up, how: signal.Signals) -> None:
    answers = [httpx.get(up.urls[name] + "/readyz", trust_env=False) for name in SERVICES]

    status, said = up.end(how)

    assert [answer.status_code for answer in answers] == [200] * len(SERVICES)
    assert status == 0, said
    _, alive = psutil.wait_procs(up.children, timeout=10)
    assert alive == []


def test_a_service_that_dies_takes_it_down_with_a_clear_message(up: Up) -> None:
    port = httpx.URL(up.urls["attribution"]).port
    victim = next(
        child
        for child in up.children
        if any(c.laddr.port == port for c in child.net_connections() if c.status == "LISTEN")
    )

    victim.kill()
    status, said = up.ended()

    assert status == 1
    assert "attribution ended with status -9, so everything stops" in said
    _, alive = psutil.wait_procs(up.children, timeout=10)
    assert alive == []


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as listener:
        # Taken already is as good: somebody listens there, which is what must be said.
        with contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", 8101))
            listener.listen()
        done = subprocess.run(
            [sys.executable, "-m", "aivalue", "up"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert "port 8101 is in use" in done.stderr


def test_a_mistyped_setting_is_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aivalue", "up", "--free-ports"],
        cwd=ROOT,
        env={**os.environ, "AIVALUE_KAFKA__BOTSTRAP": "x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "did you mean AIVALUE_KAFKA__BOOTSTRAP?" in done.stderr


def test_a_kept_data_directory_goes_on_where_it_stopped() -> None:
    """The broker forgets, the database does not: no event is asked for again, none counts twice."""
    with tempfile.TemporaryDirectory(prefix="aivalue-kept-", dir="/var/tmp") as kept:
        Path(kept).chmod(0o755)
        home = Path(kept) / "data"
        with running_stack(data_dir=home) as stack:
            wait_counted(stack, send_all(stack, programme.events()))
            before = series(stack, "handle-time")

        with running_stack(data_dir=home) as stack:
            again = series(stack, "handle-time")
            wait_counted(stack, send_all(stack, programme.events()))
            replayed = series(stack, "handle-time")

    assert sums(before) == programme.expected()
    assert again == before
    assert replayed == before
