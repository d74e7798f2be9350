"""Which initiatives use which KPI, asked of baseline: it owns the designs."""

from collections.abc import Mapping
from typing import Any

from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable
from services.attribution.asking import get

PAGE = 500


async def kpis_by_initiative(baseline: ServiceClient, tenant: str) -> Mapping[str, frozenset[str]]:
    """Return the KPIs of every initiative that has a design.

    Raises
    ------
    DependencyUnavailable
        Baseline does not answer, or answers what cannot be read.
    """
    found = await designs(baseline, tenant)
    return {initiative: frozenset(each["body"]["kpis"]) for initiative, each in found.items()}


async def designs(
    baseline: ServiceClient, tenant: str, *, kpi: str | None = None
) -> dict[str, Mapping[str, Any]]:
    """Return the designs that name a KPI, or all of them, as baseline answers with them.

    Raises
    ------
    DependencyUnavailable
        Baseline does not answer, or answers what cannot be read.
    """
    found: dict[str, Mapping[str, Any]] = {}
    cursor: str | None = None
    while True:
        params: dict[str, str | int] = {"kind": "design", "limit": PAGE}
        params |= {} if kpi is None else {"kpi": kpi}
        params |= {} if cursor is None else {"cursor": cursor}
        page = await get(baseline, "/v1/definitions", tenant, params)
        try:
            for each in page["definitions"]:
                if kpi is None or kpi in each["body"]["kpis"]:
                    found[each["key"]] = each
            cursor = page["next_cursor"]
        except (KeyError, TypeError, ValueError) as error:
            raise DependencyUnavailable(f"baseline's designs cannot be read: {error!r}") from error
        if cursor is None:
            return found
