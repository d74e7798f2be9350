"""Definitions as files: YAML to checked definitions, each knowing the line it came from.

A file may hold any of the sections below; several files may repeat a portfolio or a process as
long as they agree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

import yaml

from aivalue.cli.located_yaml import (
    Document,
    FileProblem,
    Path,
    Place,
    Value,
    field_name,
    read_documents,
)
from aivalue.errors import InvalidDefinition
from aivalue.kpis.canonical import Json, body_of
from aivalue.kpis.change import plan_change
from aivalue.kpis.definition import DEFINITION_KINDS, Definition
from aivalue.kpis.nearest import nearest
from aivalue.kpis.reading import FieldProblem, field_problems
from aivalue.money.valuation_rule import ValuationRule

VALUATION_RULE = "valuation_rule"
KINDS: dict[str, type[Definition]] = {**DEFINITION_KINDS, VALUATION_RULE: ValuationRule}
SECTION_KINDS = {
    "portfolio": "portfolio",
    "initiative": "initiative",
    "processes": "process",
    "kpis": "kpi",
    "targets": "target",
    "design": "design",
    "valuation_rules": VALUATION_RULE,
}
LIST_SECTIONS = frozenset({"processes", "kpis", "targets", "valuation_rules"})
# What a file need not repeat: section -> field -> the section whose key it is.
IMPLIED = {
    "initiative": ("portfolio", "portfolio"),
    "design": ("key", "initiative"),
    "targets": ("initiative", "initiative"),
    "valuation_rules": ("initiative", "initiative"),
}
FILE_BYTES_MAX = 4 * 1024 * 1024


class InvalidDefinitions(InvalidDefinition):
    """Files that cannot be applied; `found` has every problem, sorted by place."""

    def __init__(self, found: Iterable[FileProblem]) -> None:
        self.found = tuple(
            sorted(found, key=lambda each: (each.place.file, each.place.line, each.place.column))
        )
        super().__init__("\n".join(str(each) for each in self.found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A definition with the document and the path it was read from."""

    kind: str
    definition: Definition
    document: Document
    root: Path

    @property
    def key(self) -> str:
        """Key of the definition."""
        return self.definition.key

    @property
    def body(self) -> dict[str, Json]:
        """Canonical body, as it is sent and stored."""
        return body_of(self.definition)

    @property
    def place(self) -> Place:
        """Where the definition starts."""
        return self.document.place(self.root)

    def problem(self, path: Path, message: str) -> FileProblem:
        """Say what is wrong with one of its fields, with the field's place."""
        inside = (*self.root, *path)
        return FileProblem(
            place=self.document.place(inside), path=field_name(inside), message=message
        )


def read_definitions(path: FilePath) -> tuple[Located, ...]:
    """Read a YAML file, or the .yaml and .yml files of a directory in the order of their names.

    Raises
    ------
    InvalidDefinitions
        With every problem of every file.
    """
    problems: list[FileProblem] = []
    located: list[Located] = []
    for file in _files(path):
        documents, unreadable = _read(file)
        problems += unreadable
        for document in documents:
            found, wrong = _definitions_of(document)
            located += found
            problems += wrong
    unique, contradictions = _agreed(located)
    problems += contradictions
    if problems:
        raise InvalidDefinitions(problems)
    return unique


def _files(path: FilePath) -> list[FilePath]:
    if not path.is_dir():
        return [path]
    files = sorted(each for each in path.iterdir() if each.suffix in {".yaml", ".yml"})
    if not files:
        raise InvalidDefinitions([_of_file(path, "has no .yaml or .yml file")])
    return files


