"""A target in words comes back as fields, or as the question that it leaves open."""

from typing import Any

from tests.integration.baseline.harness import Service


async def test_a_sentence_becomes_the_fields_of_a_target(
    service: Service, maintenance: list[dict[str, Any]]
) -> None:
    await service.apply(maintenance)
    text = "reduce unplanned downtime by 30% within 12 months"
    request = {"text": text, "kpi": "downtime", "start": "2024-01-01"}

    read = await service.client.post("/v1/targets:read", json=request)

    assert read.json() == {
        "subject": "unplanned downtime",
        "kind": "relative",
        "amount": "0.3",
        "due": "2025-01-01",
    }


async def test_an_open_question_is_asked(
    service: Service, maintenance: list[dict[str, Any]]
) -> None:
    await service.apply(maintenance)
    request = {"text": "reduce downtime by 3 points within a year", "kpi": "downtime"}

    asked = await service.client.post("/v1/targets:read", json=request)

    assert asked.status_code == 422
    assert asked.json()["detail"] == "percentage points, or points of the KPI's own scale?"
