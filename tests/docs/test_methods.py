"""Whether every estimator that can be asked for has a page that says what a reader must know."""

import importlib
import re
from pathlib import Path

import pytest

from aivalue.effects.front_door.choice import ESTIMATORS

METHODS = Path(__file__).parents[2] / "docs" / "methods"
CODE = [str(path) for path in METHODS.parents[1].glob("[as]*/**/*.py")]
PARTS = ("**Question.**", "**Assumptions.**", "**Formula.**", "**It refuses**", "**Source.**")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_estimator_has_a_page_with_all_its_parts(estimator: str) -> None:
    page = (METHODS / f"{estimator}.md").read_text()

    assert [part for part in PARTS if part not in page] == []


@pytest.mark.parametrize("page", sorted(METHODS.glob("*.md")), ids=lambda page: page.stem)
def test_code_that_a_page_names_exists(page: Path) -> None:
    named = {
        each
        for line in page.read_text().splitlines()
        if "Code: " in line
        for each in line.split("Code: ", 1)[1].split("`")[1::2]
        if each.endswith(".py")
    }

    assert [name for name in named if not any(path.endswith(f"/{name}") for path in CODE)] == []


def test_the_python_of_the_page_runs_as_it_stands() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (METHODS / "python.md").read_text(), re.DOTALL)

    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)  # noqa: S102 - our own document

    assert len(blocks) == 3


def test_every_function_that_the_page_lists_is_one() -> None:
    page = (METHODS / "python.md").read_text()
    listed = [re.findall(r"`([\w.]+)`", row) for row in page.splitlines() if "| `aivalue." in row]

    missing = []
    for first, *others in listed:
        module, _, function = first.rpartition(".")
        found = importlib.import_module(module)
        missing += [
            name for name in (function, *others) if not callable(getattr(found, name, None))
        ]
    assert len(listed) > len(ESTIMATORS)
    assert missing == []
