"""Which initiatives use which KPI, asked of baseline: it owns the designs."""

from collections.abc import Mapping

import orjson

from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable

PAGE = 500


async def kpis_by_initiative(baseline: ServiceClient, tenant: str) -> Mapping[str, frozenset[str]]:
    """Return the KPIs of every initiative that has a design.

    Raises
    ------
    DependencyUnavailable
        Baseline does not answer.
    """
    found: dict[str, frozenset[str]] = {}
    cursor: str | None = None
    while True:
        params: dict[str, str | int] = {"kind": "design", "limit": PAGE}
        if cursor is not None:
            params["cursor"] = cursor
        response = await baseline.get("/v1/definitions", tenant=tenant, params=params)
        if response.is_error:
            raise DependencyUnavailable(f"baseline answered {response.status_code} about designs")
        page = orjson.loads(response.content)
        for design in page["definitions"]:
            found[design["key"]] = frozenset(design["body"]["kpis"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found
