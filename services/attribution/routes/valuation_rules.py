"""HTTP surface of valuation rules: plan, apply, and what holds now or held before."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from aivalue.kpis.applying import (
    Author,
    ChangesResponse,
    Wanted,
    WantedDefinition,
    changes_response,
)
from aivalue.kpis.definition import Text
from aivalue.runtime.auth import Reader, Writer
from aivalue.runtime.clock import utc_now
from aivalue.runtime.requests import closed
from services.attribution.dependencies import Place, ReadConnection
from services.attribution.queries.valuation_rules import (
    StoredRule,
    current_rules,
    rule_versions,
)
from services.attribution.valuation_rules import KIND, apply_rules, plan_rules

router = APIRouter(prefix="/v1", tags=["valuation rules"])
RULES_MAX = 5_000
NOT_FOUND: dict[int | str, dict[str, object]] = {404: {"description": "No such rule."}}
INVALID: dict[int | str, dict[str, object]] = {422: {"description": "A rule breaks its contract."}}


class WantedRule(WantedDefinition):
    """One rule to plan or apply; `key` may be left out of the body."""

    kind: str = KIND


class RulesRequest(BaseModel):
    """Rules that become true together, or not at all."""

    model_config = closed(
        example={
            "definitions": [
                {
                    "kind": "valuation_rule",
                    "key": "downtime-margin",
                    "body": {
                        "initiative": "predictive-maintenance",
                        "kpi": "downtime",
                        "name": "Contribution margin of an hour",
                        "rate": "9500",
                        "currency": "USD",
                        "per": "60",
                        "category": "revenue",
                    },
                }
            ],
            "reason": "price list of May",
        }
    )

    definitions: list[WantedRule] = Field(max_length=RULES_MAX)
    reason: Text


class RuleResponse(BaseModel):
    """One version of a rule."""

    kind: str = KIND
    key: str
    version: int
    sha256: str
    valid_from: datetime
    body: dict[str, object]


class RuleVersionResponse(RuleResponse):
    """One version with who recorded it, when and why."""

    recorded_at: datetime
    recorded_by: str
    reason: str


class RulesResponse(BaseModel):
    """A page of rules, each in its newest version."""

    valuation_rules: list[RuleResponse]
    next_cursor: str | None


class RuleHistoryResponse(BaseModel):
    """All versions, newest first."""

    versions: list[RuleVersionResponse]


@router.post("/valuation-rules:plan", responses=INVALID)
async def plan(
    request: RulesRequest, principal: Reader, connection: ReadConnection
) -> ChangesResponse:
    """Say what applying would change; nothing is written."""
    return changes_response(await plan_rules(connection, principal.tenant, _wanted(request)))


@router.post("/valuation-rules:apply", responses=INVALID)
async def apply(request: RulesRequest, principal: Writer, place: Place) -> ChangesResponse:
    """Store what changed in one transaction; applying the same again changes nothing."""
    author = Author(
        tenant=principal.tenant, subject=principal.subject, now=utc_now(), reason=request.reason
    )
    async with place.engine.begin() as connection:
        changes = await apply_rules(connection, author, _wanted(request), place.settings.kafka)
    return changes_response(changes)


@router.get("/valuation-rules")
async def list_rules(
    principal: Reader,
    connection: ReadConnection,
    initiative: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> RulesResponse:
    """Return the rules that hold now, by key."""
    found = await current_rules(
        connection, principal.tenant, initiative=initiative, after=cursor, limit=limit + 1
    )
    page = found[:limit]
    return RulesResponse(
        valuation_rules=[_rule(each) for each in page],
        next_cursor=page[-1].key if len(found) > limit else None,
    )


@router.get("/valuation-rules/{key}", responses=NOT_FOUND)
async def read_rule(
    key: str,
    principal: Reader,
    connection: ReadConnection,
    version: Annotated[int | None, Query(ge=1)] = None,
) -> RuleResponse:
    """Return one rule: the newest version, or the one named."""
    found = await rule_versions(connection, principal.tenant, key, version=version)
    if not found:
        raise HTTPException(404, f"there is no valuation rule {key!r} of that version")
    return _rule(found[0])


@router.get("/valuation-rules/{key}/history", responses=NOT_FOUND)
async def read_history(
    key: str, principal: Reader, connection: ReadConnection
) -> RuleHistoryResponse:
    """Return all versions of one rule: who changed what, when and why."""
    found = await rule_versions(connection, principal.tenant, key)
    if not found:
        raise HTTPException(404, f"there is no valuation rule {key!r}")
    return RuleHistoryResponse(
        versions=[
            RuleVersionResponse(
                **_rule(each).model_dump(),
                recorded_at=each.recorded_at,
                recorded_by=each.recorded_by,
                reason=each.reason,
            )
            for each in found
        ]
    )


def _wanted(request: RulesRequest) -> list[Wanted]:
    return [each.wanted() for each in request.definitions]


def _rule(stored: StoredRule) -> RuleResponse:
    return RuleResponse(
        key=stored.key,
        version=stored.version,
        sha256=stored.sha256,
        valid_from=stored.valid_from,
        body=dict(stored.body),
    )
