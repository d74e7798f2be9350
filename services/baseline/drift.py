"""Compare frozen baselines with today's events: on request, and now and then for the metrics."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from fastapi import HTTPException
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aivalue.baselines.difference import Difference, difference_of
from aivalue.baselines.window import Scope, restrict
from aivalue.errors import AivalueError
from aivalue.kpis.canonical import Json
from aivalue.kpis.definition import Exclusion, Kpi, Window
from aivalue.kpis.series import Series, series_from_columns
from aivalue.runtime.clock import utc_now
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable
from aivalue.runtime.telemetry import JOB_SUCCESS
from services.baseline import metrics
from services.baseline.load import read_series
from services.baseline.queries import baselines as queries
from services.baseline.queries import definitions as definition_queries
from services.baseline.queries.baselines import StoredBaseline
from services.baseline.renewing import renewals

WATCHED_MAX = 1_000
logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How today's events differ; `new_units` were not measured when it was frozen."""

    baseline: StoredBaseline
    difference: Difference
    new_units: tuple[str, ...]
    snapshot: Mapping[str, Json]


async def drift_of(
    engine: AsyncEngine, ingest: ServiceClient, tenant: str, baseline_id: str
) -> Drift:
    """Compare one baseline with what ingest holds now."""
    async with engine.connect() as connection:
        stored, kpi = await known(connection, tenant, baseline_id)
        frozen = await frozen_series(connection, tenant, stored)
    scope = Scope(
        window=Window(start=stored.start_day, end=stored.end_day),
        exclusions=tuple(Exclusion.model_validate(each) for each in stored.exclusions),
    )
    series, snapshot = await read_series(ingest, tenant, stored.kpi, scope)
    everything = restrict(series, scope)
    frozen_units = frozenset(stored.units)
    now = everything.where(lambda key: key[0] in frozen_units)
    difference = await asyncio.to_thread(difference_of, frozen, now, kpi)
    return Drift(
        baseline=stored,
        difference=difference,
        new_units=tuple(sorted(set(everything.unit) - frozen_units)),
        snapshot=snapshot,
    )


async def known(
    connection: AsyncConnection, tenant: str, baseline_id: str
) -> tuple[StoredBaseline, Kpi]:
    """Return a baseline and its KPI as it was defined then; 404 where there is none."""
    found = await queries.baseline_of(connection, tenant, baseline_id)
    if found is None:
        raise HTTPException(404, f"there is no baseline {baseline_id!r}")
    stored = found[0]
    kpi = await definition_queries.version_of(
        connection, tenant, "kpi", stored.kpi, stored.kpi_version
    )
    assert kpi is not None  # noqa: S101 - definitions are append-only
    return stored, Kpi.model_validate(kpi.body)


async def frozen_series(connection: AsyncConnection, tenant: str, stored: StoredBaseline) -> Series:
    """Return the measurements as they were frozen."""
    content = await queries.content_of(connection, tenant, stored.baseline_id)
    return series_from_columns(stored.kpi, json.loads(content or b"{}")["columns"])


async def watch(engine: AsyncEngine, ingest: ServiceClient, *, period_seconds: float) -> None:
    """Export the drift of every newest baseline, for as long as the service runs."""
    while True:
        try:
            await export_once(engine, ingest)
        except (DependencyUnavailable, DBAPIError, OSError) as error:
            logger.warning("drift waits", error=f"{type(error).__name__}: {error}")
        else:
            JOB_SUCCESS.labels("baseline", "drift").set_to_current_time()
        await asyncio.sleep(period_seconds)


async def export_once(engine: AsyncEngine, ingest: ServiceClient) -> int:
    """Set the gauges of every newest baseline; returns how many there are."""
    async with engine.connect() as connection:
        newest = await queries.newest(connection, limit=WATCHED_MAX)
    for tenant, baseline in newest:
        labels = (tenant, baseline.initiative, baseline.kpi)
        metrics.show_frozen(tenant, baseline)
        async with engine.connect() as connection:
            [renewal] = await renewals(connection, tenant, [baseline], today=utc_now().date())
        metrics.show_renewal(tenant, baseline, renewal)
        try:
            drift = await drift_of(engine, ingest, tenant, baseline.baseline_id)
        except AivalueError as error:
            logger.warning("drift unknown", baseline=baseline.baseline_id, error=str(error))
            continue
        difference = drift.difference
        rows = difference.added + difference.removed + difference.changed
        metrics.DRIFT_ROWS.labels(*labels).set(rows)
        before, after = difference.level_before, difference.level_after
        if before and after is not None:
            metrics.DRIFT.labels(*labels).set(float((after - before) / abs(before)))
    return len(newest)
