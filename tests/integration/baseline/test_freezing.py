"""A frozen baseline is what was measured before the AI, once, and never moves afterwards."""

import asyncio
import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.baseline.harness import Service

Definitions = list[dict[str, Any]]
REQUEST = {"initiative": "maintenance", "kpi": "downtime", "reason": "the year before the AI"}


def year_of(lines: int, *, downtime: str = "12.50") -> dict[str, list[Any]]:
    """Every line, every day of 2023: so many minutes of downtime in 20 scheduled hours."""
    days = [(date(2023, 1, 1) + timedelta(days=day)).isoformat() for day in range(365)]
    unit = [f"L{line:02}" for line in range(1, lines + 1) for _ in days]
    rows = len(unit)
    return {
        "unit": unit,
        "segment": [""] * rows,
        "arm": [""] * rows,
        "day": days * lines,
        "n": [1] * rows,
        "sum": ["0"] * rows,
        "sum_squares": ["0"] * rows,
        "minimum": [None] * rows,
        "maximum": [None] * rows,
        "numerator": [downtime] * rows,
        "denominator": ["20"] * rows,
        "numerator_squares": [str(Decimal(downtime) ** 2)] * rows,
        "denominator_squares": ["400"] * rows,
        "cross_product": [str(Decimal(downtime) * 20)] * rows,
    }


@pytest.fixture
async def ready(service: Service, maintenance: Definitions) -> Service:
    """Return the service with definitions applied and two lines measured through 2023."""
    service.ingest.columns = year_of(2)
    assert (await service.apply(maintenance)).status_code == 200
    return service


async def freeze(service: Service, **changes: object) -> httpx.Response:
    return await service.client.post("/v1/baselines", json=REQUEST | changes)


async def test_the_designs_window_is_frozen_with_level_and_coverage(ready: Service) -> None:
    frozen = await freeze(ready)

    assert frozen.status_code == 201
    body = frozen.json()
    assert ready.ingest.asked[0]["start"] == "2023-01-01"
    assert ready.ingest.asked[0]["end"] == "2024-01-01"
    assert (body["start"], body["end"]) == ("2023-01-01", "2024-01-01")
    assert body["units"] == ["L01", "L02"]
    # 12.5 minutes of downtime in 20 scheduled hours.
    assert body["level"] == "0.625"
    assert body["levels"] == {"L01": "0.625", "L02": "0.625"}
    assert body["n"] == 730
    assert body["coverage"] == {
        "expected_unit_days": 730,
        "observed_unit_days": 730,
        "ratio": "1.000000",
        "units": {"L01": "1.000000", "L02": "1.000000"},
    }
    assert (body["version"], body["status"], body["superseded"]) == (1, "frozen", False)
    assert body["snapshot"]["id"] == "5" * 64


async def test_frozen_after_go_live_is_reconstructed(ready: Service) -> None:
    assert (await freeze(ready)).json()["reconstructed"] is True


async def test_frozen_before_go_live_is_not_reconstructed(
    service: Service, maintenance: Definitions
) -> None:
    maintenance[1]["body"]["go_live"] = "2999-01-01"
    service.ingest.columns = year_of(1)
    await service.apply(maintenance)

    assert (await freeze(service)).json()["reconstructed"] is False


async def test_the_bytes_hash_to_the_digest(ready: Service) -> None:
    frozen = (await freeze(ready)).json()

    content = await ready.client.get(f"/v1/baselines/{frozen['baseline_id']}/content")
    whole = await ready.client.get(f"/v1/baselines/{frozen['baseline_id']}")

    assert hashlib.sha256(content.content).hexdigest() == frozen["sha256"]
    assert content.headers["etag"] == f'"{frozen["sha256"]}"'
    assert whole.headers["etag"].startswith(f'"{frozen["sha256"]}-')
    assert whole.json()["series"] == content.json()["columns"]
    assert whole.json()["series"]["numerator"][0] == "12.5"
    assert whole.json()["profile"] == content.json()["profile"]
    more = {"series", "profile"}
    assert {key: value for key, value in whole.json().items() if key not in more} == frozen


async def test_the_same_content_in_another_order_is_the_same_baseline(ready: Service) -> None:
    first = await freeze(ready)
    ready.ingest.columns = {
        name: list(reversed(cells)) for name, cells in year_of(2, downtime="12.5").items()
    }

    again = await freeze(ready, reason="run twice")

    assert again.status_code == 200
    assert again.json() == first.json()


