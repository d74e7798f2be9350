"""Read a definition from a plain mapping; every problem is named, with what is needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aivalue.errors import InvalidDefinition
from aivalue.kpis.definition import Definition
from aivalue.kpis.nearest import nearest

Read = TypeVar("Read", bound=Definition)
Path = tuple[str | int, ...]
_PATTERNS = {
    "[a-z0-9][a-z0-9._-]": "a key is 1 to 63 lower-case letters, digits, '.', '_' or '-'",
    "[A-Z]{3}": 'a currency is an ISO 4217 code such as "EUR"',
    "\\x00-\\x08": "text has no control characters",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """What is wrong at one field.

    Attributes
    ----------
    path :
        Names and positions from the definition's root; () is the definition as a whole.
    kind :
        "missing" and "unknown" name a field of the mapping at `path[:-1]`, "value" the one at
        `path`.
    """

    path: Path
    kind: str
    message: str

    def dotted(self) -> str:
        """Write the path as the answers carry it."""
        return ".".join(str(part) for part in self.path)


def read_definition(model: type[Read], body: Mapping[str, object]) -> Read:
    """Validate a body.

    Raises
    ------
    InvalidDefinition
        With every problem of `field_problems` in its `problems`.
    """
    found = field_problems(model, body)
    if isinstance(found, Definition):
        return found
    problems = tuple((each.dotted(), each.message) for each in found)
    raise InvalidDefinition(
        "; ".join(f"{path}: {text}" for path, text in problems), problems=problems
    )


def field_problems(model: type[Read], body: Mapping[str, object]) -> Read | list[FieldProblem]:
    """Validate a body and return the definition, or everything that is wrong with it."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        return [_problem(each, model) for each in error.errors(include_url=False)]


def _problem(error: ErrorDetails, model: type[Definition]) -> FieldProblem:
    path: Path = tuple(error["loc"])
    match error["type"]:
        case "missing":
            return FieldProblem(path=path, kind="missing", message=f"{path[-1]} is missing")
        case "extra_forbidden":
            return FieldProblem(path=path, kind="unknown", message=_unknown(path, model))
        case _:
            return FieldProblem(path=path, kind="value", message=_wrong_value(error))


def _unknown(path: Path, model: type[Definition]) -> str:
    name, known = str(path[-1]), _fields_at(path[:-1], model)
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(sorted(known))}"
    return f"unknown field {name!r}; {hint}"


def _fields_at(path: Path, model: type[Definition]) -> list[str]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    for part in path:
        branch = schema.get("properties", {}).get(part) or schema.get("items", {})
        choices = [branch, *branch.get("anyOf", [])]
        named = [each["$ref"].rsplit("/", 1)[-1] for each in choices if "$ref" in each]
        schema = definitions[named[0]] if named else branch
    return list(schema.get("properties", {}))


def _wrong_value(error: ErrorDetails) -> str:
    seen = error["input"]
    match error["type"]:
        case "value_error":
            text = str(error["ctx"]["error"])
            return text if isinstance(seen, Mapping) else f"{text}; got {_short(seen)}"
        case "literal_error":
            return _choice(str(seen), str(error["ctx"]["expected"]))
        case "string_type" if isinstance(seen, (int, str)) or _is_number(seen):
            return f'needs text, got {seen}; write it in quotes: "{seen}"'
        case "string_pattern_mismatch":
            pattern = str(error["ctx"]["pattern"])
            needed = next((text for part, text in _PATTERNS.items() if part in pattern), pattern)
            return f"{needed}; got {seen!r}"
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}, got {_short(seen)}"


def _choice(seen: str, expected: str) -> str:
    near = nearest(seen, [each.strip("' ") for each in expected.replace(" or ", ", ").split(",")])
    hint = f"; did you mean {near}?" if near else ""
    return f"needs {expected}, got {seen!r}{hint}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) or type(value).__name__ == "Decimal"


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line of a terminal
