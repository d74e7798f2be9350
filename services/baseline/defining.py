"""Plan and apply definitions: load, decide (pure, in `aivalue.kpis`), store in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.errors import InvalidDefinition
from aivalue.events.announcement import DEFINITIONS_CHANGED
from aivalue.kpis.canonical import Json, body_of, sha256_of
from aivalue.kpis.change import Change, plan_change
from aivalue.kpis.definition import DEFINITION_KINDS, Definition, Initiative
from aivalue.kpis.nearest import nearest
from aivalue.kpis.reading import field_problems
from aivalue.kpis.references import Problem, initiatives_concerned, problems_of
from aivalue.kpis.stages import stage_problem
from aivalue.runtime.outbox.announcing import announcement
from aivalue.runtime.outbox.queries import Message, record
from aivalue.runtime.settings import KafkaSettings
from services.baseline.queries import definitions as queries
from services.baseline.queries.definitions import Stored
from services.baseline.sealing import seal, seal_of_definition
from services.baseline.tables import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A definition as someone sent it, not yet checked."""

    kind: str
    key: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes definitions, when and why."""

    tenant: str
    subject: str
    now: datetime
    reason: str


async def plan(
    connection: AsyncConnection, tenant: str, wanted: Sequence[Wanted]
) -> tuple[Change, ...]:
    """Say what `apply` would change.

    Raises
    ------
    InvalidDefinition
        With every problem of every definition, as (path in the request, message).
    """
    return _decide(await queries.current(connection, tenant), wanted).changes


async def apply(
    connection: AsyncConnection,
    author: Author,
    wanted: Sequence[Wanted],
    kafka: KafkaSettings,
) -> tuple[Change, ...]:
    """Store a new version of what changed; applying the same again changes nothing."""
    await queries.lock_tenant(connection, author.tenant)
    current = await queries.current(connection, author.tenant)
    decision = _decide(current, wanted)
    versions = [
        Stored(
            kind=change.kind,
            key=change.key,
            version=change.version,
            body=body,
            sha256=sha256_of(body),
            valid_from=author.now,
            recorded_at=author.now,
            recorded_by=author.subject,
            reason=author.reason,
        )
        for change, body in zip(decision.changes, decision.bodies, strict=True)
        if change.action != "none"
    ]
    if versions:
        await queries.add(connection, author.tenant, versions)
        seals = [seal_of_definition(each) for each in versions]
        chain_hash = await seal(connection, author.tenant, seals, now=author.now)
        message = _announcement(author, decision, chain_hash, kafka)
        await record(connection, outbox, [message])
    return decision.changes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """What changes, to which bodies, and for whom it may matter."""

    changes: tuple[Change, ...]
    bodies: tuple[dict[str, Json], ...]
    concerned: frozenset[str]


def _announcement(
    author: Author, decision: _Decision, chain_hash: str, kafka: KafkaSettings
) -> Message:
    changed: list[Json] = [
        {"kind": each.kind, "key": each.key, "version": each.version}
        for each in decision.changes
        if each.action != "none"
    ]
    return announcement(
        DEFINITIONS_CHANGED,
        tenant=author.tenant,
        subject="definitions",
        now=author.now,
        data={
            "changes": changed,
            "initiatives": list[Json](sorted(decision.concerned)),
            "chain_hash": chain_hash,
        },
        kafka=kafka,
    )


def _decide(current: Mapping[tuple[str, str], Stored], wanted: Sequence[Wanted]) -> _Decision:
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
    return _Decision(changes=changes, bodies=bodies, concerned=concerned)


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
