"""Baseline on the real ingest: what is frozen and what is assessed is what ingest counted."""

from datetime import timedelta
from decimal import Decimal

from aivalue.kpis.series import series_from_columns
from tests.contract.system import System, define, freeze, send
from tests.integration.attribution import world

SCOPE = {
    "initiative": world.INITIATIVE,
    "kpi": world.KPI,
    "start": "2024-01-01",
    "end": "2024-03-01",
}
UNITS = sorted([*world.TREATED, *world.CONTROLS])


async def test_a_baseline_holds_every_measurement_of_its_window(system: System) -> None:
    await define(system)
    await send(system)

    frozen = await freeze(system)
    full = (await system.baseline.get(f"/v1/baselines/{frozen['baseline_id']}")).json()
    position = (await system.ingest.get("/v1/snapshot")).json()

    days = (world.GO_LIVE - world.FIRST_DAY) // timedelta(days=1)
    assert frozen["units"] == UNITS
    assert frozen["coverage"]["observed_unit_days"] == len(UNITS) * days
    assert frozen["snapshot"] == position
    series = series_from_columns(world.KPI, full["series"])
    expected = sum(
        values[0] for (_, _, day), values in world.machine_values().items() if day < world.GO_LIVE
    )
    assert sum(map(Decimal, full["series"]["sum"])) == expected
    assert len(series) == len(UNITS) * days


async def test_a_part_can_be_frozen_and_the_rest_stays_out(system: System) -> None:
    await define(system)
    await send(system)
    out = {"start": "2024-01-10", "end": "2024-01-12", "units": ["m01"], "reason": "stocktaking"}

    frozen = await system.baseline.post(
        "/v1/baselines",
        json=SCOPE | {"units": ["m01", "m02"], "exclusions": [out], "reason": "two machines"},
    )

    assert frozen.status_code == 201, frozen.text
    assert frozen.json()["units"] == ["m01", "m02"]
    assert frozen.json()["n"] == 2 * 60 - 2


async def test_readiness_knows_who_gets_the_ai_first(system: System) -> None:
    await define(system)
    await send(system)

    answer = await system.baseline.post("/v1/readiness", json=SCOPE)

    assert answer.status_code == 200, answer.text
    assert answer.json()["power"]["n_treated"] == len(world.TREATED)


async def test_nothing_measured_is_a_refusal_not_an_empty_baseline(system: System) -> None:
    await define(system)

    refused = await system.baseline.post("/v1/baselines", json=SCOPE | {"reason": "too early"})

    assert refused.status_code == 409
