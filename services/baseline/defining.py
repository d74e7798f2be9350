"""Plan and apply definitions: load, decide (pure, in `planning`), store in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.errors import InvalidDefinition
from aivalue.events.announcement import DEFINITIONS_CHANGED
from aivalue.kpis.applying import Author, Wanted
from aivalue.kpis.canonical import Json, sha256_of
from aivalue.kpis.change import Change
from aivalue.runtime.outbox.announcing import announcement
from aivalue.runtime.outbox.queries import Message, record
from aivalue.runtime.settings import KafkaSettings
from services.baseline.gates import passed
from services.baseline.planning import Decision, decide
from services.baseline.queries import definitions as queries
from services.baseline.queries import gates as gate_queries
from services.baseline.queries.definitions import Stored
from services.baseline.sealing import seal, seal_of_definition, seal_of_gate
from services.baseline.tables import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """From which day a change holds (None: for all days), and what a gate's decision rests on."""

    day: date | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)


async def plan(
    connection: AsyncConnection, tenant: str, wanted: Sequence[Wanted]
) -> tuple[Change, ...]:
    """Say what `apply` would change.

    Raises
    ------
    InvalidDefinition
        With every problem of every definition, as (path in the request, message).
    """
    return decide(await queries.current(connection, tenant), wanted).changes


async def apply(
    connection: AsyncConnection,
    author: Author,
    wanted: Sequence[Wanted],
    kafka: KafkaSettings,
    *,
    effective: Effective,
) -> tuple[Change, ...]:
    """Store a new version of what changed; applying the same again changes nothing."""
    valid_from = _valid_from(effective, author)
    await queries.lock_tenant(connection, author.tenant)
    current = await queries.current(connection, author.tenant)
    decision = decide(current, wanted)
    versions = _versions(decision, author, valid_from)
    if not versions:
        return decision.changes
    await queries.add(connection, author.tenant, versions)
    new = {(each.kind, each.key): each for each in versions}
    gates = await passed(
        connection, author, decision, stored={**current, **new}, references=effective.evidence
    )
    await gate_queries.add(connection, author.tenant, gates)
    seals = [*map(seal_of_definition, versions), *map(seal_of_gate, gates)]
    chain_hash = await seal(connection, author.tenant, seals, now=author.now)
    await record(connection, outbox, [_announcement(author, decision, chain_hash, kafka)])
    return decision.changes


def _valid_from(effective: Effective, author: Author) -> datetime:
    if effective.day is None:
        return author.now
    if effective.day > author.now.date():
        raise InvalidDefinition(
            f"valid_from is {effective.day}, which is to come: apply it on that day"
        )
    return datetime.combine(effective.day, time.min, tzinfo=UTC)


def _versions(decision: Decision, author: Author, valid_from: datetime) -> list[Stored]:
    return [
        Stored(
            kind=change.kind,
            key=change.key,
            version=change.version,
            body=body,
            sha256=sha256_of(body),
            valid_from=valid_from,
            recorded_at=author.now,
            recorded_by=author.subject,
            reason=author.reason,
        )
        for change, body in zip(decision.changes, decision.bodies, strict=True)
        if change.action != "none"
    ]


def _announcement(
    author: Author, decision: Decision, chain_hash: str, kafka: KafkaSettings
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
