"""Compile where ingest spends its time; without a C compiler it does the same, slower.

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
SOURCES = ("aivalue/**/*.pyx", "services/**/*.pyx")
INCLUDED = ("aivalue/**/*.pxd", "services/**/*.pxd")
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
HEADERS = ("-I", sysconfig.get_path("include"))
OPTIMIZED = ("-O3", "-DNDEBUG", "-fwrapv", "-fPIC")


def main() -> int:
    """Put each module beside its source; return the exit status."""
    sources = sorted(path for pattern in SOURCES for path in ROOT.glob(pattern))
    outdated = [source for source in sources if _is_outdated(source)]
    for source in outdated:
        # Nobody is to run what earlier sources said.
        _module(source).unlink(missing_ok=True)
    if not outdated:
        return 0
    compiler, linking = _toolchain()
    if not _compiles(compiler):
        names = ", ".join(source.name for source in outdated)
        sys.stdout.write(
            f"not compiled: {names} (no C compiler or no headers of Python); ingest does its work "
            "without, slower. apt-get install gcc python3-dev, then "
            f"{sys.executable} deploy/compile.py\n"
        )
        return 0
    return max(_compile(source, compiler, linking) for source in outdated)


def _module(source: Path) -> Path:
    return source.with_suffix(SUFFIX)


def _is_outdated(source: Path) -> bool:
    # What one declares others include, wherever they are.
    included = [path for pattern in INCLUDED for path in ROOT.glob(pattern)]
    written = max(path.stat().st_mtime for path in (source, *included))
    module = _module(source)
    return not (module.exists() and module.stat().st_mtime > written)


def _compile(source: Path, compiler: Sequence[str], linking: Sequence[str]) -> int:
    name = ".".join(source.relative_to(ROOT).with_suffix("").parts)
    with tempfile.TemporaryDirectory(dir=source.parent, prefix=".compile-") as folder:
        in_c, built = Path(folder) / f"{source.stem}.c", Path(folder) / _module(source).name
        cython = [sys.executable, "-m", "cython", "--module-name", name, "-o", in_c, source]
        linked = [*compiler, *OPTIMIZED, *HEADERS, in_c, *linking, "-o", built]
        for command in (cython, linked):
            done = subprocess.run(  # noqa: S603 - our own words
                command, cwd=ROOT, capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.stderr.write(f"{shlex.join(map(str, command))}\n{done.stdout}{done.stderr}")
                return 1
        built.replace(_module(source))
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
