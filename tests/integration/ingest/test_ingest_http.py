"""Whether events over HTTP are stored like any others, and every item is answered for."""

from datetime import timedelta
from decimal import Decimal

import asyncpg
import httpx
import pytest

from aivalue.events.business import CostCharged, InterventionAssigned, MeasurementRecorded
from tests.integration.ingest.material import BATCH, ONE, START, http_measured, http_posted


async def test_every_item_of_a_batch_is_answered_for(client: httpx.AsyncClient) -> None:
    broken = http_measured("c", "1") | {"type": "unheard.of"}

    answer = await client.post(
        "/v1/events", headers=BATCH,
        json=[http_measured("a", "1"), http_measured("a", "1"), broken, http_measured("a", "2")],
    )  # fmt: skip

    assert answer.status_code == 207
    assert [
        (item["index"], item.get("id"), item["status"], item.get("reason"))
        for item in answer.json()["results"]
    ] == [
        (0, "a", "accepted", None),
        (1, "a", "duplicate", None),
        (2, None, "rejected", "unknown_type"),
        (3, "a", "rejected", "id_conflict"),
    ]
    letters = (await client.get("/v1/dead-letters")).json()["dead_letters"]
    assert [letter["reason"] for letter in letters] == ["unknown_type", "id_conflict"]


async def test_binary_and_structured_requests_are_stored_after_commit(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    event = http_measured("a", "12.50")
    headers = {f"ce-{name}": str(event[name]) for name in ("specversion", "source", "type", "time")}

    structured = await client.post("/v1/events", headers=ONE, json=event)
    binary = await client.post("/v1/events", headers=headers | {"ce-id": "b"}, json=event["data"])

    assert (structured.status_code, binary.status_code) == (200, 200)
    series = (await client.get("/v1/series", params={"kpi": "downtime"})).json()
    assert series["columns"]["sum"] == ["25"]
    assert {each["topic"] for each in series["snapshot"]["positions"]} == {"http"}
    counts = await connection.fetch("select consumed, inserted from ingest.batches")
    assert [tuple(row) for row in counts] == [(1, 1), (1, 1)]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (BATCH, b"[]", 200),
        (BATCH, b"{", 400),
        (BATCH, b"[{},{},{},{},{},{}]", 413),
        (ONE, b"x" * 5_000, 413),
        ({"content-type": "text/plain"}, b"hello", 415),
        (ONE, b"not json", 207),
    ],
)
async def test_requests_at_the_limits(
    client: httpx.AsyncClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await client.post("/v1/events", headers=headers, content=body)

    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_series_is_columns_sorted_and_filtered(client: httpx.AsyncClient) -> None:
    events = [
        http_posted(
            f"{unit}{day}",
            MeasurementRecorded(
                kpi="downtime", unit=unit, value=Decimal(day),
                business_date=START.date() + timedelta(days=day),
            ),
        )
        for unit in ("line-2", "Line-1") for day in (1, 0)
    ]  # fmt: skip
    await client.post("/v1/events", headers=BATCH, json=events)

    everything = (await client.get("/v1/series?kpi=downtime")).json()
    some = (await client.get("/v1/series?kpi=downtime&unit=line-2&start=2026-03-02")).json()
    none = (await client.get("/v1/series?kpi=unknown")).json()

    # Capitals sort before small letters, as Python sorts and no locale does.
    assert everything["columns"]["unit"] == ["Line-1", "Line-1", "line-2", "line-2"]
    assert everything["columns"]["day"] == ["2026-03-01", "2026-03-02"] * 2
    assert (some["n_rows"], some["columns"]["sum"]) == (1, ["1"])
    assert (none["n_rows"], none["columns"]["n"]) == (0, [])


@pytest.mark.parametrize(
    "path", ["series?kpi=downtime", "costs?initiative=i", "decisions?model=m&kpi=k"]
)
async def test_days_that_end_before_they_start_are_no_empty_answer(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(f"/v1/{path}&start=2024-02-01&end=2024-01-01")

    assert answer.status_code == 422
    assert answer.json()["detail"] == "end is 2024-01-01, needs to be 2024-02-01 (start) or later"


async def test_interventions_and_costs_are_listed(client: httpx.AsyncClient) -> None:
    intervention = InterventionAssigned(
        initiative="pdm", unit="line-1", arm="treatment", start=START, assignment="phased"
    )
    cost = CostCharged(
        initiative="pdm", billed_cost=Decimal("10.50"), billing_currency="EUR",
        charge_period_start=START, charge_period_end=START + timedelta(days=1),
        charge_category="Usage", service_category="AI", treatment="opex", status="billed",
        category="model", tags={"team": "x"},
    )  # fmt: skip
    await client.post(
        "/v1/events", headers=BATCH, json=[http_posted("i", intervention), http_posted("c", cost)]
    )

    interventions = (await client.get("/v1/interventions?initiative=pdm")).json()
    costs = (await client.get("/v1/costs?start=2026-03-01&end=2026-03-02")).json()
    outside = (await client.get("/v1/costs?end=2026-03-01")).json()

    assert interventions["interventions"][0] == {
        "initiative": "pdm", "unit": "line-1", "arm": "treatment", "start": "2026-03-01T08:00:00Z",
        "end": None, "assignment": "phased", "randomized_by": None,
    }  # fmt: skip
    assert costs["costs"][0]["billed_cost"] == "10.5"
    assert costs["costs"][0]["tags"] == {"team": "x"}
    assert outside["costs"] == []


async def test_dead_letters_come_in_pages(client: httpx.AsyncClient) -> None:
    await client.post("/v1/events", headers=BATCH, json=[{}, {}, {}])

    first = (await client.get("/v1/dead-letters?limit=2&status=open")).json()
    second = (await client.get(f"/v1/dead-letters?limit=2&cursor={first['next_cursor']}")).json()

    assert len(first["dead_letters"]) == 2
    assert len(second["dead_letters"]) == 1
    assert second["next_cursor"] is None
    assert (await client.get("/v1/dead-letters?cursor=x")).status_code == 422
