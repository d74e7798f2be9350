"""Attribution on the real ingest and the real baseline: every answer it reads is theirs.

The same programme as with the fakes gives the same figures, so the fakes say what the services say.
"""

from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

from aivalue.events.changes import CostsChanged, InterventionsChanged, SeriesChanged, encode_change
from services.attribution.changes import change_of
from tests.contract.system import MIDNIGHT, System, tell
from tests.integration.attribution import world


async def test_the_real_services_give_what_the_fakes_give(system: System) -> None:
    await tell(system)

    run = await system.attribution.post("/v1/runs", json={"initiative": world.INITIATIVE})
    again = await system.attribution.post("/v1/runs", json={"initiative": world.INITIATIVE})
    effects = await system.attribution.get("/v1/effects", params={"initiative": world.INITIATIVE})
    value = await system.attribution.get(f"/v1/initiatives/{world.INITIATIVE}/value")
    explained = await system.attribution.get(f"/v1/runs/{run.json()['run_id']}")
    position = await system.ingest.get("/v1/snapshot")

    assert (run.status_code, again.status_code) == (201, 200), run.text
    (effect,) = effects.json()["effects"]
    assert effect["average"]["point"] == pytest.approx(-2)
    assert effect["total"]["point"] == pytest.approx(-2 * 12 * 92)
    # Frozen long after go-live, as everything in this test is.
    assert effect["baseline"]["reconstructed"] is True
    assert effect["grade"] == "C"
    assert Decimal(value.json()["value"]["net"]["point"]) == Decimal(22_080) - Decimal("3000.50")
    assert run.json()["snapshot_id"] == position.json()["id"]
    assert explained.json()["inputs"]["series"][world.KPI]["n_rows"] == 16 * 152


async def test_the_fakes_answer_in_the_shape_of_the_services(system: System) -> None:
    await tell(system)
    fake = world.Peers()
    fake.freeze()
    fake.costs = [world.cost(1, month=3, amount="3000.50")]
    about = {"initiative": world.INITIATIVE}
    of_kpi = {**about, "kpi": world.KPI}

    for client, answer, path, params in (
        (system.ingest, fake.ingest, "/v1/series", {"kpi": world.KPI}),
        (system.ingest, fake.ingest, "/v1/interventions", about),
        (system.ingest, fake.ingest, "/v1/costs", about),
        (system.baseline, fake.baseline, f"/v1/initiatives/{world.INITIATIVE}", {}),
        (system.baseline, fake.baseline, "/v1/definitions", {"kind": "design"}),
        (system.baseline, fake.baseline, "/v1/baselines", of_kpi),
    ):
        real = (await client.get(path, params=params)).json()
        faked = answer(httpx.Request("GET", f"http://x{path}", params=params)).json()

        missing = set(_shape(faked)) - set(_shape(real))
        assert missing == set(), path


@pytest.mark.parametrize(
    "data",
    [
        SeriesChanged(
            kpi="defects",
            units=["m01"],
            start=MIDNIGHT.date(),
            end=MIDNIGHT.date().replace(day=2),
            snapshot="5" * 64,
        ),
        InterventionsChanged(initiative="inspection"),
        CostsChanged(initiative="inspection"),
    ],
    ids=lambda data: type(data).__name__,
)
def test_ingest_s_changes_are_understood(
    data: SeriesChanged | InterventionsChanged | CostsChanged,
) -> None:
    change = change_of(encode_change(data, tenant="t", event_id="1", time=MIDNIGHT))

    assert change is not None
    assert change.tenant == "t"
    assert change.kpi == "defects" or change.initiatives == frozenset({"inspection"})


def _shape(value: object, path: str = "$") -> Iterator[tuple[str, str]]:
    """Yield every place of a JSON document with the kind of value that stands there."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _shape(each, f"{path}.{name}")
    elif isinstance(value, list):
        for each in value:
            yield from _shape(each, f"{path}[]")
    else:
        yield path, type(value).__name__
