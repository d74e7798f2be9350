"""Reporting on the real baseline and the real attribution: what it shows is what they say."""

from decimal import Decimal
from typing import Any

import pytest

from tests.contract.system import System, define, tell
from tests.integration.attribution import world

ABOUT = {"initiative": world.INITIATIVE}


async def shown(system: System) -> dict[str, Any]:
    await system.refresher.refresh(system.tenant)
    answer = await system.reporting.get(f"/v1/initiatives/{world.INITIATIVE}/summary")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["stale"] is False, found["stale_reason"]
    return found


async def test_an_initiative_is_shown_from_its_definition_to_its_value(system: System) -> None:
    nothing_read = await system.reporting.get("/v1/summary")
    await define(system)
    defined = await shown(system)
    await tell(system)
    frozen = await shown(system)
    run = (await system.attribution.post("/v1/runs", json=ABOUT)).json()
    estimated = await shown(system)
    effects = (await system.attribution.get("/v1/effects", params=ABOUT)).json()
    value = (await system.attribution.get(f"/v1/initiatives/{world.INITIATIVE}/value")).json()
    (portfolio,) = (await system.reporting.get("/v1/summary")).json()["portfolios"]
    metrics = await system.reporting.get("/metrics/business")

    assert nothing_read.status_code == 503
    (before,) = defined["initiative"]["kpis"]
    assert before["baseline"] is None
    assert defined["initiative"]["value_reason"] == "it has not been estimated yet"
    (with_baseline,) = frozen["initiative"]["kpis"]
    assert with_baseline["baseline"]["start"] == "2024-01-01"
    assert estimated["initiative"]["run_id"] == run["run_id"]
    (kpi,) = estimated["initiative"]["kpis"]
    (effect,) = effects["effects"]
    assert kpi["effect"]["point"] == effect["average"]["point"] == pytest.approx(-2)
    assert (kpi["grade"], kpi["verdict"]) == (effect["grade"], effect["verdict"])
    net = Decimal(value["value"]["net"]["point"])
    assert Decimal(estimated["initiative"]["value"]["net"]["point"]) == net
    assert portfolio["initiatives"] == [estimated["initiative"]]
    assert f'use_case="{world.INITIATIVE}"' in metrics.text
    (line,) = [
        each for each in metrics.text.splitlines() if each.startswith("aivalue_net_value_eur{")
    ]
    assert Decimal(line.split()[-1]) == net


async def test_a_refusal_reaches_the_reader_with_its_reason(system: System) -> None:
    await define(system)
    rules = {"definitions": [world.RULE], "reason": "test"}
    await system.attribution.post("/v1/valuation-rules:apply", json=rules)

    run = await system.attribution.post("/v1/runs", json=ABOUT)
    summary = await shown(system)

    assert run.json()["status"] == "refused"
    (kpi,) = summary["initiative"]["kpis"]
    assert kpi["effect"] is None
    assert kpi["refusal"]
    assert summary["initiative"]["value"] is None
    assert summary["initiative"]["value_reason"]
