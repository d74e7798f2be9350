"""Late and corrected events never change a baseline; they are shown as its drift."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.postgres import create_engine
from services.baseline.drift import export_once
from tests.integration.baseline.harness import Service
from tests.integration.baseline.test_freezing import REQUEST, year_of

Definitions = list[dict[str, Any]]


@pytest.fixture
async def frozen(service: Service, maintenance: Definitions) -> dict[str, Any]:
    service.ingest.columns = year_of(2)
    await service.apply(maintenance)
    answer = await service.client.post("/v1/baselines", json=REQUEST)
    body: dict[str, Any] = answer.json()
    return body


async def drift(service: Service, frozen: dict[str, Any]) -> dict[str, Any]:
    answer = await service.client.get(f"/v1/baselines/{frozen['baseline_id']}/drift")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_unchanged_events_are_no_drift(service: Service, frozen: dict[str, Any]) -> None:
    found = await drift(service, frozen)

    assert found["differs"] is False
    assert found["level_before"] == found["level_after"] == "0.625"
    assert found["level_change"] == "0"


async def test_a_correction_is_shown_with_its_day_and_size(
    service: Service, frozen: dict[str, Any]
) -> None:
    # 730 line-days of 12.5 minutes; one becomes 377.5: (9125 + 365) / 14600 = 0.65.
    service.ingest.columns["numerator"][10] = "377.5"

    found = await drift(service, frozen)

    assert (found["added"], found["removed"], found["changed"]) == (0, 0, 1)
    assert found["days"] == [{"unit": "L01", "day": "2023-01-11", "how": "changed"}]
    assert (found["level_before"], found["level_after"]) == ("0.625", "0.65")
    assert found["level_change"] == "0.04"


async def test_retracted_days_and_new_units_are_told_apart(
    service: Service, frozen: dict[str, Any]
) -> None:
    service.ingest.columns = {name: cells[1:] for name, cells in year_of(3).items()}

    found = await drift(service, frozen)

    assert (found["added"], found["removed"], found["changed"]) == (0, 1, 0)
    assert found["days"] == [{"unit": "L01", "day": "2023-01-01", "how": "removed"}]
    assert found["new_units"] == ["L03"]


async def test_two_versions_are_compared(service: Service, frozen: dict[str, Any]) -> None:
    service.ingest.columns = year_of(2, downtime="13")
    request = REQUEST | {"reason": "corrected log"}
    second = (await service.client.post("/v1/baselines", json=request)).json()

    answer = await service.client.get(
        f"/v1/baselines/{frozen['baseline_id']}/difference", params={"to": second["baseline_id"]}
    )

    found = answer.json()
    assert (found["added"], found["removed"], found["changed"]) == (0, 0, 730)
    assert (found["level_before"], found["level_after"]) == ("0.625", "0.65")
    assert len(found["days"]) == 20


async def test_an_unknown_baseline_has_no_drift(service: Service) -> None:
    assert (await service.client.get("/v1/baselines/bl-0/drift")).status_code == 404


async def test_drift_is_exported_for_every_newest_baseline(
    service: Service, frozen: dict[str, Any]
) -> None:
    engine = create_engine(service.settings.database, application_name="test")
    ingest = ServiceClient(
        "ingest", "http://ingest", service.settings.auth, transport=service.ingest.transport()
    )
    labels = {
        "tenant": service.settings.auth.open_tenant,
        "initiative": "maintenance",
        "kpi": "downtime",
    }
    service.ingest.columns["numerator"][10] = "377.5"

    exported = await export_once(engine, ingest)

    assert exported == 1
    assert REGISTRY.get_sample_value("aivalue_baseline_drift_rows", labels) == 1.0
    assert REGISTRY.get_sample_value("aivalue_baseline_drift_ratio", labels) == 0.04
    assert REGISTRY.get_sample_value("aivalue_baseline_coverage_ratio", labels) == 1.0
    await ingest.close()
    await engine.dispose()
