"""The one recipe makes four images that hold what each service needs and nothing of the others."""

import ast
import os
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.deploy.programs import ROOT, run

SERVICES = ("ingest", "baseline", "attribution", "reporting")
_LOADED = """
import importlib, pkgutil, sys
package = importlib.import_module("services.{service}")
for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if "migrations" not in each.name and not each.name.endswith("__main__"):
        importlib.import_module(each.name)
ours = ("aivalue.", "services.")
print(*(module.__file__ for name, module in sys.modules.items() if name.startswith(ours)))
"""
DOCKERFILE = ROOT / "deploy" / "Dockerfile"


def test_the_dockerfile_is_clean() -> None:
    run("hadolint", "--failure-threshold", "style", DOCKERFILE)


def test_the_recipe_copies_only_the_service_that_is_asked_for() -> None:
    copied = [line.split()[1:] for line in instructions("COPY")]

    assert copied == [
        ["requirements/compile.txt", "/lock.txt"],
        ["deploy/compile.py", "deploy/"],
        ["aivalue/", "aivalue/"],
        ["services/", "services/"],
        ["requirements/${SERVICE}.txt", "/lock.txt"],
        ["--from=compile", "/app/aivalue/", "aivalue/"],
        ["--from=compile", "/app/services/__init__.py", "services/"],
        ["--from=compile", "/app/services/${SERVICE}/", "services/${SERVICE}/"],
        ["--from=build", "/opt/venv", "/opt/venv"],
        ["--from=build", "/app", "/app"],
    ]


def test_the_images_run_as_a_number_that_is_not_root_and_get_signals_themselves() -> None:
    assert instructions("USER") == ["USER 10001:10001"]
    assert instructions("CMD") == ['CMD ["python", "-m", "services.this"]']
    assert instructions("STOPSIGNAL") == ["STOPSIGNAL SIGTERM"]


def test_every_locked_artefact_is_checked_by_its_hash() -> None:
    assert "--require-hashes" in DOCKERFILE.read_text()
    for service in (*SERVICES, "compile"):
        lock = (ROOT / "requirements" / f"{service}.txt").read_text()
        pins = [line for line in lock.splitlines() if "==" in line]
        assert pins
        assert all(line.endswith("\\") for line in pins), "a pin without a hash"
        assert "://" not in lock, "a lock names no registry"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_from_what_its_image_holds(service: str, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "aivalue", tmp_path / "aivalue", ignore=ignored)
    (tmp_path / "services").mkdir()
    shutil.copy(ROOT / "services" / "__init__.py", tmp_path / "services")
    shutil.copytree(ROOT / "services" / service, tmp_path / "services" / service, ignore=ignored)
    (tmp_path / "services" / "this").symlink_to(service)
    # A port that cannot be is refused by the settings: the program has started and read them.
    environment = {"PATH": os.environ["PATH"], "AIVALUE_PORT": "70000"}

    done = subprocess.run(
        [sys.executable, "-m", "services.this"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    assert "less than or equal to 65535" in done.stderr, done.stderr
    assert "ModuleNotFoundError" not in done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_only_what_its_lock_installs(service: str) -> None:
    lock = (ROOT / "requirements" / f"{service}.txt").read_text()
    locked = {line.split("==")[0].lower() for line in lock.splitlines() if "==" in line}

    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(service=service)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    # What is compiled imports from its source what the rest of the package does.
    paths = [Path(each) for each in done.stdout.split() if each.endswith(".py")]
    imported = {name for path in paths for name in imports_of(path)}
    owners = packages_distributions()
    needed = {owners[name][0].lower().replace("_", "-") for name in imported if name in owners}

    assert "fastapi" in needed
    assert needed - {"aivalue"} <= locked


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def instructions(name: str) -> list[str]:
    lines = DOCKERFILE.read_text().splitlines()
    return [line for line in lines if line.startswith(name + " ")]
