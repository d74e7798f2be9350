"""Whether a backfill can be taken back and restored over HTTP, and who may take back what how."""

import asyncpg
import httpx
import pytest

from aivalue.events.business import BackfillReverted
from services.ingest.storing import backfilling
from tests.integration.ingest.material import (
    BATCH,
    batch_of,
    claim,
    http_measured,
    http_posted,
    measured,
    open_store,
    retracted,
    reverted,
    statistics,
)
from tests.integration.ingest.system import Ingest

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

    said = {"backfill": "history", "n_left": 0}
    assert first.json() == said | {"reverted": True, "changed": True}
    assert again.json() == said | {"reverted": True, "changed": False}
    assert (listed["n_events"], listed["n_reverted"], listed["state"]) == (2, 2, "reverted")
    assert listed["revert_reason"] == "local: hours were read as minutes"
    # What was computed before cannot be mistaken for what was computed after.
    assert before != after
    assert restored.json() == said | {"reverted": False, "changed": True}
    assert await _sums(client) == ["11"]


async def _state(client: httpx.AsyncClient) -> tuple[object, ...]:
    (listed,) = (await client.get("/v1/backfills")).json()["backfills"]
    return listed["state"], listed["n_reverted"], *(await _sums(client))  # type: ignore[misc]


async def _posted(client: httpx.AsyncClient, what: str) -> list[object]:
    """Ask until nothing is left; return how many were left, and what counted, after each slice."""
    found: list[object] = []
    while True:
        answer = (await client.post(f"/v1/backfills:{what}", json=REVERT)).json()
        found.append((answer["n_left"], *await _state(client)))
        if not answer["n_left"]:
            return found


async def test_a_large_backfill_is_taken_back_and_counts_again_by_slices(
    client: httpx.AsyncClient,
) -> None:
    values = {"a": "1", "b": "10", "c": "100", "d": "1000", "e": "10000"}
    events = [http_measured(each, value) for each, value in values.items()]
    old = [each | {"backfillid": "history"} for each in events]
    await client.post("/v1/events", headers=BATCH, json=old)
    await client.post("/v1/events", headers=BATCH, json=[http_measured("f", "7")])

    reverted = await _posted(client, "revert")
    restored = await _posted(client, "restore")

    assert reverted == [
        (3, "partly_reverted", 2, "11107"), (1, "partly_reverted", 4, "10007"),
        (0, "reverted", 5, "7"),
    ]  # fmt: skip
    assert restored == [
        (4, "partly_reverted", 4, "10007"), (2, "partly_reverted", 2, "11107"),
        (0, "counts", 0, "11118"),
    ]  # fmt: skip


async def test_what_comes_while_a_backfill_is_taken_back_by_slices_is_taken_back_too(
    client: httpx.AsyncClient,
) -> None:
    old = [http_measured(each, "1") | {"backfillid": "history"} for each in "bdfh"]
    late = [http_measured(each, "10") | {"backfillid": "history"} for each in "ai"]
    await client.post("/v1/events", headers=BATCH, json=old)

    await client.post("/v1/backfills:revert", json=REVERT)
    # One in what is taken back already, one in what is not.
    await client.post("/v1/events", headers=BATCH, json=late)
    between = await _state(client)
    await _posted(client, "revert")

    assert between == ("partly_reverted", 3, "12")
    assert await _sums(client) == []


async def test_what_was_reverted_at_once_is_restored_by_slices(
    client: httpx.AsyncClient,
) -> None:
    old = [http_measured(each, "1") | {"backfillid": "history"} for each in "abcde"]
    await client.post("/v1/events", headers=BATCH, json=old)
    whole = BackfillReverted(backfill="history", reason="by its source")
    await client.post("/v1/events", headers=BATCH, json=[http_posted("r", whole)])

    at_once = await _state(client)
    restored = await _posted(client, "restore")

    assert at_once == ("reverted", 5)
    assert restored == [
        (4, "partly_reverted", 4, "1"), (2, "partly_reverted", 2, "3"), (0, "counts", 0, "5"),
    ]  # fmt: skip


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


async def test_a_revert_goes_on_where_a_killed_process_left_it(ingest: Ingest) -> None:
    slices = {"AIVALUE_INGEST__REVERT_SLICE_EVENTS": "2", "AIVALUE_INGEST__CONSUME": "false"}
    revert: dict[str, object] = {"backfill": "h", "reason": "wrong"}
    # The first request that stores, and the first slice, get past it; the second slice dies.
    first = ingest.start(**slices, AIVALUE_FAILPOINTS="mid_insert=kill:3")
    await first.until("/livez", lambda r: r.is_success)
    async with httpx.AsyncClient(base_url=first.address, timeout=30) as client:
        events = [http_measured(each, "1") | {"backfillid": "h"} for each in "abcde"]
        assert (await client.post("/v1/events", headers=BATCH, json=events)).is_success
    begun = (await first.tell("/v1/backfills:revert", revert)).json()
    with pytest.raises(httpx.TransportError):
        await first.tell("/v1/backfills:revert", revert)

    second = ingest.start(**slices)
    (left,) = (await second.answer("/v1/backfills")).json()["backfills"]
    counted = (await second.answer("/v1/series?kpi=downtime")).json()["columns"]["sum"]
    while (await second.tell("/v1/backfills:revert", revert)).json()["n_left"]:
        pass
    (ended,) = (await second.answer("/v1/backfills")).json()["backfills"]

    assert begun["n_left"] == 3
    assert (left["state"], left["n_reverted"], counted) == ("partly_reverted", 2, ["3"])
    assert (ended["state"], ended["n_reverted"]) == ("reverted", 5)
    assert (await second.answer("/v1/series?kpi=downtime")).json()["columns"]["sum"] == []
