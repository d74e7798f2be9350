"""Temporary directories that are removed even where their owner was killed: by the next one."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "aivalue-"
_LOCK = "owner.lock"


@contextlib.contextmanager
def scratch_directory(name: str) -> Iterator[Path]:
    """Make a directory that ends with the block; first remove what dead owners left of this name.

    The owner holds a lock on a file in it, which the kernel lets go however the owner ends: what
    is locked is in use, and what has no such file is none of ours.
    """
    _remove_abandoned(name)
    home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-"))
    lock = _locked(home / "new", os.O_CREAT)
    # Under its name it is locked already: nobody can take it for abandoned in between.
    (home / "new").rename(home / _LOCK)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_abandoned(name: str) -> None:
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{name}-*"):
        lock = _locked(home / _LOCK)
        if lock is not None:
            shutil.rmtree(home, ignore_errors=True)
            os.close(lock)


def _locked(file: Path, flags: int = 0) -> int | None:
    """Lock a file, which must be ours; None where it is not, or is in use."""
    try:
        lock = os.open(file, os.O_RDWR | os.O_NOFOLLOW | flags, 0o600)
    except OSError:
        return None
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
