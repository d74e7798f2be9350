"""Say which baselines still stand for "before": load what is defined today, decide (pure)."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.baselines.renewal import Renewal, renewal_of
from aivalue.kpis.definition import Kpi, Process, Window
from services.baseline.queries import definitions as queries
from services.baseline.queries.baselines import StoredBaseline


async def renewals(
    connection: AsyncConnection, tenant: str, stored: Sequence[StoredBaseline], *, today: date
) -> list[Renewal]:
    """Judge baselines, each by its KPI and process of today."""
    kpis = await queries.current(connection, tenant, kind="kpi")
    processes = await queries.current(connection, tenant, kind="process")
    versions: dict[tuple[str, int], Kpi] = {}
    for each in stored:
        version = each.kpi, each.kpi_version
        if version not in versions:
            then = await queries.version_of(connection, tenant, "kpi", *version)
            assert then is not None  # noqa: S101 - definitions are append-only
            versions[version] = Kpi.model_validate(then.body)
    return [
        _renewal(
            each,
            then=versions[each.kpi, each.kpi_version],
            kpis=kpis,
            processes=processes,
            today=today,
        )
        for each in stored
    ]


def _renewal(
    stored: StoredBaseline,
    *,
    then: Kpi,
    kpis: Mapping[tuple[str, str], queries.Stored],
    processes: Mapping[tuple[str, str], queries.Stored],
    today: date,
) -> Renewal:
    kpi = Kpi.model_validate(kpis["kpi", stored.kpi].body)
    process = Process.model_validate(processes["process", kpi.process].body)
    return renewal_of(
        Window(start=stored.start_day, end=stored.end_day),
        frozen_kpi=then,
        kpi=kpi,
        redesigned_on=process.redesigned_on,
        today=today,
    )