async def test_events_after_the_freeze_never_change_it(ready: Service) -> None:
    first = (await freeze(ready)).json()
    path = f"/v1/baselines/{first['baseline_id']}"
    before = (await ready.client.get(path)).content
    ready.ingest.columns = year_of(3, downtime="99")

    corrected = await freeze(ready, reason="late corrections of the maintenance log")

    assert corrected.status_code == 201
    assert corrected.json()["version"] == 2
    after = await ready.client.get(path)
    assert after.json()["superseded"] is True
    assert after.content.replace(b'"superseded":true', b'"superseded":false') == before
    listed = (await ready.client.get("/v1/baselines", params={"kpi": "downtime"})).json()
    assert [(each["version"], each["superseded"]) for each in listed["baselines"]] == [
        (2, False),
        (1, True),
    ]


async def test_pages_of_baselines_join_to_the_whole(ready: Service) -> None:
    for minutes in ("5", "6", "7"):
        ready.ingest.columns = year_of(2, downtime=minutes)
        await freeze(ready)
    whole = (await ready.client.get("/v1/baselines")).json()

    paged, cursor = [], ""
    while cursor is not None:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await ready.client.get("/v1/baselines", params=params)).json()
        paged.append([each["version"] for each in page["baselines"]])
        cursor = page["next_cursor"]
    odd = await ready.client.get("/v1/baselines", params={"cursor": "maintenance/downtime"})

    assert paged == [[3, 2], [1]]
    assert [each["version"] for each in whole["baselines"]] == [3, 2, 1]
    assert whole["next_cursor"] is None
    assert odd.status_code == 422


async def test_exclusions_leave_the_days_out_and_say_why(ready: Service) -> None:
    strike = {"start": "2023-05-01", "end": "2023-05-11", "units": ["L01"], "reason": "strike"}

    frozen = (await freeze(ready, exclusions=[strike])).json()

    assert frozen["n"] == 720
    assert frozen["coverage"]["expected_unit_days"] == 720
    assert frozen["coverage"]["ratio"] == "1.000000"
    assert frozen["exclusions"] == [strike]


async def test_fifty_freezes_at_once_make_one_baseline(ready: Service) -> None:
    answers = await asyncio.gather(*(freeze(ready) for _ in range(50)))

    assert sorted(each.status_code for each in answers) == [200] * 49 + [201]
    assert len({each.content for each in answers}) == 1


async def test_concurrent_windows_get_versions_without_gaps(ready: Service) -> None:
    windows = [{"start": "2023-01-01", "end": f"2023-{month:02}-01"} for month in range(2, 13)]

    answers = await asyncio.gather(*(freeze(ready, **window) for window in windows))

    assert {each.status_code for each in answers} == {201}
    assert sorted(each.json()["version"] for each in answers) == list(range(1, 12))


@pytest.mark.parametrize(
    ("changes", "status", "detail"),
    [
        (
            {"start": "2023-01-01", "end": "2024-01-02"},
            409,
            (
                "a baseline is what was before: it must end by the go-live on 2024-01-01, "
                "this one ends on 2024-01-02"
            ),
        ),
        (
            {"start": "2021-01-01", "end": "2022-01-01"},
            409,
            (
                "nothing to freeze: KPI downtime has 730 rows, none of them from 2021-01-01 until "
                "before 2022-01-01"
            ),
        ),
        (
            {"units": ["L01", "L99"]},
            409,
            (
                "1 of 2 units have no measurement of KPI downtime from 2023-01-01 until before "
                "2024-01-01: L99"
            ),
        ),
        ({"initiative": "chatbot"}, 404, "there is no initiative 'chatbot'"),
        ({"kpi": "scrap"}, 404, "there is no KPI 'scrap'"),
    ],
)
async def test_what_cannot_be_frozen_is_refused_with_the_numbers(
    ready: Service, changes: dict[str, object], status: int, detail: str
) -> None:
    refused = await freeze(ready, **changes)

    assert refused.status_code == status
    assert refused.json()["detail"] == detail


async def test_a_baseline_needs_a_reason(ready: Service) -> None:
    refused = await ready.client.post(
        "/v1/baselines", json={"initiative": "maintenance", "kpi": "downtime"}
    )

    assert refused.status_code == 422


@pytest.mark.parametrize("status", [400, 503])
async def test_without_ingest_there_is_no_baseline(ready: Service, status: int) -> None:
    ready.ingest.status = status

    refused = await freeze(ready)

    assert refused.status_code == 503
    assert (await ready.client.get("/v1/baselines")).json() == {
        "baselines": [],
        "next_cursor": None,
    }


