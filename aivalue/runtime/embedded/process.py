"""Start a server as a child that cannot outlive us, and stop it."""

import contextlib
import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aivalue.errors import AivalueError

READY_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec only async-signal-safe work is allowed.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerFailed(AivalueError):
    """A server did not start or ended by itself; the message ends with the tail of its log."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user a server runs as, where that is not our own."""

    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """Return `nobody` where we are root, because PostgreSQL refuses uid 0; None otherwise."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running child process.

    `stop_signal` asks it to end, also when the parent dies (Linux): the kernel sends it. It does
    so when the *thread* ends that started the child, so start servers from the main thread.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        stop_signal: signal.Signals = signal.SIGTERM,
        account: Account | None = None,
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self._arguments = [str(each) for each in arguments]
        self._log = log
        self._environment = dict(environment)
        self._stop_signal = stop_signal
        self._account = account
        self._directory = directory
        self.process = self._started()

    def restart(self) -> None:
        """Start again, as it was started before: after a crash, on the same data and port."""
        self.process.wait()
        self.process = self._started()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait for readiness.

        Raises
        ------
        ServerFailed
            The process ended, or was not ready in 30 seconds.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if self.process.poll() is not None:
                raise ServerFailed(
                    f"{self.name} exited with status {self.process.returncode}: {self.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"{self.name} not ready after {READY_SECONDS:.0f} s: {self.log_tail()}"
                )
            time.sleep(0.02)

    def log_tail(self, characters: int = 2_000) -> str:
        """Return the end of what the server wrote."""
        return self._log.read_text(errors="replace")[-characters:]

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Ask it to end; kill it where it does not."""
        if self.process.poll() is None:
            self.process.send_signal(self._stop_signal)
            try:
                self.process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def _started(self) -> "subprocess.Popen[bytes]":
        identity: dict[str, object] = {}
        if self._account is not None:
            identity = {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        with self._log.open("ab") as output:
            process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - programs of our own
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
                # Linux's only way to end a child with a killed parent; the lambda calls one
                # function of libc and touches no lock.
                preexec_fn=_dies_with_parent(self._stop_signal),  # noqa: PLW1509
                **identity,  # type: ignore[call-overload]  # user, group and extra_groups
            )
        return process


def accepts_connections(port: int) -> bool:
    """Say whether something listens on a port of 127.0.0.1."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def _dies_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    prctl, number = _LIBC.prctl, int(stop_signal)
    return lambda: prctl(_PR_SET_PDEATHSIG, number)
