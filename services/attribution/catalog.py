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
        Baseline does not answer, or answers what cannot be read.
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
        try:
            page = orjson.loads(response.content)
            designs = {each["key"]: frozenset(each["body"]["kpis"]) for each in page["definitions"]}
            cursor = page["next_cursor"]
        except (KeyError, TypeError, ValueError) as error:
            raise DependencyUnavailable(f"baseline's designs cannot be read: {error!r}") from error
        found |= designs
        if cursor is None:
            return found