@pytest.mark.parametrize("table", ["baselines", "baseline_content"])
@pytest.mark.parametrize(
    "statement",
    [
        "update baseline.{} set tenant_id = 'x'",
        "delete from baseline.{}",
        "truncate baseline.{} cascade",
    ],
)
async def test_not_even_a_superuser_changes_frozen_rows(
    ready: Service, table: str, statement: str
) -> None:
    frozen = (await freeze(ready)).json()
    superuser = await asyncpg.connect(ready.database)
    await superuser.execute("set session_replication_role = replica")

    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await superuser.execute(statement.format(table))

    await superuser.close()
    kept = (await ready.client.get(f"/v1/baselines/{frozen['baseline_id']}")).json()
    assert kept["sha256"] == frozen["sha256"]


async def test_the_freeze_is_announced_once(ready: Service) -> None:
    frozen = (await freeze(ready)).json()
    await freeze(ready)
    head = (await ready.client.get("/v1/verification")).json()["head"]

    connection = await asyncpg.connect(ready.database)
    values = await connection.fetch("select value from baseline.outbox order by outbox_id")
    await connection.close()

    events = [json.loads(row["value"]) for row in values]
    [event] = [each for each in events if each["type"] == "aivalue.baseline.frozen.v1"]
    assert event["data"] == {
        "baseline_id": frozen["baseline_id"],
        "initiative": "maintenance",
        "kpi": "downtime",
        "kpi_version": 1,
        "version": 1,
        "start": "2023-01-01",
        "end": "2024-01-01",
        "sha256": frozen["sha256"],
        "reconstructed": True,
        "snapshot": "5" * 64,
        "merkle_root": frozen["merkle_root"],
        "chain_hash": head["hash"],
    }


async def test_a_new_version_of_the_kpi_makes_another_baseline(
    ready: Service, maintenance: Definitions
) -> None:
    first = (await freeze(ready)).json()
    maintenance[3]["body"]["name"] = "Unplanned downtime per scheduled hour"
    await ready.apply(maintenance, reason="clearer name")

    second = (await freeze(ready)).json()

    assert (second["version"], second["kpi_version"]) == (2, 2)
    assert second["sha256"] != first["sha256"]


async def test_the_designs_exclusions_hold_unless_others_are_named(
    ready: Service, maintenance: Definitions
) -> None:
    strike = {"start": "2023-05-01", "end": "2023-05-11", "units": ["L01"], "reason": "strike"}
    maintenance[5]["body"]["exclusions"] = [strike]
    await ready.apply(maintenance, reason="a strike")

    by_design = (await freeze(ready)).json()
    with_all = (await freeze(ready, exclusions=[])).json()

    assert by_design["exclusions"] == [strike]
    assert (by_design["n"], with_all["n"]) == (720, 730)


async def test_a_window_does_not_mix_a_process_with_its_redesign(
    ready: Service, maintenance: Definitions
) -> None:
    maintenance[2]["body"]["redesigned_on"] = "2023-07-01"
    await ready.apply(maintenance, reason="new shift pattern")

    refused = await freeze(ready)
    after = await freeze(ready, start="2023-07-01", end="2024-01-01")

    assert refused.status_code == 409
    assert "has worked another way since 2023-07-01" in refused.json()["detail"]
    assert after.status_code == 201


async def test_a_redesign_ends_a_baseline_of_before(
    ready: Service, maintenance: Definitions
) -> None:
    frozen = (await freeze(ready)).json()
    path = f"/v1/baselines/{frozen['baseline_id']}"
    before = await ready.client.get(path)
    maintenance[2]["body"]["redesigned_on"] = "2024-06-01"
    await ready.apply(maintenance, reason="new shift pattern")

    after = await ready.client.get(path, headers={"if-none-match": before.headers["etag"]})

    assert after.status_code == 200
    assert after.json()["renewal"]["standing"] == "expired"
    assert (
        "the process has worked another way since 2024-06-01"
        in (after.json()["renewal"]["reasons"])
    )
    assert after.json()["sha256"] == frozen["sha256"]


async def test_what_is_known_is_not_sent_again(ready: Service) -> None:
    frozen = (await freeze(ready)).json()
    path = f"/v1/baselines/{frozen['baseline_id']}"
    for each in (path, f"{path}/content"):
        first = await ready.client.get(each)
        again = await ready.client.get(
            each, headers={"if-none-match": f'"other", {first.headers["etag"]}'}
        )

        assert (first.status_code, again.status_code) == (200, 304)
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]
