"""Readiness over HTTP: definitions and series in, findings with their numbers out."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tests.integration.baseline.harness import Service

Definitions = list[dict[str, Any]]
REQUEST = {"initiative": "maintenance", "kpi": "downtime"}


def year_of(lines: int) -> dict[str, list[Any]]:
    """Downtime around 12.5 minutes in 20 scheduled hours, from line to line and day to day."""
    rng = np.random.default_rng(1)
    days = [(date(2023, 1, 1) + timedelta(days=day)).isoformat() for day in range(365)]
    unit = [f"L{line:02}" for line in range(1, lines + 1) for _ in days]
    rows = len(unit)
    downtime = [str(Decimal(int(each)) / 10) for each in rng.gamma(2.0, 62.5, rows)]
    return {
        "unit": unit,
        "segment": [""] * rows,
        "arm": [""] * rows,
        "day": days * lines,
        "n": [1] * rows,
        "sum": ["0"] * rows,
        "sum_squares": ["0"] * rows,
        "minimum": [None] * rows,
        "maximum": [None] * rows,
        "numerator": downtime,
        "denominator": ["20"] * rows,
        "numerator_squares": [str(Decimal(each) ** 2) for each in downtime],
        "denominator_squares": ["400"] * rows,
        "cross_product": [str(Decimal(each) * 20) for each in downtime],
    }


@pytest.fixture
async def ready(service: Service, maintenance: Definitions) -> Service:
    service.ingest.columns = year_of(8)
    assert (await service.apply(maintenance)).status_code == 200
    return service


async def test_findings_carry_numbers_and_the_target_of_the_definitions(ready: Service) -> None:
    answer = await ready.client.post("/v1/readiness", json=REQUEST | {"treated_units": 4})

    body = answer.json()
    assert answer.status_code == 200
    assert (body["start"], body["end"]) == ("2023-01-01", "2024-01-01")
    assert body["snapshot"]["id"] == "5" * 64
    assert body["power"]["target"] == 0.3
    assert (body["power"]["n_treated"], body["power"]["n_units"]) == (4, 8)
    assert 0 < body["power"]["detectable"] < 0.3
    assert {each["status"] for each in body["items"]} == {"pass"}
    assert body["status"] == "pass"


async def test_the_first_treated_units_are_the_pilots(ready: Service) -> None:
    ready.ingest.interventions = [
        {"unit": "L05", "arm": "treatment", "start": "2024-01-01T00:00:00Z"},
        {"unit": "L06", "arm": "treatment", "start": "2024-06-01T00:00:00Z"},
        {"unit": "L07", "arm": "control", "start": "2024-01-01T00:00:00Z"},
    ]

    body = (await ready.client.post("/v1/readiness", json=REQUEST)).json()

    [found] = [each for each in body["items"] if each["name"] == "regression to the mean"]
    assert found["detail"].startswith("L05: ")
    assert body["power"]["n_treated"] == 1


async def test_nothing_measured_is_refused(ready: Service) -> None:
    refused = await ready.client.post(
        "/v1/readiness", json=REQUEST | {"start": "2020-01-01", "end": "2021-01-01"}
    )

    assert refused.status_code == 409
    assert "got 0 rows" in refused.json()["detail"]


async def test_a_kpi_of_another_initiative_is_refused(
    ready: Service, maintenance: Definitions
) -> None:
    scrap = maintenance[3] | {"key": "scrap"}
    await ready.apply([scrap])

    refused = await ready.client.post("/v1/readiness", json=REQUEST | {"kpi": "scrap"})

    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        "scrap is no KPI of maintenance: its design and targets name downtime"
    )


async def test_an_ingest_that_answers_something_else_is_away(ready: Service) -> None:
    ready.ingest.interventions = [{"signed_in": False}]

    refused = await ready.client.post("/v1/readiness", json=REQUEST)

    assert refused.status_code == 503
    assert "ingest's answer is no interventions" in refused.json()["detail"]
