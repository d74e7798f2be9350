"""Plan and apply valuation rules: load, decide (pure), store in one transaction.

A rule is never changed: what differs becomes its next version, and runs name the one they used.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.errors import InvalidDefinition
from aivalue.events.announcement import RULES_CHANGED
from aivalue.kpis.applying import Author, Wanted
from aivalue.kpis.canonical import Json, body_of, sha256_of
from aivalue.kpis.change import Change, plan_change
from aivalue.kpis.reading import field_problems
from aivalue.money.valuation_rule import ValuationRule
from aivalue.runtime.outbox.announcing import announcement
from aivalue.runtime.outbox.queries import record
from aivalue.runtime.settings import KafkaSettings
from services.attribution.queries.recompute import mark
from services.attribution.queries.valuation_rules import (
    StoredRule,
    add_rules,
    current_rules,
    lock_rules,
)
from services.attribution.tables import outbox

KIND = "valuation_rule"


async def plan_rules(
    connection: AsyncConnection, tenant: str, wanted: Sequence[Wanted]
) -> tuple[Change, ...]:
    """Say what `apply_rules` would change.

    Raises
    ------
    InvalidDefinition
        With every problem of every rule, as (path in the request, message).
    """
    rules = _read(wanted)
    stored = await current_rules(connection, tenant, keys=list(rules))
    return _changes(rules, {each.key: each for each in stored})


async def apply_rules(
    connection: AsyncConnection, author: Author, wanted: Sequence[Wanted], kafka: KafkaSettings
) -> tuple[Change, ...]:
    """Store a new version of what changed; applying the same again changes nothing."""
    rules = _read(wanted)
    await lock_rules(connection, author.tenant)
    stored = await current_rules(connection, author.tenant, keys=list(rules))
    before = {each.key: each for each in stored}
    changes = _changes(rules, before)
    changed = [each for each in changes if each.action != "none"]
    if not changed:
        return changes
    await add_rules(
        connection, author.tenant, [_version(author, each, rules[each.key]) for each in changed]
    )
    concerned = {rules[each.key].initiative for each in changed}
    # A rule that moved to another initiative is missing where it was.
    concerned |= {before[each.key].initiative for each in changed if each.key in before}
    await mark(connection, author.tenant, dict.fromkeys(concerned, "valuation rules changed"))
    message = announcement(
        RULES_CHANGED,
        tenant=author.tenant,
        subject="valuation_rules",
        now=author.now,
        data={
            "changes": [
                {"kind": KIND, "key": each.key, "version": each.version} for each in changed
            ],
            "initiatives": [*sorted(concerned)],
        },
        kafka=kafka,
    )
    await record(connection, outbox, [message])
    return changes


def _read(wanted: Sequence[Wanted]) -> dict[str, ValuationRule]:
    rules: dict[str, ValuationRule] = {}
    problems: list[tuple[str, str]] = []
    for position, each in enumerate(wanted):
        at = f"definitions/{position}"
        found = field_problems(ValuationRule, {"key": each.key, **each.body})
        if each.kind != KIND:
            problems.append((f"{at}/kind", f"must be {KIND!r}, is {each.kind!r}"))
        elif isinstance(found, list):
            problems += [
                ("/".join([f"{at}/body", *map(str, problem.path)]), problem.message)
                for problem in found
            ]
        elif found.key != each.key:
            problems.append((f"{at}/body/key", f"is {found.key!r}, but the key is {each.key!r}"))
        elif each.key in rules:
            problems.append((f"{at}/key", f"rule {each.key!r} is given twice"))
        else:
            rules[each.key] = found
    if problems:
        path, message = problems[0]
        rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InvalidDefinition(f"{path}: {message}{rest}", problems=tuple(problems))
    return rules


def _changes(
    rules: Mapping[str, ValuationRule], before: Mapping[str, StoredRule]
) -> tuple[Change, ...]:
    return tuple(
        plan_change(
            kind=KIND,
            key=key,
            version=before[key].version if key in before else 0,
            current=before[key].body if key in before else None,
            wanted=body_of(rule),
        )
        for key, rule in rules.items()
    )


def _version(author: Author, change: Change, rule: ValuationRule) -> StoredRule:
    body: dict[str, Json] = body_of(rule)
    return StoredRule(
        key=rule.key,
        version=change.version,
        initiative=rule.initiative,
        body=body,
        sha256=sha256_of(body),
        valid_from=author.now,
        recorded_at=author.now,
        recorded_by=author.subject,
        reason=author.reason,
    )
