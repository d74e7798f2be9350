"""Question: does `pip install` bring what the command and the services read when they run."""

import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.deploy.programs import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT, capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.split())


def metadata_of(wheel: zipfile.ZipFile) -> Message:
    name = next(each for each in wheel.namelist() if each.endswith("/METADATA"))
    return message_from_bytes(wheel.read(name))


def test_a_wheel_has_every_file_of_the_packages_and_the_demos_examples(
    wheel: zipfile.ZipFile,
) -> None:
    needed = tracked("aivalue", "services") | {f"aivalue/{name}" for name in tracked("examples")}

    assert needed - set(wheel.namelist()) == set()


def test_a_wheel_carries_what_was_compiled_for_this_python_and_says_so(
    wheel: zipfile.ZipFile,
) -> None:
    # One for each source, or none where the machine has no compiler.
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    sources = {name for name in tracked("aivalue", "services") if name.endswith(".pyx")}
    here = {name for name in sources if (ROOT / name).with_suffix(suffix).exists()}
    assert wheel.filename is not None

    carried = {name for name in wheel.namelist() if name.endswith(".so")}

    assert carried == {name.removesuffix(".pyx") + suffix for name in here}
    assert bool(carried) != Path(wheel.filename).name.endswith("-none-any.whl")


def test_pip_brings_what_the_locks_hold_for_the_command_and_servers_of_its_own(
    wheel: zipfile.ZipFile,
) -> None:
    """Groups make the locks, pip reads the project's own lists: one says what the other does."""
    groups = PROJECT["dependency-groups"]
    locked = {
        each
        for name in ("runtime", "attribution", "cli", "embedded")
        for each in groups[name]
        if isinstance(each, str)
    }
    extras = PROJECT["project"]["optional-dependencies"].values()

    brought = set(PROJECT["project"]["dependencies"]).union(*extras)

    assert brought == locked
    assert len(metadata_of(wheel).get_all("Requires-Dist", [])) == len(locked)
