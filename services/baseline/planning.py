"""Decide what definitions would change: each against its rules, all against each other (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aivalue.errors import InvalidDefinition
from aivalue.kpis.applying import Wanted
from aivalue.kpis.canonical import Json, body_of
from aivalue.kpis.change import Change, plan_change
from aivalue.kpis.definition import DEFINITION_KINDS, Definition, Initiative
from aivalue.kpis.nearest import nearest
from aivalue.kpis.reading import field_problems
from aivalue.kpis.references import Problem, initiatives_concerned, problems_of
from aivalue.kpis.stages import stage_problem
from services.baseline.queries.definitions import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What changes, to which bodies, and for whom it may matter."""

    changes: tuple[Change, ...]
    bodies: tuple[dict[str, Json], ...]
    before: Mapping[tuple[str, str], Definition]
    after: Mapping[tuple[str, str], Definition]
    concerned: frozenset[str]


def decide(current: Mapping[tuple[str, str], Stored], wanted: Sequence[Wanted]) -> Decision:
    """Plan; raises InvalidDefinition with every problem of every definition."""
    read = _read(wanted)
    before = {
        key: DEFINITION_KINDS[key[0]].model_validate(stored.body) for key, stored in current.items()
    }
    after = before | read
    _require_fit(before, after, wanted)
    bodies = tuple(body_of(definition) for definition in read.values())
    changes = tuple(
        plan_change(
            kind=kind,
            key=key,
            version=current[kind, key].version if (kind, key) in current else 0,
            current=current[kind, key].body if (kind, key) in current else None,
            wanted=body,
        )
        for (kind, key), body in zip(read, bodies, strict=True)
    )
    changed = [(each.kind, each.key) for each in changes if each.action != "none"]
    # A target that moves to another initiative matters to both.
    concerned = initiatives_concerned(before, changed) | initiatives_concerned(after, changed)
    return Decision(changes=changes, bodies=bodies, before=before, after=after, concerned=concerned)


def _read(wanted: Sequence[Wanted]) -> dict[tuple[str, str], Definition]:
    read: dict[tuple[str, str], Definition] = {}
    problems: list[tuple[str, str]] = []
    for position, each in enumerate(wanted):
        at = f"definitions/{position}"
        if each.kind not in DEFINITION_KINDS:
            near = nearest(each.kind, DEFINITION_KINDS)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(DEFINITION_KINDS)}"
            problems.append((f"{at}/kind", f"unknown kind {each.kind!r}; {hint}"))
            continue
        body = {"key": each.key, **each.body}
        found = field_problems(DEFINITION_KINDS[each.kind], body)
        if isinstance(found, list):
            problems += [
                ("/".join([f"{at}/body", *map(str, problem.path)]), problem.message)
                for problem in found
            ]
        elif found.key != each.key:
            problems.append((f"{at}/body/key", f"is {found.key!r}, but the key is {each.key!r}"))
        elif (each.kind, each.key) in read:
            problems.append((f"{at}/key", f"{each.kind} {each.key!r} is given twice"))
        else:
            read[each.kind, each.key] = found
    _raise_for(problems)
    return read


def _require_fit(
    before: Mapping[tuple[str, str], Definition],
    after: Mapping[tuple[str, str], Definition],
    wanted: Sequence[Wanted],
) -> None:
    positions = {(each.kind, each.key): index for index, each in enumerate(wanted)}
    problems = []
    for each in [*problems_of(after), *_skipped_gates(before, after)]:
        position = positions.get((each.kind, each.key))
        # A change may also break a definition that is not part of the request.
        at = f"{each.kind}/{each.key}" if position is None else f"definitions/{position}/body"
        problems.append((f"{at}/{each.path.replace('.', '/')}", each.message))
    _raise_for(problems)


def _skipped_gates(
    before: Mapping[tuple[str, str], Definition], after: Mapping[tuple[str, str], Definition]
) -> Iterator[Problem]:
    for (kind, key), definition in before.items():
        later = after[kind, key]
        if isinstance(definition, Initiative) and isinstance(later, Initiative):
            message = stage_problem(definition.stage, later.stage)
            if message is not None:
                yield Problem(kind=kind, key=key, path="stage", message=message)


def _raise_for(problems: Sequence[tuple[str, str]]) -> None:
    if problems:
        path, message = problems[0]
        rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InvalidDefinition(f"{path}: {message}{rest}", problems=tuple(problems))
