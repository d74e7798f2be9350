"""Two initiatives on the same machines, told to the real services: a portfolio counts once.

The programme is that of `tests.integration.attribution.test_attribution_overlap`: 2 and 1 defects a
day, and 2.5 together.
"""

from decimal import Decimal
from typing import Any

import pytest

from aivalue.events.business import InterventionAssigned, MeasurementRecorded
from aivalue.events.encode import http_event
from tests.contract.system import BATCH, MIDNIGHT, System
from tests.integration.attribution import test_attribution_overlap as shared
from tests.integration.attribution import world

BATCHED = {"content-type": "application/cloudevents-batch+json"}
NAMES = (world.INITIATIVE, shared.OTHER)


async def tell(system: System) -> None:
    """Define both initiatives, price them alike, and send what was measured."""
    first, second = (world.programme(name) for name in NAMES)
    definitions = [
        first["portfolio"],
        *(each["initiative"] for each in (first, second)),
        *first["processes"],
        *first["kpis"],
        *(each["design"] for each in (first, second)),
    ]
    wanted = [{name: each[name] for name in ("kind", "key", "body")} for each in definitions]
    applied = await system.baseline.post(
        "/v1/definitions:apply", json={"definitions": wanted, "reason": "test"}
    )
    assert applied.status_code == 200, applied.text
    rules = {"definitions": [shared.rule(name) for name in NAMES], "reason": "test"}
    priced = await system.attribution.post("/v1/valuation-rules:apply", json=rules)
    assert priced.status_code == 200, priced.text
    events = [
        http_event(
            MeasurementRecorded(kpi=world.KPI, unit=unit, value=values[0], business_date=day),
            source="urn:test:mes",
            event_id=f"{unit}/{day}",
            time=MIDNIGHT,
        )
        for (unit, _, day), values in shared.values().items()
    ]
    events += [started(name, unit) for name in NAMES for unit in shared.REACHED[name]]
    for start in range(0, len(events), BATCH):
        stored = await system.ingest.post(
            "/v1/events", json=events[start : start + BATCH], headers=BATCHED
        )
        assert stored.status_code == 200, stored.text


def started(initiative: str, unit: str) -> dict[str, object]:
    day = shared.STARTS[initiative]
    data = InterventionAssigned(
        initiative=initiative,
        unit=unit,
        arm="treatment",
        start=MIDNIGHT.replace(month=day.month, day=day.day),
        assignment="phased",
    )
    return http_event(data, source="urn:test", event_id=f"{initiative}/{unit}", time=MIDNIGHT)


async def run(system: System, initiative: str) -> dict[str, Any]:
    response = await system.attribution.post("/v1/runs", json={"initiative": initiative})
    assert response.status_code == 201, response.text
    answer = await system.attribution.get("/v1/effects", params={"initiative": initiative})
    (effect,) = answer.json()["effects"]
    assert isinstance(effect, dict)
    return effect


async def totals(system: System) -> dict[str, Any]:
    await system.refresher.refresh(system.tenant)
    (portfolio,) = (await system.reporting.get("/v1/summary")).json()["portfolios"]
    found: dict[str, Any] = portfolio["totals"]
    return found


async def test_a_portfolio_is_worth_what_its_initiatives_brought_together(system: System) -> None:
    await tell(system)
    first, second = [await run(system, name) for name in NAMES]
    settled = await totals(system)

    both = shared.unit_days(*NAMES)
    alone = 2 * shared.unit_days(NAMES[0]) + shared.unit_days(NAMES[1])
    truth = alone + 2.5 * both
    assert first["joint"] == second["joint"]
    assert -first["joint"]["total"]["point"] == pytest.approx(truth, rel=1e-3)
    values = [
        (await system.attribution.get(f"/v1/initiatives/{name}/value")).json() for name in NAMES
    ]
    assert Decimal(settled["benefit"]["point"]) == Decimal(values[0]["shared"][0]["total"])
    # Added up one by one, both would be worth 3 a day where 2.5 were brought.
    assert float(settled["benefit"]["point"]) == pytest.approx(9.99 * truth, rel=1e-3)
    assert settled["unsettled"] == []


async def test_a_run_of_one_alone_is_named_until_the_other_has_run_too(system: System) -> None:
    await tell(system)
    for name in NAMES:
        await run(system, name)
    later = http_event(
        MeasurementRecorded(
            kpi=world.KPI, unit="m24", value=Decimal(44), business_date=world.FIRST_DAY
        ),
        source="urn:test:mes",
        event_id="late",
        time=MIDNIGHT,
    )
    await system.ingest.post("/v1/events", json=[later], headers=BATCHED)

    await run(system, NAMES[0])
    between = await totals(system)
    await run(system, NAMES[1])
    after = await totals(system)

    assert between["unsettled"] == sorted(NAMES)
    assert after["unsettled"] == []
