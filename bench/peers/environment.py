"""An environment of their own for the peers, set up once, and how to run them there.

Peers need pandas, Rust and numpy of their own choice; none of it may reach ours. What is installed
is locked with hashes in requirements/peers.txt.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "peers"
LOCK = ROOT / "requirements" / "peers.txt"
TASKS = Path(__file__).with_name("tasks.py")
TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One peer's run: processor time of its best round, peak memory, and its answer."""

    ms: float
    megabytes: float
    answer: tuple[float, ...]


def python_of_peers() -> Path:
    """Return the interpreter that has the peers; install them if they are not there yet."""
    python = FOLDER / "bin" / "python"
    done = FOLDER / ".installed"
    if not done.exists() or done.read_text() != LOCK.read_text():
        print("setting up build/peers (a few minutes, once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "-r",
            str(LOCK),
        ]
        subprocess.run(install, check=True)
        done.write_text(LOCK.read_text())
    return python


def run_peer(task: str, data: Path) -> Run:
    """Run one task of `bench/peers/tasks.py` on the arrays of an .npz file."""
    command = [str(python_of_peers()), str(TASKS), task, str(data)]
    single = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    out = subprocess.run(
        command, capture_output=True, check=True, text=True, timeout=TIMEOUT_SECONDS, env=single
    )
    found = json.loads(out.stdout.splitlines()[-1])
    return Run(ms=found["ms"], megabytes=found["megabytes"], answer=tuple(found["answer"]))
