"""Read frozen baselines, and take none that is not what was frozen."""

import hashlib
from datetime import date

import orjson

from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import series_from_columns
from aivalue.runtime.http_client import ServiceClient
from services.attribution.asking import get, get_bytes
from services.attribution.inputs import Baseline

# What a KPI measures; a change of anything else, such as its name, leaves a baseline valid.
_MEANING = ("unit", "better_when", "aggregation", "grain", "numerator", "denominator")


async def frozen_baseline(
    client: ServiceClient, tenant: str, initiative: str, kpi: Kpi, *, kpi_version: int
) -> Baseline | None:
    """Read the newest frozen baseline with its measurements, and check that they are what froze."""
    about: dict[str, str | int] = {"initiative": initiative, "kpi": kpi.key, "limit": 1}
    answer = await get(client, "/v1/baselines", tenant, about)
    frozen = next((each for each in answer["baselines"] if each["status"] == "frozen"), None)
    if frozen is None:
        return None
    series, problem = None, None
    if frozen["kpi_version"] != kpi_version:
        problem = await _changed_meaning(client, tenant, kpi, frozen["kpi_version"])
    if problem is None:
        content = await get_bytes(client, f"/v1/baselines/{frozen['baseline_id']}/content", tenant)
        digest = hashlib.sha256(content).hexdigest()
        if digest == frozen["sha256"]:
            series = series_from_columns(kpi.key, orjson.loads(content)["columns"])
        else:
            problem = f"baseline {frozen['baseline_id']} has digest {digest}, was frozen with"
            problem += f" {frozen['sha256']}"
    return Baseline(
        baseline_id=frozen["baseline_id"],
        version=frozen["version"],
        kpi_version=frozen["kpi_version"],
        sha256=frozen["sha256"],
        start=date.fromisoformat(frozen["start"]),
        end=date.fromisoformat(frozen["end"]),
        reconstructed=frozen["reconstructed"],
        series=series,
        problem=problem,
    )


async def _changed_meaning(
    client: ServiceClient, tenant: str, kpi: Kpi, version: int
) -> str | None:
    """Say which part of the KPI's meaning changed since the baseline froze; None if none did."""
    path = f"/v1/definitions/kpi/{kpi.key}"
    before = Kpi.model_validate((await get(client, path, tenant, {"version": version}))["body"])
    changed = [name for name in _MEANING if getattr(before, name) != getattr(kpi, name)]
    if not changed:
        return None
    return (
        f"the baseline was frozen under version {version} of {kpi.key}, which has since changed "
        f"in {', '.join(changed)}: freeze it again"
    )
