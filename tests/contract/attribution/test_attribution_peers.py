"""Attribution on the real ingest and the real baseline: every answer it reads is theirs.

The same programme as with the fakes gives the same figures, so the fakes say what the services say.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from aivalue.events.business import CostCharged, InterventionAssigned, MeasurementRecorded
from aivalue.events.changes import CostsChanged, InterventionsChanged, SeriesChanged, encode_change
from aivalue.events.encode import http_event
from aivalue.events.fields import EventData
from aivalue.runtime.migrations import migrate
from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings, RuntimeSettings
from services.attribution.app import create_app as create_attribution
from services.attribution.changes import change_of
from services.attribution.settings import AttributionSettings
from services.baseline.app import create_app as create_baseline
from services.ingest.app import create_app as create_ingest
from services.ingest.settings import IngestGroup, IngestSettings
from tests.integration.attribution import world

BATCH = 1_000
MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass
class Trio:
    """The three services, each behind its HTTP interface."""

    ingest: httpx.AsyncClient
    baseline: httpx.AsyncClient
    attribution: httpx.AsyncClient


@pytest.fixture
async def trio(database_url: str, broker: str, unique: str) -> AsyncIterator[Trio]:
    shared: dict[str, Any] = {
        "database": DatabaseSettings(url=SecretStr(database_url)),
        "kafka": KafkaSettings(
            bootstrap=broker,
            idempotent_producer=False,
            tenants={unique: f"{unique}."},
            internal_prefix=f"{unique}.",
            partitions=1,
            replication_factor=1,
        ),
        "auth": AuthSettings(mode="open", open_tenant=unique),
    }
    for service in ("ingest", "baseline", "attribution"):
        await migrate(shared["database"], service)
    ingest = create_ingest(IngestSettings(**shared, ingest=IngestGroup(consume=False)))
    ingest_transport = httpx.ASGITransport(ingest)
    baseline = create_baseline(RuntimeSettings(**shared), ingest_transport=ingest_transport)
    attribution = create_attribution(
        AttributionSettings(**shared),
        ingest_transport=ingest_transport,
        baseline_transport=httpx.ASGITransport(baseline),
    )
    async with (
        ingest.router.lifespan_context(ingest),
        httpx.AsyncClient(transport=ingest_transport, base_url="http://i") as to_ingest,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(baseline), base_url="http://b"
        ) as to_baseline,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(attribution), base_url="http://a"
        ) as to_attribution,
    ):
        yield Trio(ingest=to_ingest, baseline=to_baseline, attribution=to_attribution)
    await attribution.state.workplace.peers.close()
    await attribution.state.workplace.engine.dispose()
    await baseline.state.ingest.close()
    await baseline.state.engine.dispose()


def events() -> Iterator[dict[str, object]]:
    """Yield the programme of the fakes as events."""
    facts: list[tuple[str, EventData]] = [
        (
            f"measurement/{unit}/{day}",
            MeasurementRecorded(kpi=world.KPI, unit=unit, value=values[0], business_date=day),
        )
        for (unit, _, day), values in world.machine_values().items()
    ]
    facts += [
        (
            f"intervention/{unit}",
            InterventionAssigned(
                initiative=world.INITIATIVE,
                unit=unit,
                arm="treatment",
                start=MIDNIGHT,
                assignment="phased",
            ),
        )
        for unit in world.TREATED
    ]
    facts.append(
        (
            "cost/1",
            CostCharged(
                initiative=world.INITIATIVE,
                billed_cost=Decimal("3000.50"),
                billing_currency="EUR",
                charge_period_start=MIDNIGHT,
                charge_period_end=datetime(2024, 4, 1, tzinfo=UTC),
                charge_category="Usage",
                service_category="AI and Machine Learning",
                treatment="opex",
                status="billed",
                category="model",
            ),
        )
    )
    for name, data in facts:
        yield http_event(data, source="urn:test:mes", event_id=name, time=MIDNIGHT)


async def tell(trio: Trio) -> None:
    """Define the programme, send its events, freeze its baseline, approve its rule."""
    answer = world.programme()
    definitions = [
        answer["portfolio"],
        answer["initiative"],
        *answer["processes"],
        *answer["kpis"],
        answer["design"],
    ]
    wanted = [{name: each[name] for name in ("kind", "key", "body")} for each in definitions]
    applied = await trio.baseline.post(
        "/v1/definitions:apply", json={"definitions": wanted, "reason": "test"}
    )
    assert applied.status_code == 200, applied.text
    sent = list(events())
    for first in range(0, len(sent), BATCH):
        stored = await trio.ingest.post(
            "/v1/events",
            json=sent[first : first + BATCH],
            headers={"content-type": "application/cloudevents-batch+json"},
        )
        assert stored.status_code == 200, stored.text
    frozen = await trio.baseline.post(
        "/v1/baselines",
        json={
            "initiative": world.INITIATIVE,
            "kpi": world.KPI,
            "start": "2024-01-01",
            "end": "2024-03-01",
            "reason": "test",
        },
    )
    assert frozen.status_code == 201, frozen.text
    rules = {"definitions": [world.RULE], "reason": "test"}
    approved = await trio.attribution.post("/v1/valuation-rules:apply", json=rules)
    assert approved.status_code == 200, approved.text


async def test_the_real_services_give_what_the_fakes_give(trio: Trio) -> None:
    await tell(trio)

    run = await trio.attribution.post("/v1/runs", json={"initiative": world.INITIATIVE})
    again = await trio.attribution.post("/v1/runs", json={"initiative": world.INITIATIVE})
    effects = await trio.attribution.get("/v1/effects", params={"initiative": world.INITIATIVE})
    value = await trio.attribution.get(f"/v1/initiatives/{world.INITIATIVE}/value")
    explained = await trio.attribution.get(f"/v1/runs/{run.json()['run_id']}")
    position = await trio.ingest.get("/v1/snapshot")

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


async def test_the_fakes_answer_in_the_shape_of_the_services(trio: Trio) -> None:
    await tell(trio)
    fake = world.Peers()
    fake.freeze()
    fake.costs = [world.cost(1, month=3, amount="3000.50")]
    about = {"initiative": world.INITIATIVE}
    of_kpi = {**about, "kpi": world.KPI}

    for client, answer, path, params in (
        (trio.ingest, fake.ingest, "/v1/series", {"kpi": world.KPI}),
        (trio.ingest, fake.ingest, "/v1/interventions", about),
        (trio.ingest, fake.ingest, "/v1/costs", about),
        (trio.baseline, fake.baseline, f"/v1/initiatives/{world.INITIATIVE}", {}),
        (trio.baseline, fake.baseline, "/v1/definitions", {"kind": "design"}),
        (trio.baseline, fake.baseline, "/v1/baselines", of_kpi),
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
