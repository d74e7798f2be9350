"""Whether a backfill can be taken back and restored over HTTP, and who may take back what how."""

import asyncpg
import httpx
import pytest

from services.ingest.storing import backfilling
from tests.integration.ingest.material import (
    BATCH,
    batch_of,
    claim,
    http_measured,
    measured,
    open_store,
    retracted,
    reverted,
    statistics,
)

REVERT = {"backfill": "history", "reason": "hours were read as minutes"}


async def _sums(client: httpx.AsyncClient) -> object:
    return (await client.get("/v1/series?kpi=downtime")).json()["columns"]["sum"]


async def test_a_backfill_is_reverted_and_restored(client: httpx.AsyncClient) -> None:
    old = [http_measured(each, "5") | {"backfillid": "history"} for each in "ab"]
    await client.post("/v1/events", headers=BATCH, json=[*old, http_measured("c", "1")])
    before = (await client.get("/v1/snapshot")).json()["id"]

    first = await client.post("/v1/backfills:revert", json=REVERT)
    again = await client.post("/v1/backfills:revert", json=REVERT)
    assert await _sums(client) == ["1"]
    (listed,) = (await client.get("/v1/backfills")).json()["backfills"]
    after = (await client.get("/v1/snapshot")).json()["id"]
    restored = await client.post("/v1/backfills:restore", json=REVERT)

    assert first.json() == {"backfill": "history", "reverted": True, "changed": True}
    assert again.json() == {"backfill": "history", "reverted": True, "changed": False}
    assert (listed["backfill"], listed["n_events"]) == ("history", 2)
    assert listed["revert_reason"] == "local: hours were read as minutes"
    # What was computed before cannot be mistaken for what was computed after.
    assert before != after
    assert restored.json() == {"backfill": "history", "reverted": False, "changed": True}
    assert await _sums(client) == ["11"]


async def test_what_comes_late_to_a_reverted_backfill_does_not_count(
    client: httpx.AsyncClient,
) -> None:
    late = [http_measured(each, "5") | {"backfillid": "history"} for each in "ab"]
    await client.post("/v1/events", headers=BATCH, json=late[:1])
    await client.post("/v1/backfills:revert", json=REVERT)

    answer = await client.post("/v1/events", headers=BATCH, json=late[1:])

    assert [each["status"] for each in answer.json()["results"]] == ["accepted"]
    assert await _sums(client) == []


async def test_what_comes_without_a_backfill_too_counts(client: httpx.AsyncClient) -> None:
    event = http_measured("a", "5")
    other = http_measured("b", "7") | {"backfillid": "history"}
    await client.post("/v1/events", headers=BATCH, json=[other])
    await client.post("/v1/backfills:revert", json=REVERT)

    # In one batch, which once hid the second from the first.
    await client.post("/v1/events", headers=BATCH, json=[event | {"backfillid": "history"}, event])

    assert await _sums(client) == ["5"]


async def test_rows_of_a_reverted_import_are_corrected_by_another(
    client: httpx.AsyncClient,
) -> None:
    wrong = http_measured("a", "5") | {"backfillid": "history"}
    right = http_measured("a/history-2", "300") | {"supersedes": "a", "backfillid": "history-2"}
    await client.post("/v1/events", headers=BATCH, json=[wrong])
    await client.post("/v1/backfills:revert", json=REVERT)

    await client.post("/v1/events", headers=BATCH, json=[right])

    assert await _sums(client) == ["300"]
    page = (await client.get("/v1/backfills?limit=1")).json()
    assert page["next_cursor"] == "history"
    (second,) = (await client.get("/v1/backfills?limit=1&cursor=history")).json()["backfills"]
    assert (second["backfill"], second["reverted_at"]) == ("history-2", None)


async def test_an_unknown_backfill_is_no_backfill(client: httpx.AsyncClient) -> None:
    for path in ("/v1/backfills:revert", "/v1/backfills:restore"):
        assert (await client.post(path, json=REVERT)).status_code == 404


async def test_a_log_does_not_wait_for_a_large_revert(
    ingest_database: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfilling, "EVENTS_MAX", 2)
    writing, store = await open_store(ingest_database)
    for batch in (
        [measured(each, "5", backfillid="small") for each in "ab"],
        [measured(each, "7", backfillid="large") for each in "cde"],
        [reverted("small"), reverted("large"), retracted("revert-of-small")],
    ):
        await store.store(writing, batch_of(await claim(writing), batch))
    await writing.close()

    letters = await connection.fetch("select event_id, reason from ingest.dead_letters")
    assert [tuple(each) for each in letters] == [("revert-of-large", "backfill_too_large")]
    assert [row[5] for row in await statistics(connection)] == ["31"]
