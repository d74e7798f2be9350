"""Who answers for a steady level before go-live narrows the interval of one series."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from services.attribution.settings import AttributionSettings
from tests.integration.attribution.harness import service_of
from tests.integration.attribution.world import (
    GO_LIVE,
    INITIATIVE,
    KPI,
    Peers,
    columns_of_values,
    definition,
    treatment,
)

UNIT = "desk"
DAYS_BEFORE, DAYS_AFTER = 280, 56
NAME = "Ana, who runs the desk"
SEED = 2  # By these values a walk is likelier than a level that stands, but not ten times.


@pytest.fixture
def desk() -> Peers:
    peers = Peers()
    rng = np.random.default_rng(SEED)
    first = GO_LIVE - timedelta(days=DAYS_BEFORE)
    days = [first + timedelta(days=offset) for offset in range(DAYS_BEFORE + DAYS_AFTER)]
    minutes = {
        (UNIT, "", day): [Decimal(int(each)) / 100 for each in rng.normal(600, 20, size=4)]
        for day in days
    }
    peers.series = {KPI: columns_of_values(minutes)}
    peers.interventions = [{**treatment(UNIT), "assignment": "self_selected"}]
    peers.programme["design"] = definition(
        *("design", INITIATIVE),
        kpis=[KPI],
        assignment="self_selected",
        events_min=10,
        steady_by=NAME,
    )
    return peers


@pytest.mark.parametrize(("recorded", "counts"), [("2024-02-01", True), ("2024-03-02", False)])
async def test_a_declaration_counts_where_it_was_recorded_before_go_live(
    settings: AttributionSettings, desk: Peers, recorded: str, *, counts: bool
) -> None:
    design = desk.programme["design"]
    desk.design_versions = [{**design, "recorded_at": f"{recorded}T08:00:00+00:00"}]

    async with service_of(settings, desk) as service:
        await service.run()
        (effect,) = (await service.get("/v1/effects", initiative=INITIATIVE))["effects"]

    told, average = effect["parameters"], effect["average"]
    (check,) = [each for each in effect["checks"] if each["name"] == "wandering_level"]
    narrower = [float(told[f"if_level_stands_{name}"]) for name in ("low", "high")]
    assert told.get("steady_by") == (NAME if counts else None)
    assert (f"{NAME} answers for a level that stands" in check["detail"]) is counts
    if counts:
        assert [average["low"], average["high"]] == pytest.approx(narrower, rel=1e-4)
    else:
        assert average["high"] - average["low"] > 1.1 * (narrower[1] - narrower[0])
