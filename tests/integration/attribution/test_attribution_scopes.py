"""Events randomized within units: each unit is an experiment, with an effect of its own."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from aivalue.effects.sequential.always_valid import ratio_test_margin
from services.attribution.settings import AttributionGroup, AttributionSettings
from tests.integration.attribution.harness import Service, service_of
from tests.integration.attribution.world import (
    INITIATIVE,
    KPI,
    Json,
    Peers,
    columns_of_values,
    definition,
    treatment,
)

DAY = date(2024, 3, 1)
EVENTS = 1_000
# Clicks of 1,000 impressions with the AI's ranking and without.
CLICKS = {"men": (100, 60), "women": (80, 80)}


def campaign(unit: str, arm: str) -> Json:
    drawn = {"arm": arm, "assignment": "random", "randomized_by": "event"}
    return {**treatment(unit), **drawn}


@pytest.fixture
def shop() -> Peers:
    """Return two campaigns in which every impression was drawn."""
    peers = Peers()
    answer = peers.programme
    kpi = {**answer["kpis"][0]["body"], "better_when": "higher", "unit": "share", "key": KPI}
    answer["kpis"] = [definition("kpi", KPI, **kpi)]
    answer["design"] = definition(
        "design", INITIATIVE, kpis=[KPI], assignment="random", randomized_by="event"
    )
    peers.interventions = [
        campaign(unit, arm) for unit in CLICKS for arm in ("treatment", "control")
    ]
    peers.series = {
        KPI: columns_of_values(
            {
                (unit, arm, DAY): [Decimal(int(each < clicks)) for each in range(EVENTS)]
                for unit, by_arm in CLICKS.items()
                for arm, clicks in zip(("treatment", "control"), by_arm, strict=True)
            }
        )
    }
    return peers


async def effects(service: Service, **params: str) -> dict[str | None, Json]:
    answer = await service.get("/v1/effects", initiative=INITIATIVE, **params)
    return {each["scope"]: each for each in answer["effects"]}


async def test_each_unit_and_all_together_have_an_effect(
    settings: AttributionSettings, shop: Peers
) -> None:
    async with service_of(settings, shop) as service:
        await service.run()
        found = await effects(service)
        men = await effects(service, scope="men")
        together = await effects(service, scope="")

    assert set(found) == {None, "men", "women"}
    assert set(men) == {"men"}
    assert set(together) == {None}
    # (100 - 60) / 1,000; equal rates; half of each together.
    assert found["men"]["average"]["point"] == pytest.approx(0.04)
    assert found["women"]["average"]["point"] == pytest.approx(0.0)
    assert found[None]["average"]["point"] == pytest.approx(0.02)
    assert found["men"]["verdict"] == "confirmed"
    assert found["women"]["verdict"] == "inconclusive"
    assert {each["grade"] for each in found.values()} == {"A"}
    assert found["men"]["baseline"] is None


async def test_units_beyond_the_limit_are_estimated_together_only(
    settings: AttributionSettings, shop: Peers
) -> None:
    one = settings.model_copy(update={"attribution": AttributionGroup(scopes_max=1)})
    async with service_of(one, shop) as service:
        await service.run()
        found = await effects(service)

    assert set(found) == {None}


async def test_looking_early_is_allowed_by_wider_intervals(
    settings: AttributionSettings, shop: Peers
) -> None:
    # One day was measured: the first of three looks; O'Brien-Fleming's first of three is 3.471.
    looks = ["2024-03-01", "2024-03-08", "2024-03-15"]
    shop.programme["design"] = definition(
        "design", INITIATIVE, kpis=[KPI], assignment="random", randomized_by="event", looks=looks
    )
    async with service_of(settings, shop) as service:
        await service.run()
        men = (await effects(service, scope="men"))["men"]
        march = (await effects(service, scope="men", start="2024-03-01"))["men"]

    fixed, hybrid = men["average"], men["hybrid"]
    assert (hybrid["look"], hybrid["n_looks"]) == (1, 3)
    planned, anytime = hybrid["planned_look"], hybrid["anytime"]
    assert planned["point"] == anytime["point"] == fixed["point"]
    assert (planned["high"] - planned["point"]) / fixed["standard_error"] == pytest.approx(
        3.471, abs=2e-3
    )
    assert anytime["high"] > fixed["high"]
    assert march["hybrid"] is None


@pytest.mark.parametrize(("recorded", "is_told"), [("2024-02-01", True), ("2024-03-02", False)])
async def test_a_size_registered_as_expected_adds_the_ratio_test(
    settings: AttributionSettings, shop: Peers, recorded: str, *, is_told: bool
) -> None:
    design = definition(
        *("design", INITIATIVE),
        kpis=[KPI],
        assignment="random",
        randomized_by="event",
        expected_sizes={KPI: 0.02},
    )
    shop.programme["design"] = design
    shop.design_versions = [{**design, "recorded_at": f"{recorded}T08:00:00+00:00"}]
    async with service_of(settings, shop) as service:
        await service.run()
        men = (await effects(service, scope="men"))["men"]

    tested = men["hybrid"]["ratio_test"]
    assert (tested is not None) is is_told
    if is_told:
        error = men["average"]["standard_error"]
        margin = float(ratio_test_margin(np.asarray(error), prior_scale=0.02, alpha=0.05))
        # 1,998 degrees of freedom are all but normal.
        assert tested["high"] - tested["point"] == pytest.approx(margin, rel=2e-3)
        assert tested["point"] == men["average"]["point"]


async def test_without_looks_only_the_anytime_reading_stands_beside_the_fixed_one(
    settings: AttributionSettings, shop: Peers
) -> None:
    async with service_of(settings, shop) as service:
        await service.run()
        men = (await effects(service, scope="men"))["men"]

    assert men["hybrid"]["planned_look"] is None
    assert men["hybrid"]["anytime"]["low"] < men["average"]["low"]
    assert (men["hybrid"]["tuned_to"], men["hybrid"]["tuned_by"]) == (1_000, "default")
