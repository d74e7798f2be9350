"""Whether dead letters can be looked at, repaired, replayed once, or closed."""

import asyncpg
import httpx
import pytest
from prometheus_client import REGISTRY

from aivalue.events.business import MeasurementRecorded
from tests.integration.ingest.material import BATCH, http_measured

REPAIR = {"specversion": "1.0"}


async def _letters(client: httpx.AsyncClient, status: str = "open") -> list[dict[str, object]]:
    answer = await client.get("/v1/dead-letters", params={"status": status})
    letters: list[dict[str, object]] = answer.json()["dead_letters"]
    return letters


async def _sums(client: httpx.AsyncClient) -> object:
    return (await client.get("/v1/series?kpi=downtime")).json()["columns"]["sum"]


def _n_counted() -> float:
    said = {"topic": "dead-letters", "event_type": MeasurementRecorded.TYPE, "outcome": "stored"}
    return REGISTRY.get_sample_value("aivalue_ingest_events_total", said) or 0


async def test_a_repaired_letter_counts_once(client: httpx.AsyncClient) -> None:
    broken = http_measured("a", "7")
    broken["data"] = {"kpi": "downtime", "unit": "line-1", "valeu": "7"}
    await client.post("/v1/events", headers=BATCH, json=[broken])
    patch = {"data": {"valeu": None, "value": "7"}}

    unchanged = await client.post("/v1/dead-letters:replay", json={})
    trial = await client.post("/v1/dead-letters:replay", json={"patch": patch, "dry_run": True})
    assert await _sums(client) == []
    before = _n_counted()
    done = await client.post("/v1/dead-letters:replay", json={"patch": patch})
    again = await client.post("/v1/dead-letters:replay", json={"patch": patch})

    assert [each["outcome"] for each in unchanged.json()["results"]] == ["rejected_again"]
    assert [each["outcome"] for each in trial.json()["results"]] == ["replayed"]
    assert [each["outcome"] for each in done.json()["results"]] == ["replayed"]
    assert again.json()["results"] == []
    assert await _sums(client) == ["7"]
    # The trial and what was refused again are not among the events that are counted.
    assert _n_counted() - before == 1
    assert await _letters(client) == []
    assert len(await _letters(client, "replayed")) == 1


async def test_a_patch_keeps_the_identity_and_every_digit(client: httpx.AsyncClient) -> None:
    headers = {
        "ce-specversion": "1.0", "ce-id": "m%C3%BCller", "ce-source": "urn:test",
        "ce-type": MeasurementRecorded.TYPE, "ce-time": "2026-03-01T08:00:00Z",
        "content-type": "application/json",
    }  # fmt: skip
    said = '{"kpi":"downtime","unit":"line-1","valeu":1,"value":0.12345678901234567890123}'
    await client.post("/v1/events", headers=headers, content=said)
    patch = {"data": {"valeu": None}}

    done = await client.post("/v1/dead-letters:replay", json={"patch": patch})
    right = said.replace('"valeu":1,', "")
    again = await client.post("/v1/events", headers=headers, content=right)

    assert [each["outcome"] for each in done.json()["results"]] == ["replayed"]
    assert await _sums(client) == ["0.12345678901234567890123"]
    assert [each["status"] for each in again.json()["results"]] == ["duplicate"]


