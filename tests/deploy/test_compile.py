"""Compiled where there is a compiler, and a sentence where there is none."""

import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from tests.deploy.programs import ROOT

SUFFIX = EXTENSION_SUFFIXES[0]
# Links nothing and reads no headers, so these tests ask for no compiler of the machine.
_COMPILER = """#!/bin/sh
while [ $# -gt 1 ]; do [ "$1" = -o ] && echo compiled > "$2"; shift; done
"""


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Make a repository of the script and a module of one line; return the module's folder."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "compile.py", tmp_path / "deploy")
    folder = tmp_path / "aivalue" / "events"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "scanning.pyx").write_text("ANSWER = 42\n")
    return folder


@pytest.fixture
def compiler(tmp_path: Path) -> str:
    path = tmp_path / "cc"
    path.write_text(_COMPILER)
    path.chmod(0o755)
    return str(path)


def compile_there(events: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, events.parents[1] / "deploy" / "compile.py"],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_module_is_there_to_be_imported_or_a_line_says_what_to_install(events: Path) -> None:
    done = compile_there(events)

    assert done.returncode == 0, done.stderr
    assert len(list(events.iterdir())) <= 3, "what it took to compile is gone"
    if "apt-get install gcc python3-dev" not in done.stdout:
        answer = subprocess.run(
            [sys.executable, "-c", "from aivalue.events.scanning import ANSWER; print(ANSWER)"],
            cwd=events.parents[1], capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert answer.stdout == "42\n"


def test_what_is_newer_than_its_source_is_kept_and_what_is_older_is_not(
    events: Path, compiler: str
) -> None:
    module = events / f"scanning{SUFFIX}"
    compile_there(events, CC=compiler)
    assert module.read_text() == "compiled\n"
    module.write_text("kept\n")

    compile_there(events, CC=compiler)
    assert module.read_text() == "kept\n"

    # Another room's may be included, too.
    (events.parent / "runtime").mkdir()
    (events.parent / "runtime" / "included.pxd").touch()
    os.utime(module, (1, 1))
    os.utime(events / "scanning.pyx", (0, 0))
    compile_there(events, CC=compiler)
    assert module.read_text() == "compiled\n"


def test_without_a_compiler_a_line_says_so_and_no_older_module_stays(events: Path) -> None:
    module = events / f"scanning{SUFFIX}"
    module.touch()
    os.utime(module, (1, 1))

    done = compile_there(events, CC="/nonexistent")

    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert "apt-get install gcc python3-dev" in done.stdout
    assert not module.exists()


def test_a_source_that_does_not_compile_is_an_error(events: Path, compiler: str) -> None:
    (events / "scanning.pyx").write_text("cdef int = \n")

    done = compile_there(events, CC=compiler)

    assert done.returncode == 1
    assert "scanning.pyx:1" in done.stderr
    assert {path.name for path in events.iterdir()} == {"__init__.py", "scanning.pyx"}
