"""YAML with every value's place: exact numbers, no guessing, no duplicate keys.

Scalars are read by fewer rules than YAML 1.1 has, so that nothing changes behind the author's
back: only true and false are booleans (NO stays a country), a day stays text until a field wants
a date, and 0.1 becomes a decimal from its characters, never through binary.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import yaml

Path = tuple[str | int, ...]
Value = None | bool | int | str | Decimal | list["Value"] | dict[str, "Value"]
NODES_MAX = 100_000
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})")
_DECIMAL = re.compile(r"[-+]?[0-9]{0,40}\.?[0-9]{1,40}([eE][-+]?[0-9]{1,2})?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_CORE = ("null", "bool", "int", "float", "timestamp", "str", "seq", "map", "merge", "value")
_CORE_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in _CORE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """What is wrong at one place; `path` names the field, such as targets[0].due."""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.place}: {self.path}: {self.message}"
            if self.path
            else f"{self.place}: {self.message}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document as plain values, with the place of each value and of each key.

    Attributes
    ----------
    unread :
        Where a value could not be read and None stands in its place; the problem is told already.
    """

    value: Value
    values: Mapping[Path, Place]
    keys: Mapping[Path, Place]
    unread: frozenset[Path]

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Return where a value (or its key) stands; of what is absent, where its parent does."""
        if of_key and path in self.keys:
            return self.keys[path]
        while path not in self.values:
            path = path[:-1]
        return self.values[path]


def read_documents(text: str, *, file: str) -> tuple[list[Document], list[FileProblem]]:
    """Read every document of a file; what cannot be read is a problem, not an exception."""
    documents, problems = [], []
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            reading = _Reading(file)
            node = loader.get_node()
            value = None if node is None else reading.value(node, ())
            problems += reading.problems
            documents.append(
                Document(
                    value=value,
                    values=reading.values,
                    keys=reading.keys,
                    unread=frozenset(reading.unread),
                )
            )
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax(error, file))
    except RecursionError:
        place = Place(file=file, line=1, column=1)
        problems.append(FileProblem(place=place, path="", message="is nested too deeply"))
    finally:
        loader.dispose()
    return documents, problems


def reads_as_text(text: str) -> bool:
    """Say whether a plain scalar of these characters would be read as this very text."""
    return isinstance(_plain_scalar(text), str)


def field_name(path: Path) -> str:
    """Write a path as people do: targets[0].due."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


class _Reading:
    """One pass over the nodes of a document."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[yaml.Node] = []
        self._n_nodes = 0
        self.values: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}
        self.unread: set[Path] = set()
        self.problems: list[FileProblem] = []

    def value(self, node: yaml.Node, path: Path) -> Value:
        self.values[path] = self._place(node)
        self._n_nodes += 1
        if self._n_nodes > NODES_MAX:
            # Aliases of aliases multiply: a kilobyte of text can stand for gigabytes.
            if self._n_nodes == NODES_MAX + 1:
                self._give_up(node, path, f"stands for more than {NODES_MAX} values")
            return None
        if node.tag not in _CORE_TAGS:
            self._give_up(node, path, f"tag {node.tag} is not known here")
            return None
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if any(node is each for each in self._open):
            self._give_up(node, path, "an alias that contains itself")
            return None
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self.value(each, (*path, at)) for at, each in enumerate(node.value)]
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, path: Path) -> Value:
        read: dict[str, Value] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._give_up(key, path, "a key must be plain text")
                continue
            name = str(key.value)
            inside = (*path, name)
            if name == "<<" and key.style is None:
                self._give_up(key, path, "merge keys (<<) are not read; repeat the fields")
            elif name in read:
                first = self.keys[inside]
                self._complain(key, inside, f"is given twice, first on line {first.line}")
            else:
                self.keys[inside] = self._place(key)
                read[name] = self.value(value, inside)
        return read

    def _place(self, node: yaml.Node) -> Place:
        mark = node.start_mark
        return Place(file=self._file, line=mark.line + 1, column=mark.column + 1)

    def _give_up(self, node: yaml.Node, path: Path, message: str) -> None:
        self.unread.add(path)
        self._complain(node, path, message)

    def _complain(self, node: yaml.Node, path: Path, message: str) -> None:
        self.problems.append(
            FileProblem(place=self._place(node), path=field_name(path), message=message)
        )


def _scalar(node: yaml.ScalarNode) -> Value:
    text = str(node.value)
    return text if node.style is not None else _plain_scalar(text)


def _plain_scalar(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    # A leading zero marks a code (cost centre 0815), not a quantity.
    if _DECIMAL.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        return Decimal(text)
    return text


def _syntax(error: yaml.MarkedYAMLError, file: str) -> FileProblem:
    mark = error.problem_mark or error.context_mark
    line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
    message = ", ".join(each for each in (error.context, error.problem) if each)
    place = Place(file=file, line=line, column=column)
    return FileProblem(place=place, path="", message=f"is not YAML: {message}")