async def test_what_says_two_things_is_not_patched_into_one_of_them(
    client: httpx.AsyncClient,
) -> None:
    twice = '[{"specversion":"0.3","id":"a","id":"b"}]'
    await client.post("/v1/events", headers=BATCH, content=twice)

    answer = await client.post("/v1/dead-letters:replay", json={"patch": REPAIR})

    assert [each["reason"] for each in answer.json()["results"]] == ["duplicate_key"]


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ('{"a": "\\ud800"}', "invalid_text"),
        ('{"\\ud800": 1}', "invalid_text"),
        ('{"a": "\\u0000"}', "invalid_text"),
        ('{"a":' * 900 + "1" + "}" * 900, "too_deep"),
        ('{"data": {"value": 1e400}}', "schema"),
    ],
)
async def test_a_patch_that_no_event_can_hold_is_refused_letter_by_letter(
    client: httpx.AsyncClient, patch: str, reason: str
) -> None:
    await client.post("/v1/events", headers=BATCH, json=[http_measured("a", "1") | {"data": {}}])

    answer = await client.post(
        "/v1/dead-letters:replay",
        headers={"content-type": "application/json"},
        content='{"patch": ' + patch + "}",
    )

    assert [each["reason"] for each in answer.json()["results"]] == [reason]


async def test_whose_a_letter_is_can_be_asked_for_where_it_says_so(
    client: httpx.AsyncClient,
) -> None:
    binary = {"ce-id": "a%20b", "ce-source": "urn:%C3%A4", "content-type": "application/json"}
    await client.post("/v1/events", headers=binary, content="{}")
    parts = [
        http_measured("a", "7") | {"specversion": "0.3"},
        http_measured("x" * 201, "7"),
        http_measured("b", "7") | {"source": 7},
        1,
    ]
    await client.post("/v1/events", headers=BATCH, json=parts)

    named = [(each["source"], each["event_id"]) for each in await _letters(client)]
    asked = await client.get("/v1/dead-letters", params={"source": "urn:test"})

    assert named == [
        ("urn:ä", "a b"), ("urn:test", "a"), ("urn:test", None), (None, "b"), (None, None),
    ]  # fmt: skip
    assert len(asked.json()["dead_letters"]) == 2


async def test_what_the_producer_has_sent_again_meanwhile_is_a_duplicate(
    client: httpx.AsyncClient,
) -> None:
    broken = http_measured("a", "7") | {"specversion": "0.3"}
    await client.post("/v1/events", headers=BATCH, json=[broken])
    await client.post("/v1/events", headers=BATCH, json=[http_measured("a", "7")])

    answer = await client.post("/v1/dead-letters:replay", json={"patch": {"specversion": "1.0"}})

    assert [each["outcome"] for each in answer.json()["results"]] == ["duplicate"]
    assert await _sums(client) == ["7"]


async def test_a_conflict_stays_one_and_its_neighbours_are_replayed(
    client: httpx.AsyncClient,
) -> None:
    broken = http_measured("b", "2") | {"specversion": "0.3"}
    events = [http_measured("a", "1"), http_measured("a", "9"), broken]
    await client.post("/v1/events", headers=BATCH, json=events)

    answer = await client.post("/v1/dead-letters:replay", json={"patch": {"specversion": "1.0"}})

    assert [(each["outcome"], each.get("reason")) for each in answer.json()["results"]] == [
        ("replayed", None),
        ("rejected_again", "id_conflict"),
    ]
    assert await _sums(client) == ["3"]
    assert [letter["reason"] for letter in await _letters(client)] == ["id_conflict"]


async def test_a_letter_can_be_closed_with_a_reason(client: httpx.AsyncClient) -> None:
    await client.post("/v1/events", headers=BATCH, json=[{}, {}])
    first = (await _letters(client))[0]["dead_letter_id"]

    answer = await client.post(
        "/v1/dead-letters:discard", json={"ids": [first], "because": "a test of the producer"}
    )

    assert answer.json() == {"ids": [first]}
    assert [letter["dead_letter_id"] for letter in await _letters(client)] != [first]
    assert len(await _letters(client)) == 1


@pytest.mark.parametrize("action", ["replay", "discard"])
async def test_a_letter_that_does_not_exist_is_named_and_nothing_is_done(
    client: httpx.AsyncClient, action: str
) -> None:
    await client.post("/v1/events", headers=BATCH, json=[{}])
    (letter,) = await _letters(client)
    ids = [letter["dead_letter_id"], 4711, *range(5_000, 5_030)]

    answer = await client.post(
        f"/v1/dead-letters:{action}",
        json={"ids": ids, "because": "a test"} if action == "discard" else {"ids": ids},
    )

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("no such dead letter: 4711, 5000, ")
    assert answer.json()["detail"].endswith(" and 11 more (nothing was done)")
    assert len(await _letters(client)) == 1


