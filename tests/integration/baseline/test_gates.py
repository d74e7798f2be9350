"""A gate keeps who passed it, why, and what there was to decide on; a change may name its day."""

from typing import Any

import pytest

from tests.integration.baseline.harness import Service
from tests.integration.baseline.test_freezing import REQUEST, year_of

Definitions = list[dict[str, Any]]


async def apply(service: Service, definitions: Definitions, **why: object) -> dict[str, Any]:
    body = {"definitions": definitions, "reason": "board of 3 May", **why}
    answer = await service.client.post("/v1/definitions:apply", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def gates(service: Service) -> list[dict[str, Any]]:
    answer = await service.client.get("/v1/initiatives/maintenance/gates")
    found: list[dict[str, Any]] = answer.json()["gates"]
    return found


@pytest.fixture
def piloting(maintenance: Definitions) -> Definitions:
    maintenance[1]["body"]["stage"] = "pilot"
    return maintenance


async def test_a_gate_keeps_what_it_rested_on(service: Service, piloting: Definitions) -> None:
    service.ingest.columns = year_of(2)
    await apply(service, piloting)
    frozen = (await service.client.post("/v1/baselines", json=REQUEST)).json()
    piloting[1]["body"]["stage"] = "scale"

    await apply(service, piloting, evidence={"minutes": "https://intranet/board/3-may"})

    began, scaled = await gates(service)
    assert (began["from_stage"], began["to_stage"], began["version"]) == (None, "pilot", 1)
    assert began["evidence"]["baselines"] == []
    assert (scaled["from_stage"], scaled["to_stage"], scaled["version"]) == ("pilot", "scale", 2)
    assert (scaled["decided_by"], scaled["reason"]) == ("local", "board of 3 May")
    [baseline] = scaled["evidence"]["baselines"]
    assert (baseline["baseline_id"], baseline["sha256"]) == (
        frozen["baseline_id"],
        frozen["sha256"],
    )
    assert scaled["evidence"]["references"] == {"minutes": "https://intranet/board/3-may"}
    named = {(each["kind"], each["version"]) for each in scaled["evidence"]["definitions"]}
    assert named == {
        ("portfolio", 1), ("initiative", 2), ("process", 1), ("kpi", 1), ("target", 1),
        ("design", 1),
    }  # fmt: skip


async def test_what_passes_no_gate_records_none(service: Service, piloting: Definitions) -> None:
    await apply(service, piloting)
    piloting[1]["body"]["owner"] = "Somebody else"

    await apply(service, piloting)

    assert len(await gates(service)) == 1


async def test_gates_are_sealed(service: Service, piloting: Definitions) -> None:
    await apply(service, piloting)

    verified = (await service.client.get("/v1/verification")).json()

    assert (verified["n_gates"], verified["faults"]) == (1, [])


async def test_a_change_holds_from_its_day(service: Service, maintenance: Definitions) -> None:
    await apply(service, maintenance)
    maintenance[3]["body"]["unit"] = "h/h"

    await apply(service, maintenance, valid_from="2024-03-01")

    path = "/v1/definitions/kpi/downtime"
    for day, version in (("2023-06-01", 1), ("2024-02-29", 1), ("2024-03-01", 2)):
        held = (await service.client.get(path, params={"valid_at": day})).json()
        assert held["version"] == version
    service.ingest.columns = year_of(2)
    frozen = (await service.client.post("/v1/baselines", json=REQUEST)).json()
    assert frozen["kpi_version"] == 1
    assert frozen["renewal"]["reasons"][0] == "the KPI has changed in unit"


async def test_a_window_with_two_meanings_is_refused(
    service: Service, maintenance: Definitions
) -> None:
    await apply(service, maintenance)
    maintenance[3]["body"]["unit"] = "h/h"
    await apply(service, maintenance, valid_from="2023-07-01")
    service.ingest.columns = year_of(2)

    refused = await service.client.post("/v1/baselines", json=REQUEST)

    assert refused.status_code == 409
    assert "another unit from 2023-07-01 on" in refused.json()["detail"]


async def test_a_day_that_is_to_come_is_refused(service: Service, maintenance: Definitions) -> None:
    body = {"definitions": maintenance, "reason": "x", "valid_from": "2999-01-01"}

    refused = await service.client.post("/v1/definitions:apply", json=body)

    assert refused.status_code == 422
    assert "which is to come" in refused.json()["detail"]


async def test_a_change_may_hold_from_the_first_day_there_is(
    service: Service, maintenance: Definitions
) -> None:
    await apply(service, maintenance, valid_from="0001-01-01")

    read = (await service.client.get("/v1/definitions/kpi/downtime")).json()
    verified = await service.client.get("/v1/verification")

    assert read["valid_from"] == "0001-01-01T00:00:00Z"
    assert verified.status_code == 200, verified.text
    assert verified.json()["faults"] == []


async def test_what_holds_on_the_last_day_there_is_can_be_asked(
    service: Service, maintenance: Definitions
) -> None:
    await apply(service, maintenance)

    held = await service.client.get(
        "/v1/definitions/kpi/downtime", params={"valid_at": "9999-12-31"}
    )

    assert held.status_code == 200, held.text
    assert held.json()["version"] == 1
