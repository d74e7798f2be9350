"""What a frozen baseline lets one expect, over HTTP."""

from typing import Any

import pytest

from tests.integration.baseline.harness import Service
from tests.integration.baseline.test_freezing import REQUEST, year_of


@pytest.fixture
async def path(service: Service, maintenance: list[dict[str, Any]]) -> str:
    service.ingest.columns = year_of(2)
    await service.apply(maintenance)
    frozen = (await service.client.post("/v1/baselines", json=REQUEST)).json()
    return f"/v1/baselines/{frozen['baseline_id']}/expected"


async def test_a_level_that_stood_still_is_expected_to(service: Service, path: str) -> None:
    window = {"start": "2024-01-01", "end": "2024-02-01"}

    found = (await service.client.get(path, params=window)).json()

    assert found["mean"] == pytest.approx(0.625)
    assert found["mean_low"] <= found["mean"] <= found["mean_high"]
    assert [each["day"] for each in found["days"]][::30] == ["2024-01-01", "2024-01-31"]
    assert found["backtest_error"] == pytest.approx(0.0, abs=1e-9)
    assert found["unit"] == "min/h"


@pytest.mark.parametrize(
    ("start", "end"), [("2024-01-01", "2024-01-01"), ("2024-01-01", "2040-01-01")]
)
async def test_no_days_and_too_many_are_refused(
    service: Service, path: str, start: str, end: str
) -> None:
    refused = await service.client.get(path, params={"start": start, "end": end})

    assert refused.status_code == 422