async def test_a_letter_is_closed_in_one_way_only_and_again_in_the_same(
    client: httpx.AsyncClient,
) -> None:
    events = [{}, http_measured("a", "7") | {"specversion": "0.3"}]
    await client.post("/v1/events", headers=BATCH, json=events)
    nothing, event = [each["dead_letter_id"] for each in await _letters(client)]
    discard = {"ids": [nothing], "because": "a test"}
    replay = {"ids": [event], "patch": REPAIR}
    await client.post("/v1/dead-letters:discard", json=discard)
    await client.post("/v1/dead-letters:replay", json=replay)

    discarded_again = await client.post("/v1/dead-letters:discard", json=discard)
    replayed_again = await client.post("/v1/dead-letters:replay", json=replay)
    counted = await client.post("/v1/dead-letters:discard", json=discard | {"ids": [event]})
    closed = await client.post("/v1/dead-letters:replay", json={"ids": [event, nothing]})

    assert discarded_again.json() == {"ids": []}
    assert replayed_again.json()["results"] == []
    assert (counted.status_code, closed.status_code) == (409, 409)
    assert counted.json()["detail"] == f"replayed already: dead letter {event} (nothing was done)"
    assert closed.json()["detail"] == f"discarded already: dead letter {nothing} (nothing was done)"
    assert await _sums(client) == ["7"]


async def _replayed_while_refusing(
    client: httpx.AsyncClient, connection: asyncpg.Connection, n: int, *, check: str
) -> httpx.Response:
    """Replay letters of a wrong version, repaired, while PostgreSQL refuses keys as it is told."""
    events = [http_measured(f"e{i}", "1") | {"specversion": "0.3"} for i in range(n)]
    for start in range(0, n, 5):
        # As many as the fixture takes at a time.
        await client.post("/v1/events", headers=BATCH, json=events[start : start + 5])
    # As a wrong migration might.
    await connection.execute(f"alter table ingest.event_keys add constraint fault check ({check})")
    return await client.post("/v1/dead-letters:replay", json={"patch": REPAIR})


async def test_letters_that_postgresql_refuses_en_masse_stay_open_until_it_is_mended(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    """It is not the events' fault: nothing is stored, and no letter is said to be wrong again."""
    refused = await _replayed_while_refusing(client, connection, 60, check="event_id = ''")

    assert refused.status_code == 503
    assert refused.json()["reason"] == "mass_refusal"
    assert "PostgreSQL refuses most of 60 events" in refused.json()["detail"]
    assert "retry-after" in refused.headers
    assert len(await _letters(client)) == 60
    assert await _sums(client) == []
    resolutions = "select count(*) from ingest.dead_letter_resolutions"
    assert await connection.fetchval(resolutions) == 0

    await connection.execute("alter table ingest.event_keys drop constraint fault")
    mended = await client.post("/v1/dead-letters:replay", json={"patch": REPAIR})

    assert {each["outcome"] for each in mended.json()["results"]} == {"replayed"}
    assert await _sums(client) == ["60"]
    assert await _letters(client) == []


async def test_the_one_letter_that_postgresql_refuses_keeps_no_other_back(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    answer = await _replayed_while_refusing(client, connection, 20, check="event_id <> 'e7'")

    outcomes = [each["outcome"] for each in answer.json()["results"]]
    assert outcomes == ["replayed"] * 7 + ["rejected_again"] + ["replayed"] * 12
    assert answer.json()["results"][7]["reason"] == "refused_by_database"
    assert await _sums(client) == ["19"]
    assert len(await _letters(client)) == 1
