"""Every SQL statement about drafts and their reviews. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter
from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.baseline.queries.baselines import StoredBaseline
from services.baseline.tables import baselines, drafts, reviews

Decision = Literal["approved", "rejected"]
_CANDIDATE = TypeAdapter(StoredBaseline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What one person decided about a draft, and why."""

    reviewed_by: str
    decision: Decision
    comment: str
    reviewed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A baseline to be: what freezing would store, who proposed it and who agreed.

    Attributes
    ----------
    version :
        Of the frozen baseline it has become; None before.
    """

    candidate: StoredBaseline
    drafted_at: datetime
    drafted_by: str
    reviews: tuple[Review, ...]
    version: int | None

    @property
    def status(self) -> Literal["draft", "reviewed", "rejected", "frozen"]:
        """Derived from what happened, never written."""
        if self.version is not None:
            return "frozen"
        decisions = {each.decision for each in self.reviews}
        if "rejected" in decisions:
            return "rejected"
        return "reviewed" if decisions else "draft"


async def add(
    connection: AsyncConnection, tenant: str, candidate: StoredBaseline, content: bytes
) -> bool:
    """Append a draft; False where the same content was drafted before."""
    statement = (
        upsert(drafts)
        .values(
            tenant_id=tenant,
            baseline_id=candidate.baseline_id,
            candidate=_CANDIDATE.dump_python(candidate, mode="json"),
            content=content,
            drafted_at=candidate.frozen_at,
            drafted_by=candidate.frozen_by,
        )
        .on_conflict_do_nothing()
        .returning(drafts.c.baseline_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def add_review(
    connection: AsyncConnection, tenant: str, baseline_id: str, review: Review
) -> bool:
    """Append a review; False where this person has reviewed the draft before."""
    statement = (
        upsert(reviews)
        .values(
            tenant_id=tenant,
            baseline_id=baseline_id,
            reviewed_by=review.reviewed_by,
            decision=review.decision,
            comment=review.comment,
            reviewed_at=review.reviewed_at,
        )
        .on_conflict_do_nothing()
        .returning(reviews.c.reviewed_by)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def draft_of(connection: AsyncConnection, tenant: str, baseline_id: str) -> Draft | None:
    """Return a draft with its reviews."""
    found = await _drafts(connection, tenant, baseline_id=baseline_id, limit=1)
    return found[0] if found else None


async def listed(
    connection: AsyncConnection,
    tenant: str,
    *,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> Sequence[Draft]:
    """Return the newest drafts first, those after a (drafted_at, baseline_id) of a page before."""
    return await _drafts(connection, tenant, baseline_id=None, limit=limit, after=after)


async def content_of(connection: AsyncConnection, tenant: str, baseline_id: str) -> bytes:
    """Return the bytes that freezing would store."""
    statement = select(drafts.c.content).where(
        drafts.c.tenant_id == tenant, drafts.c.baseline_id == baseline_id
    )
    content: bytes = (await connection.execute(statement)).scalar_one()
    return content


async def _drafts(
    connection: AsyncConnection,
    tenant: str,
    *,
    baseline_id: str | None,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[Draft]:
    frozen_as = (
        select(baselines.c.version)
        .where(
            baselines.c.tenant_id == drafts.c.tenant_id,
            baselines.c.baseline_id == drafts.c.baseline_id,
        )
        .scalar_subquery()
        .label("frozen_as")
    )
    statement = (
        select(
            drafts.c.baseline_id,
            drafts.c.candidate,
            drafts.c.drafted_at,
            drafts.c.drafted_by,
            frozen_as,
        )
        .where(drafts.c.tenant_id == tenant)
        .order_by(drafts.c.drafted_at.desc(), drafts.c.baseline_id)
        .limit(limit)
    )
    if baseline_id is not None:
        statement = statement.where(drafts.c.baseline_id == baseline_id)
    if after is not None:
        drafted_at, last = after
        of_then = (drafts.c.drafted_at == drafted_at) & (drafts.c.baseline_id > last)
        statement = statement.where((drafts.c.drafted_at < drafted_at) | of_then)
    rows = (await connection.execute(statement)).all()
    by_draft = await _reviews(connection, tenant, [row.baseline_id for row in rows])
    return [
        Draft(
            candidate=_CANDIDATE.validate_python(row.candidate),
            drafted_at=row.drafted_at,
            drafted_by=row.drafted_by,
            reviews=tuple(by_draft.get(row.baseline_id, ())),
            version=row.frozen_as,
        )
        for row in rows
    ]


async def _reviews(
    connection: AsyncConnection, tenant: str, baseline_ids: Sequence[str]
) -> dict[str, list[Review]]:
    statement = (
        select(reviews)
        .where(reviews.c.tenant_id == tenant, reviews.c.baseline_id.in_(baseline_ids))
        .order_by(reviews.c.reviewed_at)
    )
    found: dict[str, list[Review]] = {}
    for row in (await connection.execute(statement)).all():
        found.setdefault(row.baseline_id, []).append(_review(row))
    return found


async def every_review(connection: AsyncConnection, tenant: str) -> list[tuple[str, Review]]:
    """Return all reviews with the draft each is about, to be verified."""
    statement = (
        select(reviews)
        .where(reviews.c.tenant_id == tenant)
        .order_by(reviews.c.baseline_id, reviews.c.reviewed_by)
    )
    rows = (await connection.execute(statement)).all()
    return [(row.baseline_id, _review(row)) for row in rows]


def _review(row: Row[tuple[object, ...]]) -> Review:
    return Review(
        reviewed_by=row.reviewed_by,
        decision=row.decision,
        comment=row.comment,
        reviewed_at=row.reviewed_at,
    )