def _read(file: FilePath) -> tuple[list[Document], list[FileProblem]]:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            return [], [_of_file(file, f"is larger than {FILE_BYTES_MAX} bytes")]
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        return [], [_of_file(file, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return [], [
            _of_file(file, f"is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}")
        ]
    try:
        return read_documents(text, file=str(file))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        place = Place(file=str(file), line=line, column=1)
        message = f"character {error.character:#x} is not allowed in YAML"
        return [], [FileProblem(place=place, path="", message=message)]


def _of_file(file: FilePath, message: str) -> FileProblem:
    return FileProblem(place=Place(file=str(file), line=1, column=1), path="", message=message)


def _definitions_of(document: Document) -> tuple[list[Located], list[FileProblem]]:
    value = document.value
    if value is None:
        return [], []
    if not isinstance(value, dict):
        message = f"a file of definitions has sections ({', '.join(SECTION_KINDS)})"
        return [], [FileProblem(place=document.place(()), path="", message=message)]
    located: list[Located] = []
    problems: list[FileProblem] = []
    for section, content in value.items():
        if section not in SECTION_KINDS:
            problems.append(_unknown_section(document, section))
            continue
        bodies, wrong = _bodies(document, section, content)
        problems += wrong
        for root, body in bodies:
            if any(path[: len(root)] == root for path in document.unread):
                continue
            found = _definition(
                document, root, SECTION_KINDS[section], _implied(value, section, body)
            )
            if isinstance(found, Located):
                located.append(found)
            else:
                problems += found
    return located, problems


def _bodies(
    document: Document, section: str, content: Value
) -> tuple[list[tuple[Path, dict[str, Value]]], list[FileProblem]]:
    if section in LIST_SECTIONS and not isinstance(content, list):
        message = f"needs a list: every entry starts with '-', got {_kind_of(content)}"
        return [], [FileProblem(place=document.place((section,)), path=section, message=message)]
    many: list[tuple[Path, Value]]
    if isinstance(content, list) and section in LIST_SECTIONS:
        many = [((section, position), each) for position, each in enumerate(content)]
    else:
        many = [((section,), content)]
    bodies, problems = [], []
    for root, body in many:
        if isinstance(body, dict):
            bodies.append((root, body))
        elif root not in document.unread:
            message = f"needs fields (name: value), got {_kind_of(body)}"
            place = document.place(root)
            problems.append(FileProblem(place=place, path=field_name(root), message=message))
    return bodies, problems


def _implied(
    value: Mapping[str, Value], section: str, body: dict[str, Value]
) -> Mapping[str, Value]:
    if section not in IMPLIED:
        return body
    field, source = IMPLIED[section]
    owner = value.get(source)
    if field in body or not isinstance(owner, dict) or "key" not in owner:
        return body
    return {field: owner["key"], **body}


def _definition(
    document: Document, root: Path, kind: str, body: Mapping[str, Value]
) -> Located | list[FileProblem]:
    found = field_problems(KINDS[kind], body)
    if isinstance(found, list):
        return [_in_file(document, root, each) for each in found]
    return Located(kind=kind, definition=found, document=document, root=root)


def _in_file(document: Document, root: Path, problem: FieldProblem) -> FileProblem:
    path = (*root, *problem.path)
    place = document.place(path, of_key=problem.kind == "unknown")
    return FileProblem(place=place, path=field_name(path), message=problem.message)


def _unknown_section(document: Document, section: str) -> FileProblem:
    near = nearest(section, SECTION_KINDS)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(SECTION_KINDS)}"
    place = document.place((section,), of_key=True)
    return FileProblem(place=place, path=section, message=f"unknown section; {hint}")


def _agreed(located: Iterable[Located]) -> tuple[tuple[Located, ...], list[FileProblem]]:
    first: dict[tuple[str, str], Located] = {}
    problems = []
    for each in located:
        known = first.setdefault((each.kind, each.key), each)
        change = plan_change(
            kind=each.kind, key=each.key, version=1, current=known.body, wanted=each.body
        )
        for difference in change.diff:
            path = tuple(difference.path.split("."))
            message = (
                f"{each.kind} {each.key!r} contradicts {known.place}: "
                f"{difference.before} there, {difference.after} here"
            )
            problems.append(each.problem(path, message))
    return tuple(sorted(first.values(), key=_order)), problems


def _order(located: Located) -> tuple[int, str]:
    return list(KINDS).index(located.kind), located.key


def _kind_of(value: Value) -> str:
    names = {dict: "fields", list: "a list", type(None): "nothing"}
    return names.get(type(value), f"{value}")
