"""A mapping file, read and checked; every problem names its line and column."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aivalue.cli.events.mapping import LINE, ROW, TIME, Field, Kind, Mapping
from aivalue.cli.located_yaml import (
    Document,
    FileProblem,
    Path,
    Place,
    field_name,
    read_documents,
)
from aivalue.errors import AivalueError
from aivalue.kpis.nearest import nearest

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
# Option of a field -> the kinds it makes sense for.
_OPTIONS: dict[str, frozenset[Kind]] = {
    "values": frozenset({"text"}),
    "factor": frozenset({"number"}),
    "decimal": frozenset({"number"}),
    "thousands": frozenset({"number"}),
    "format": frozenset({"instant", "day"}),
    "timezone": frozenset({"instant"}),
    "ambiguous": frozenset({"instant"}),
}
_Problems = Iterator[tuple[Path, str]]


class InvalidMapping(AivalueError):
    """A mapping that cannot be used; `found` has every problem."""

    def __init__(self, found: Iterable[FileProblem]) -> None:
        self.found = tuple(found)
        super().__init__("\n".join(str(each) for each in self.found))


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingFile:
    """A checked mapping and the file it stands in."""

    mapping: Mapping
    document: Document

    def require_columns(self, columns: Iterable[str], *, table: str) -> None:
        """Make sure that a table has every column that is asked for.

        Raises
        ------
        InvalidMapping
            Columns are missing; optional FOCUS columns may be.
        """
        known = list(columns)
        problems = [
            _problem(self.document, path, _no_column(name, known, table))
            for path, name in _columns_named(self.mapping)
            if name not in known
        ]
        problems += [
            _problem(self.document, ("id",), _no_column(name, known, table))
            for name in _columns_of_identity(self.mapping)
            if name not in known
        ]
        if problems:
            raise InvalidMapping(problems)


def read_mapping(file: FilePath) -> MappingFile:
    """Read and check a mapping file.

    Raises
    ------
    InvalidMapping
        With every problem of the file.
    """
    document = _document(file)
    if not isinstance(document.value, dict):
        raise InvalidMapping([_problem(document, (), "a mapping has type, source and fields")])
    try:
        mapping = Mapping.model_validate(document.value)
    except ValidationError as error:
        raise InvalidMapping(
            _of_pydantic(document, each) for each in error.errors(include_url=False)
        ) from error
    problems = [_problem(document, path, text) for path, text in _problems(mapping)]
    if problems:
        raise InvalidMapping(problems)
    return MappingFile(mapping=mapping, document=document)


def _document(file: FilePath) -> Document:
    start = Place(file=str(file), line=1, column=1)
    try:
        documents, problems = read_documents(file.read_text(encoding="utf-8-sig"), file=str(file))
    except (OSError, UnicodeDecodeError, yaml.reader.ReaderError) as error:
        message = f"cannot be read: {error}"
        raise InvalidMapping([FileProblem(place=start, path="", message=message)]) from error
    if not problems and len(documents) != 1:
        message = f"holds {len(documents)} YAML documents, needs one mapping"
        problems.append(FileProblem(place=start, path="", message=message))
    if problems:
        raise InvalidMapping(problems)
    return documents[0]


def _problem(document: Document, path: Path, message: str) -> FileProblem:
    return FileProblem(place=document.place(path), path=field_name(path), message=message)


def _of_pydantic(document: Document, error: ErrorDetails) -> FileProblem:
    path: Path = tuple(error["loc"])
    seen = error["input"]
    match error["type"]:
        case "missing":
            message = "is missing"
        case "extra_forbidden":
            model = Mapping if len(path) == 1 else Field
            known = list(model.model_fields)
            near = nearest(str(path[-1]), known)
            message = f"is unknown; {f'did you mean {near}?' if near else f'known are {known}'}"
        case "value_error":
            message = str(error["ctx"]["error"])
        case _:
            message = f"{error['msg'][:1].lower()}{error['msg'][1:]}, got {str(seen)[:80]!r}"
    return _problem(document, path, message)


def _problems(mapping: Mapping) -> _Problems:
    kinds = mapping.shape.kinds
    for name, field in mapping.fields.items():
        if name not in kinds:
            near = nearest(name, kinds)
            hint = f"did you mean {near}?" if near else f"it has {', '.join(kinds)}"
            yield ("fields", name), f"a {mapping.type} has no field {name!r}; {hint}"
        else:
            yield from _misplaced(("fields", name), field, kinds[name])
    if mapping.time is not None:
        yield from _misplaced((TIME,), mapping.time, "instant")
    yield from _absent(mapping)
    if not _is_zone(mapping.timezone):
        yield ("timezone",), _no_zone(mapping.timezone)
    if mapping.focus and mapping.type != "cost":
        yield ("focus",), f"FOCUS describes costs, and this is a {mapping.type}"
    try:
        "".encode(mapping.encoding)
    except LookupError:  # of another name, or a codec that is none of text
        yield ("encoding",), f"{mapping.encoding!r} is not known; write utf-8 or cp1252"


def _misplaced(path: Path, field: Field, kind: Kind) -> _Problems:
    for option, fitting in _OPTIONS.items():
        if option in field.model_fields_set and kind not in fitting:
            needed = " or ".join(sorted(fitting))
            yield (*path, option), f"is for a field of kind {needed}, and this one is {kind}"
    if not _is_zone(field.timezone):
        yield (*path, "timezone"), _no_zone(field.timezone)


def _absent(mapping: Mapping) -> _Problems:
    given = mapping.origins()
    for field in msgspec.structs.fields(mapping.shape.data):
        if field.required and field.name not in given:
            yield ("fields",), f"a {mapping.type} needs {field.name}"
    if mapping.type == "measurement":
        has_pair = {"numerator", "denominator"} <= given.keys()
        has_part = bool({"numerator", "denominator"} & given.keys())
        if ("value" in given) == has_pair or ("value" in given and has_part):
            yield ("fields",), "a measurement needs value, or numerator and denominator"
    if mapping.time is None and not mapping.shape.time_field:
        yield (), f"time is missing: a {mapping.type} needs to know when"
    if not mapping.identity:
        yield (
            (),
            (
                "id is missing: a cost has no natural key; name the columns that tell two charges "
                'apart, such as "{invoice_id}/{ResourceId}/{charge_period_start}", or write "{row}"'
            ),
        )
    elif not PLACEHOLDER.search(mapping.identity):
        yield ("id",), "has no {column}, so every row would be the same event"


def _columns_named(mapping: Mapping) -> Iterator[tuple[Path, str]]:
    required = {
        field.name for field in msgspec.structs.fields(mapping.shape.data) if field.required
    }
    for name, field in mapping.origins().items():
        if field.column is not None and (name in mapping.fields or name in required):
            path = ("fields", name) if name in mapping.fields else ("focus",)
            yield path, field.column
    if mapping.time is not None and mapping.time.column is not None:
        yield (TIME,), mapping.time.column
    for column in mapping.only:
        yield ("only", column), column


def _columns_of_identity(mapping: Mapping) -> Iterator[str]:
    for name in PLACEHOLDER.findall(mapping.identity):
        if name not in {*mapping.shape.kinds, TIME, ROW, LINE}:
            yield name


def _no_column(name: str, known: list[str], table: str) -> str:
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"it has {', '.join(known)}"
    return f"{table} has no column {name!r}; {hint}"


def _is_zone(name: str | None) -> bool:
    if name is None:
        return True
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _no_zone(name: str | None) -> str:
    return f"{name!r} is not a time zone of the IANA list; write Europe/Berlin, or UTC"
