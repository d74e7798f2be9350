"""Whether every command, target and address that the documents name exists.

That they do what the documents say is tried by hand at each release, and by the end-to-end tests.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from aivalue.cli.main import app
from deploy.documents.http_api import openapi_documents

ROOT = Path(__file__).parents[2]
WRITTEN_BY_HAND = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "README.md",
    ROOT / "docs" / "capture.md",
    ROOT / "docs" / "operations.md",
    ROOT / "docs" / "your-own-events.md",
]
PORTS = {"8101": "ingest", "8102": "baseline", "8103": "attribution", "8104": "reporting"}
OPTIONS_OF_ALL = {"--help", "-h"}


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    return openapi_documents()


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every `aivalue` command, on a line of its own or in backquotes."""
    lines = re.findall(r"^ {4}(?:\S*/)?aivalue (.+)$", text, flags=re.MULTILINE)
    quoted = re.findall(r"`(?:\S*/)?aivalue ([^`]+)`", text)
    for each in lines + quoted:
        yield shlex.split(each, comments=True)


@pytest.mark.parametrize("path", WRITTEN_BY_HAND, ids=lambda path: path.name)
def test_every_command_exists_with_its_options(path: Path) -> None:
    for words in commands(path.read_text()):
        # Typer has a click of its own, which it does not type.
        command: Any = typer.main.get_command(app)
        rest = list(words)
        while hasattr(command, "commands") and rest:
            name = rest.pop(0)
            assert name in command.commands, f"aivalue {shlex.join(words)}"
            command = command.commands[name]
        known = {option for each in command.params for option in each.opts + each.secondary_opts}
        used = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert used <= known | OPTIONS_OF_ALL, f"aivalue {shlex.join(words)}"


@pytest.mark.parametrize("path", WRITTEN_BY_HAND, ids=lambda path: path.name)
def test_every_make_target_exists(path: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)

    named = re.findall(r"(?:^ {4}|`)make ([a-z-]+)", path.read_text(), flags=re.MULTILINE)

    assert set(named) <= set(targets)


@pytest.mark.parametrize("path", WRITTEN_BY_HAND, ids=lambda path: path.name)
def test_every_address_is_a_route_of_the_service_at_that_port(
    path: Path, documents: dict[str, dict[str, Any]]
) -> None:
    for port, route in re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w/.:-]*)", path.read_text()):
        routes = documents[PORTS[port]]["paths"]
        patterns = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(each)) for each in routes]
        assert any(re.fullmatch(pattern, route) for pattern in patterns), route
