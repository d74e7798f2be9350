"""Freeze a baseline: load definitions and series, decide (pure), store with its announcement."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aivalue.baselines.freeze import FrozenBaseline, Subject, freeze
from aivalue.baselines.window import Scope
from aivalue.events.announcement import BASELINE_FROZEN
from aivalue.kpis.applying import Author
from aivalue.kpis.canonical import Json, body_of
from aivalue.kpis.series import plain
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.outbox.announcing import announcement
from aivalue.runtime.outbox.queries import record
from aivalue.runtime.settings import KafkaSettings
from services.baseline import metrics
from services.baseline.load import Wanted, defined, read_series, scope_of
from services.baseline.queries import baselines as queries
from services.baseline.queries.baselines import StoredBaseline
from services.baseline.sealing import seal, seal_of_baseline
from services.baseline.tables import outbox

ID_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is stored now, and whether this call created it."""

    baseline: StoredBaseline
    created: bool
    superseded: bool


async def freeze_baseline(
    engine: AsyncEngine,
    ingest: ServiceClient,
    *,
    wanted: Wanted,
    author: Author,
    kafka: KafkaSettings,
) -> Outcome:
    """Freeze the pre-AI series of a KPI at once."""
    with metrics.counting_refusals(), metrics.FREEZE_SECONDS.time():
        baseline, content = await measure(engine, ingest, wanted=wanted, author=author)
    async with engine.begin() as connection:
        outcome = await store(connection, author, baseline, content, kafka)
    count(author.tenant, outcome)
    return outcome


def count(tenant: str, outcome: Outcome) -> None:
    """Count a freeze that is committed."""
    metrics.FREEZES.labels("created" if outcome.created else "unchanged").inc()
    if not outcome.superseded:
        metrics.show_frozen(tenant, outcome.baseline)


async def measure(
    engine: AsyncEngine, ingest: ServiceClient, *, wanted: Wanted, author: Author
) -> tuple[StoredBaseline, bytes]:
    """Read what a baseline would hold now; nothing is stored and the version is 0.

    Raises
    ------
    NotFreezable
        See `aivalue.baselines.freeze`; also where no window is known.
    """
    async with engine.connect() as connection:
        known = await defined(connection, author.tenant, wanted)
    scope = scope_of(wanted, known.design)
    series, snapshot = await read_series(ingest, author.tenant, wanted.kpi, scope)
    # A year of a thousand units is seconds of work: off the event loop, so that others are served.
    frozen = await asyncio.to_thread(
        freeze, series, subject=known.subject, scope=scope, today=author.now.date()
    )
    baseline = _stored(frozen, subject=known.subject, scope=scope, author=author, snapshot=snapshot)
    return baseline, frozen.content


async def store(
    connection: AsyncConnection,
    author: Author,
    baseline: StoredBaseline,
    content: bytes,
    kafka: KafkaSettings,
) -> Outcome:
    """Append the baseline as the next version; content frozen before is returned as it was."""
    key = (baseline.initiative, baseline.kpi)
    await queries.lock_baseline(connection, author.tenant, key)
    known = await queries.baseline_of(connection, author.tenant, baseline.baseline_id)
    if known is not None:
        return Outcome(baseline=known[0], created=False, superseded=known[1])
    latest = await queries.latest_version(connection, author.tenant, key)
    baseline = replace(baseline, version=latest + 1)
    await queries.add(connection, author.tenant, baseline, content)
    chain_hash = await seal(connection, author.tenant, [seal_of_baseline(baseline)], now=author.now)
    message = announcement(
        BASELINE_FROZEN,
        tenant=author.tenant,
        subject="/".join(key),
        now=author.now,
        data=_announced(baseline, chain_hash),
        kafka=kafka,
    )
    await record(connection, outbox, [message])
    return Outcome(baseline=baseline, created=True, superseded=False)


def _stored(
    frozen: FrozenBaseline,
    *,
    subject: Subject,
    scope: Scope,
    author: Author,
    snapshot: Mapping[str, Json],
) -> StoredBaseline:
    coverage = frozen.coverage
    return StoredBaseline(
        # Addressed by content: the same content has the same id, here and in a replica.
        baseline_id=f"bl-{frozen.sha256[:ID_DIGITS]}",
        initiative=subject.initiative,
        kpi=subject.kpi.key,
        kpi_version=subject.kpi_version,
        version=0,
        start_day=scope.window.start,
        end_day=scope.window.end,
        units=list(frozen.units),
        exclusions=[body_of(each) for each in scope.exclusions],
        coverage={
            "expected_unit_days": coverage.expected_unit_days,
            "observed_unit_days": coverage.observed_unit_days,
            "ratio": str(coverage.ratio),
            "units": {unit: str(ratio) for unit, ratio in coverage.units.items()},
        },
        levels={unit: plain(level) for unit, level in frozen.levels.units.items()},
        level=frozen.levels.overall,
        n=frozen.n,
        reconstructed=frozen.reconstructed,
        reason=author.reason,
        sha256=frozen.sha256,
        merkle_root=frozen.merkle_root,
        snapshot=snapshot,
        frozen_at=author.now,
        frozen_by=author.subject,
    )


def _announced(baseline: StoredBaseline, chain_hash: str) -> dict[str, Json]:
    return {
        "baseline_id": baseline.baseline_id,
        "initiative": baseline.initiative,
        "kpi": baseline.kpi,
        "kpi_version": baseline.kpi_version,
        "version": baseline.version,
        "start": baseline.start_day.isoformat(),
        "end": baseline.end_day.isoformat(),
        "sha256": baseline.sha256,
        "reconstructed": baseline.reconstructed,
        "snapshot": str(baseline.snapshot["id"]),
        "merkle_root": baseline.merkle_root,
        "chain_hash": chain_hash,
    }
