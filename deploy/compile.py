"""Compile what reads plain measurements; without a C compiler ingest reads them too, slower.

`python deploy/compile.py`, run by `make` and by the images' recipe. What is newer than its sources
is kept; CC=... chooses another compiler.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "aivalue" / "events" / "scanning.pyx"
NAME = "aivalue.events.scanning"
MODULE = SOURCE.with_name("scanning" + sysconfig.get_config_var("EXT_SUFFIX"))
HEADERS = ("-I", sysconfig.get_path("include"))
OPTIMIZED = ("-O3", "-DNDEBUG", "-fwrapv", "-fPIC")


def main() -> int:
    """Put the module beside its source; return the exit status."""
    sources = [SOURCE, *SOURCE.parent.glob("*.pxd")]
    written = max(path.stat().st_mtime for path in sources)
    if MODULE.exists() and MODULE.stat().st_mtime > written:
        return 0
    # Nobody is to run what earlier sources said.
    MODULE.unlink(missing_ok=True)
    compiler, linking = _toolchain()
    if not _compiles(compiler):
        sys.stdout.write(
            f"not compiled: {SOURCE.name} (no C compiler or no headers of Python); ingest reads "
            "events without it, slower. apt-get install gcc python3-dev, then "
            f"{sys.executable} deploy/compile.py\n"
        )
        return 0
    with tempfile.TemporaryDirectory(dir=SOURCE.parent, prefix=".compile-") as folder:
        in_c, built = Path(folder) / "scanning.c", Path(folder) / MODULE.name
        cython = [sys.executable, "-m", "cython", "--module-name", NAME, "-o", in_c, SOURCE]
        linked = [*compiler, *OPTIMIZED, *HEADERS, in_c, *linking, "-o", built]
        for command in (cython, linked):
            done = subprocess.run(  # noqa: S603 - our own words
                command, cwd=ROOT, capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.stderr.write(f"{shlex.join(map(str, command))}\n{done.stdout}{done.stderr}")
                return 1
        built.replace(MODULE)
    return 0


def _toolchain() -> tuple[Sequence[str], Sequence[str]]:
    """Return the compiler, and the options by which it links a module of this Python."""
    usual = sysconfig.get_config_var("CC") or "cc"
    linking = (sysconfig.get_config_var("LDSHARED") or f"{usual} -shared").removeprefix(usual)
    return shlex.split(os.environ.get("CC") or usual), shlex.split(linking)


def _compiles(compiler: Sequence[str]) -> bool:
    """Say whether the compiler is there and finds the headers of Python and of C."""
    command = [*compiler, *HEADERS, "-fsyntax-only", "-x", "c", "-"]
    try:
        return not subprocess.run(  # noqa: S603 - as above
            command, input=b"#include <Python.h>\n", capture_output=True, check=False
        ).returncode
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
