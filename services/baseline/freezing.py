"""Freeze a baseline: load definitions and series, decide (pure), store with its announcement."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aivalue.baselines.freeze import FrozenBaseline, Subject, freeze
from aivalue.baselines.window import Exclusion, Scope
from aivalue.errors import NotFreezable
from aivalue.kpis.canonical import Json, body_of
from aivalue.kpis.definition import Design, Initiative, Kpi, Window
from aivalue.kpis.series import Series, plain, series_from_columns
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.outbox.queries import record
from aivalue.runtime.problems import DependencyUnavailable
from aivalue.runtime.settings import KafkaSettings
from services.baseline import baseline_queries as queries
from services.baseline import definition_queries
from services.baseline.announcements import BASELINE_FROZEN, announcement
from services.baseline.baseline_queries import StoredBaseline
from services.baseline.definitions import Author
from services.baseline.tables import outbox

ID_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """What definitions say about an initiative's KPI."""

    subject: Subject
    design: Design | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What someone asks to freeze; without a window the design's is taken."""

    initiative: str
    kpi: str
    window: Window | None
    units: tuple[str, ...] | None
    exclusions: tuple[Exclusion, ...]


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
    """Freeze the pre-AI series of a KPI.

    Raises
    ------
    NotFreezable
        See `aivalue.baselines.freeze`; also where no window is known.
    """
    async with engine.connect() as connection:
        known = await defined(connection, author.tenant, wanted.initiative, wanted.kpi)
    scope = _scope(wanted, known.design)
    series, snapshot = await read_series(
        ingest, author.tenant, wanted.kpi, scope.window, scope.units
    )
    # A year of a thousand units is seconds of work: off the event loop, so that others are served.
    frozen = await asyncio.to_thread(
        freeze, series, subject=known.subject, scope=scope, today=author.now.date()
    )
    baseline = _stored(frozen, subject=known.subject, scope=scope, author=author, snapshot=snapshot)
    async with engine.begin() as connection:
        return await store(connection, author, baseline, frozen.content, kafka)


async def defined(connection: AsyncConnection, tenant: str, initiative: str, kpi: str) -> Defined:
    """Read what a freeze needs to know.

    Raises
    ------
    HTTPException
        404 where the initiative or its KPI is not defined.
    """

    async def stored(kind: str, key: str) -> definition_queries.Stored | None:
        return await definition_queries.version_of(connection, tenant, kind, key, None)

    of_initiative = await stored("initiative", initiative)
    if of_initiative is None:
        raise HTTPException(404, f"there is no initiative {initiative!r}")
    of_kpi = await stored("kpi", kpi)
    if of_kpi is None:
        raise HTTPException(404, f"there is no KPI {kpi!r}")
    of_design = await stored("design", initiative)
    subject = Subject(
        initiative=initiative,
        kpi=Kpi.model_validate(of_kpi.body),
        kpi_version=of_kpi.version,
        kpi_sha256=of_kpi.sha256,
        go_live=Initiative.model_validate(of_initiative.body).go_live,
    )
    design = None if of_design is None else Design.model_validate(of_design.body)
    return Defined(subject=subject, design=design)


async def read_series(
    ingest: ServiceClient, tenant: str, kpi: str, window: Window, units: tuple[str, ...] | None
) -> tuple[Series, Mapping[str, Json]]:
    """Ask ingest for the series of the window and for the snapshot it was read at.

    Raises
    ------
    DependencyUnavailable
        Ingest does not answer, refuses, or answers what is not a series.
    """
    params: dict[str, str | list[str]] = {
        "kpi": kpi,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
    }
    if units is not None:
        params["unit"] = list(units)
    response = await ingest.get("/v1/series", tenant=tenant, params=params)
    if not response.is_success:
        raise DependencyUnavailable(f"ingest answered {response.status_code} for the series")
    try:
        answer: dict[str, Any] = response.json()
        return series_from_columns(kpi, answer["columns"]), answer["snapshot"]
    except (ValueError, KeyError, TypeError) as error:
        raise DependencyUnavailable(f"ingest's answer is not a series: {error!r}") from error


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
    message = announcement(
        BASELINE_FROZEN,
        tenant=author.tenant,
        key="/".join(key),
        now=author.now,
        data=_announced(baseline),
        kafka=kafka,
    )
    await record(connection, outbox, [message])
    return Outcome(baseline=baseline, created=True, superseded=False)


def _scope(wanted: Wanted, design: Design | None) -> Scope:
    window = wanted.window or (None if design is None else design.baseline)
    if window is None:
        raise NotFreezable(
            f"no window: name start and end, or give the design of {wanted.initiative} a baseline"
        )
    return Scope(window=window, units=wanted.units, exclusions=wanted.exclusions)


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
        snapshot=snapshot,
        frozen_at=author.now,
        frozen_by=author.subject,
    )


def _announced(baseline: StoredBaseline) -> dict[str, Json]:
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
    }
