"""One series whose measurements name segments: the effect holds their mix, and says what moved."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from services.attribution.settings import AttributionSettings
from tests.integration.attribution.harness import service_of
from tests.integration.attribution.world import (
    GO_LIVE,
    INITIATIVE,
    KPI,
    Json,
    Peers,
    columns_of_values,
    definition,
    treatment,
)

UNIT = "desk"
DAYS_BEFORE, DAYS_AFTER = 210, 42
# Level, and cases a day before and with the AI: hard ones come to be half of all.
SEGMENTS = {"easy": (2, 8, 5), "hard": (10, 2, 5)}


def segment(name: str) -> Json:
    level, n_before, n_after = SEGMENTS[name]
    first = GO_LIVE - timedelta(days=DAYS_BEFORE)
    days = [first + timedelta(days=offset) for offset in range(DAYS_BEFORE + DAYS_AFTER)]

    def values(day: date) -> list[Decimal]:
        noise = Decimal((day.toordinal() * 7919) % 11 - 5) / 100
        return [level + noise] * (n_after if day >= GO_LIVE else n_before)

    columns = columns_of_values({(UNIT, "", day): values(day) for day in days})
    return {**columns, "segment": [name] * len(days)}


@pytest.fixture
def desk() -> Peers:
    peers = Peers()
    peers.programme["design"] = definition(
        "design", INITIATIVE, kpis=[KPI], assignment="self_selected", events_min=10
    )
    peers.interventions = [{**treatment(UNIT), "assignment": "self_selected"}]
    easy, hard = segment("easy"), segment("hard")
    peers.series = {KPI: {name: [*easy[name], *hard[name]] for name in easy}}
    return peers


async def test_cases_that_got_harder_are_not_an_effect(
    settings: AttributionSettings, desk: Peers
) -> None:
    async with service_of(settings, desk) as service:
        await service.run()
        (effect,) = (await service.get("/v1/effects", initiative=INITIATIVE))["effects"]
        (march,) = (await service.get("/v1/effects", initiative=INITIATIVE, start="2024-03-01"))[
            "effects"
        ]

    assert effect["estimator"] == "before_after"
    assert effect["parameters"]["mix_held"] == "easy, hard"
    # The mean case took 3.6 and takes 6, all of it mix.
    assert effect["observed"] == pytest.approx(6.0, abs=0.02)
    assert abs(effect["average"]["point"]) < 0.1
    assert effect["verdict"] == "inconclusive"
    parts = effect["decomposition"]
    assert parts["total"] == parts["rate"] + parts["mix"] + parts["volume"]
    assert parts["total"] == pytest.approx(parts["after"] - parts["before"])
    # 70 cases a week, before and with the AI: 2.4 more each.
    assert parts["mix"] == pytest.approx(168.0, abs=2)
    assert parts["rate"] == pytest.approx(0.0, abs=2)
    assert [each["segment"] for each in parts["segments"]] == ["easy", "hard"]
    assert march["decomposition"] is None
