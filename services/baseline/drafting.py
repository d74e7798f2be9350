"""Draft, review, freeze: a baseline that a second person agreed to, byte for byte."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aivalue.baselines.window import is_reconstructed, require_before
from aivalue.errors import NotFreezable
from aivalue.kpis.applying import Author
from aivalue.kpis.definition import Window
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.settings import KafkaSettings
from services.baseline.freezing import Outcome, measure, store
from services.baseline.load import Wanted, defined
from services.baseline.queries import drafts as queries
from services.baseline.queries.drafts import Draft, Review
from services.baseline.sealing import seal, seal_of_review


async def draft_baseline(
    engine: AsyncEngine, ingest: ServiceClient, *, wanted: Wanted, author: Author
) -> tuple[Draft, bool]:
    """Capture what would be frozen; returns the draft and whether this call created it."""
    candidate, content = await measure(engine, ingest, wanted=wanted, author=author)
    async with engine.begin() as connection:
        created = await queries.add(connection, author.tenant, candidate, content)
        draft = await queries.draft_of(connection, author.tenant, candidate.baseline_id)
    assert draft is not None  # noqa: S101 - just written
    return draft, created


async def review_draft(
    connection: AsyncConnection, author: Author, draft: Draft, decision: queries.Decision
) -> None:
    """Record a second person's decision.

    Raises
    ------
    NotFreezable
        The author reviews their own draft, twice, or after it was frozen.
    """
    if draft.drafted_by == author.subject:
        raise NotFreezable(f"{author.subject} drafted it: a second person must review")
    if draft.status == "frozen":
        raise NotFreezable("it is frozen: nothing is left to review")
    review = Review(
        reviewed_by=author.subject,
        decision=decision,
        comment=author.reason,
        reviewed_at=author.now,
    )
    identity = draft.candidate.baseline_id
    if not await queries.add_review(connection, author.tenant, identity, review):
        raise NotFreezable(f"{author.subject} has reviewed it before")
    await seal(connection, author.tenant, [seal_of_review(identity, review)], now=author.now)


async def freeze_draft(
    connection: AsyncConnection, author: Author, draft: Draft, kafka: KafkaSettings
) -> Outcome:
    """Freeze exactly the bytes that were reviewed.

    Raises
    ------
    NotFreezable
        Nobody agreed, somebody rejected, or the definitions changed since.
    """
    if draft.status not in {"reviewed", "frozen"}:
        raise NotFreezable(f"it is {draft.status}: a second person must approve it first")
    candidate = draft.candidate
    window = Window(start=candidate.start_day, end=candidate.end_day)
    wanted = Wanted(
        initiative=candidate.initiative,
        kpi=candidate.kpi,
        window=window,
        units=tuple(candidate.units),
        exclusions=(),
    )
    subject = (await defined(connection, author.tenant, wanted)).subject
    if subject.kpi_version != candidate.kpi_version:
        raise NotFreezable(
            f"KPI {candidate.kpi} is at version {subject.kpi_version}, the draft has version "
            f"{candidate.kpi_version}: draft it again"
        )
    require_before(
        window,
        go_live=subject.go_live,
        today=author.now.date(),
        redesigned_on=subject.redesigned_on,
    )
    frozen = replace(
        candidate,
        frozen_at=author.now,
        frozen_by=author.subject,
        reconstructed=is_reconstructed(subject.go_live, author.now.date()),
        drafted_by=draft.drafted_by,
        reviewed_by=", ".join(each.reviewed_by for each in draft.reviews),
    )
    content = await queries.content_of(connection, author.tenant, candidate.baseline_id)
    return await store(connection, author, frozen, content, kafka)
