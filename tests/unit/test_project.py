"""The project's own rules: small files, named rooms, documents whose links and lists hold."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for root in ("aivalue", "services") for path in (ROOT / root).rglob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 60
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "base", "manager"}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_named_for_its_idea_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()

    assert path.stem not in FORBIDDEN_NAMES
    assert ast.get_docstring(ast.parse(text)) or not text.strip()
    # A migration is history: it is as long as what it did, and nobody edits it.
    assert len(text.splitlines()) <= MODULE_LINES_MAX or "versions" in path.parts
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in functions(path)
        if node.end_lineno and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert not long or "versions" in path.parts


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())

    broken = [
        target for target in targets if "://" not in target and not (path.parent / target).exists()
    ]

    assert not broken


def test_every_dependency_of_ours_is_justified() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + [
        each
        for group in project["dependency-groups"].values()
        for each in group
        if isinstance(each, str)
    ]
    justified = (ROOT / "docs" / "dependencies.md").read_text()

    names = {re.split(r"[\[<>=; ]", each, maxsplit=1)[0] for each in wanted}
    # One line covers the stubs.
    missing = [name for name in names if name not in justified and not name.startswith("types-")]

    assert not missing


def test_locks_carry_hashes_and_no_registry() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()

        assert "://" not in text, lock
        assert "--index-url" not in text, lock
        pinned = re.findall(r"^[a-z0-9][^\s=]*==", text, flags=re.MULTILINE)
        blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
        assert pinned
        assert all("--hash=sha256:" in block for block in blocks), lock


def test_sql_stands_in_queries_and_migrations_only() -> None:
    """Statements are built where a reader looks for them."""
    allowed = {"queries", "migrations", "tables", "table", "migrations.py"}
    builders = re.compile(r"from sqlalchemy import [^\n]*\b(select|insert|update|delete|text)\b")
    strings = re.compile(r'"\s*(select|insert into|update|delete from)\s', flags=re.IGNORECASE)

    offenders = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if not (
            allowed & {*path.parts, path.stem}
            or path.stem.endswith("queries")
            or path.name == "migrations.py"
        )
        and (builders.search(path.read_text()) or strings.search(path.read_text()))
    ]

    assert not offenders


def test_a_function_is_called_or_is_documented_as_the_python_api() -> None:
    """Code that only its own tests call is a promise somebody reads of, or it is dead."""
    roots = ("aivalue", "services", "bench")
    programs = [path for root in roots for path in (ROOT / root).rglob("*.py*")]
    named = Counter(
        word
        for path in programs
        if path.suffix in {".py", ".pyx"} and "versions" not in path.parts
        for word in re.findall(r"[A-Za-z_]\w*", path.read_text())
    )
    documented = (ROOT / "docs" / "methods" / "python.md").read_text()

    unused = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in SOURCES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        # What carries a decorator is called by whoever it is registered with.
        and not node.decorator_list
        and named[node.name] == 1
        and "versions" not in path.parts
        and not re.search(rf"\b{node.name}\b", documented)
    ]

    assert not unused


def test_nothing_generated_is_committed() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert not [name for name in tracked if "__pycache__" in name or name.startswith("build/")]
    assert "uv.lock" not in tracked
