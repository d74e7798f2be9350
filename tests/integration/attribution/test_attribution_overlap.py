"""Two initiatives on the same machines: what they do jointly is counted once, to the cent.

Inspection takes 2 defects a day off a machine, rework 1, and both together 2.5. So inspection is
worth 1.75 and rework 0.75 where both are at work: added up one by one they would be worth 3.
"""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.attribution.settings import AttributionSettings
from tests.integration.attribution.harness import Service, service_of
from tests.integration.attribution.world import (
    FIRST_DAY,
    INITIATIVE,
    KPI,
    RULE,
    Peers,
    columns_of_values,
    programme,
    treatment,
)

OTHER = "rework"
UNITS = [f"m{number:02}" for number in range(1, 25)]
LAST_DAY = date(2024, 9, 1)
STARTS = {INITIATIVE: date(2024, 3, 1), OTHER: date(2024, 4, 1)}
REACHED = {INITIATIVE: UNITS[:12], OTHER: UNITS[6:16]}
ALONE = {INITIATIVE: Decimal(-2), OTHER: Decimal(-1)}
TOGETHER = Decimal("-2.5")


def at_work(unit: str, day: date) -> list[str]:
    return [name for name in STARTS if unit in REACHED[name] and day >= STARTS[name]]


def values() -> dict[tuple[str, str, date], list[Decimal]]:
    found = {}
    for index, unit in enumerate(UNITS):
        for offset in range((LAST_DAY - FIRST_DAY).days):
            day = FIRST_DAY + timedelta(days=offset)
            active = at_work(unit, day)
            effect = (
                TOGETHER if len(active) > 1 else sum((ALONE[name] for name in active), Decimal(0))
            )
            noise = Decimal((offset * 7919 + index * 104_729) % 11 - 5) / 100
            found[unit, "", day] = [Decimal(20 + index) + Decimal(day.month) / 2 + noise + effect]
    return found


def unit_days(*names: str) -> int:
    """Count the unit-days on which exactly these were at work."""
    days = [FIRST_DAY + timedelta(days=offset) for offset in range((LAST_DAY - FIRST_DAY).days)]
    return sum(at_work(unit, day) == list(names) for unit in UNITS for day in days)


def peers(*, other: dict[str, Any] | None = None, **tags: str) -> Peers:
    found = Peers(programme=programme(INITIATIVE, **tags))
    found.others = {OTHER: other or programme(OTHER, **tags)}
    found.series = {KPI: columns_of_values(values())}
    found.interventions = [
        treatment(unit, start=f"{STARTS[name]}T00:00:00Z", initiative=name)
        for name, units in REACHED.items()
        for unit in units
    ]
    return found


def rule(initiative: str, rate: str = "9.99") -> dict[str, Any]:
    body = {**RULE["body"], "initiative": initiative, "rate": rate}
    return {**RULE, "key": f"{initiative}-scrap", "body": body}


@pytest.fixture
async def shared(settings: AttributionSettings) -> AsyncIterator[Service]:
    """Yield the service with both initiatives, each with a rule of the same rate."""
    async with service_of(settings, peers()) as running:
        await running.apply(rule(INITIATIVE), rule(OTHER))
        yield running


async def run(service: Service, initiative: str) -> dict[str, Any]:
    """Run one initiative and return its effect."""
    response = await service.client.post("/v1/runs", json={"initiative": initiative})
    assert response.status_code in {200, 201}, response.text
    (effect,) = (await service.get("/v1/effects", initiative=initiative))["effects"]
    assert isinstance(effect, dict)
    return effect


async def test_shares_are_the_known_answer_and_the_same_in_both_runs(shared: Service) -> None:
    own, other = await run(shared, INITIATIVE), await run(shared, OTHER)

    both = unit_days(INITIATIVE, OTHER)
    wanted = {
        INITIATIVE: float(-2 * unit_days(INITIATIVE) - Decimal("1.75") * both),
        OTHER: float(-unit_days(OTHER) - Decimal("0.75") * both),
    }
    assert own["total"]["point"] == pytest.approx(wanted[INITIATIVE], rel=1e-3)
    assert other["total"]["point"] == pytest.approx(wanted[OTHER], rel=3e-3)
    assert own["joint"]["total"]["point"] == pytest.approx(sum(wanted.values()), rel=1e-3)
    assert own["estimator"] == other["estimator"] == "joint_model"
    assert own["joint"] == other["joint"]
    assert own["joint"]["inseparable"] == []
    shares = {each["initiative"]: each["total"] for each in own["joint"]["shares"]}
    assert shares == {INITIATIVE: own["total"], OTHER: other["total"]}


async def test_values_sum_to_the_cent(shared: Service) -> None:
    await run(shared, INITIATIVE)
    effect = await run(shared, OTHER)

    answers = [await shared.get(f"/v1/initiatives/{name}/value") for name in (INITIATIVE, OTHER)]

    points = [Decimal(answer["value"]["benefit"]["point"]) for answer in answers]
    ((first,), (second,)) = (answer["shared"] for answer in answers)
    assert sum(points) == Decimal(first["total"]) == Decimal(second["total"])
    assert first["shares"] == second["shares"]
    assert [Decimal(each["amount"]) for each in first["shares"]] == points
    assert all(point % Decimal("0.01") == 0 for point in points)
    together = -9.99 * effect["joint"]["total"]["point"]
    assert float(sum(points)) == pytest.approx(together, abs=0.05)
    benefits = (await shared.get("/v1/benefits"))["benefits"]
    assert sum(Decimal(each["point"]) for each in benefits) == sum(points)


async def test_overlaps_are_listed_with_every_part(shared: Service) -> None:
    await run(shared, INITIATIVE)
    (half,) = (await shared.get("/v1/overlaps"))["overlaps"]
    effect = await run(shared, OTHER)
    (whole,) = (await shared.get("/v1/overlaps", kpi=KPI))["overlaps"]
    nothing = await shared.get("/v1/overlaps", kpi="scrap-rate")

    assert [each["initiative"] for each in half["parts"]] == [INITIATIVE]
    assert half["settled"] is False
    assert whole["settled"] is True
    assert whole["joint"] == effect["joint"]
    assert sum(each["total"]["point"] for each in whole["parts"]) == pytest.approx(
        effect["joint"]["total"]["point"]
    )
    value = await shared.get(f"/v1/initiatives/{OTHER}/value")
    assert whole["amounts"] == {"EUR": value["shared"][0]["total"]}
    assert nothing["overlaps"] == []


async def test_an_initiative_that_comes_to_share_units_makes_a_new_run(
    settings: AttributionSettings,
) -> None:
    found = peers()
    theirs = [each for each in found.interventions if each["initiative"] == OTHER]
    found.interventions = [each for each in found.interventions if each["initiative"] != OTHER]
    async with service_of(settings, found) as service:
        alone = await run(service, INITIATIVE)
        found.interventions += theirs
        shared = await run(service, INITIATIVE)
        again = await service.run()

    assert alone["joint"] is None
    assert alone["estimator"] != "joint_model"
    assert shared["estimator"] == "joint_model"
    assert again.status_code == 200


async def test_machines_of_another_initiative_are_no_controls_from_its_first_day(
    settings: AttributionSettings,
) -> None:
    found = peers()
    apart = set(UNITS[12:16])
    found.interventions = [
        each
        for each in found.interventions
        if each["initiative"] == INITIATIVE or each["unit"] in apart
    ]
    series = {
        (unit, arm, day): [value + _undo(unit, day) for value in numbers]
        for (unit, arm, day), numbers in values().items()
    }
    found.series = {KPI: columns_of_values(series)}
    async with service_of(settings, found) as service:
        effect = await run(service, INITIATIVE)

    assert effect["joint"] is None
    assert effect["average"]["point"] == pytest.approx(-2, abs=0.01)


def _undo(unit: str, day: date) -> Decimal:
    """Take rework off the machines that have inspection too."""
    active = at_work(unit, day)
    return ALONE[INITIATIVE] - TOGETHER if len(active) > 1 else Decimal(0)


async def test_what_is_never_apart_is_shown_together_and_demoted(
    settings: AttributionSettings,
) -> None:
    found = peers()
    found.interventions = [
        treatment(unit, initiative=name) for name in STARTS for unit in REACHED[INITIATIVE]
    ]
    async with service_of(settings, found) as service:
        effect = await run(service, INITIATIVE)

    assert effect["joint"]["inseparable"] == [[INITIATIVE, OTHER]]
    assert effect["joint"]["total"]["point"] == pytest.approx(2 * effect["total"]["point"])
    assert effect["grade"] == "C"
    assert any("convention and not evidence" in reason for reason in effect["grade_reasons"])


async def test_programmes_share_as_one(settings: AttributionSettings) -> None:
    found = peers(programme="quality")
    async with service_of(settings, found) as service:
        effect = await run(service, INITIATIVE)

    assert effect["joint"]["programmes"] == {"programme quality": [INITIATIVE, OTHER]}
    assert effect["parameters"]["shared_by"] == "owen"


async def test_an_experiment_by_event_on_the_same_machines_is_not_told_apart(
    settings: AttributionSettings,
) -> None:
    other = programme(OTHER)
    other["design"]["body"] |= {"assignment": "random", "randomized_by": "event"}
    async with service_of(settings, peers(other=other)) as service:
        effect = await run(service, INITIATIVE)

    (check,) = [each for each in effect["checks"] if each["name"] == "overlap"]
    assert check["status"] == "failed"
    assert effect["joint"] is None
    assert effect["grade"] == "C"
