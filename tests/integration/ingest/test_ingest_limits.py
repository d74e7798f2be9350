"""Whether requests over a limit, or beyond what PostgreSQL can do, are answered well."""

import asyncio

import asyncpg
import httpx
import pytest

from aivalue.runtime.problems import DependencyUnavailable
from services.ingest.http_ingestion import HttpIngestion
from services.ingest.settings import IngestSettings
from services.ingest.storing.handler import Store
from tests.integration.ingest.material import BATCH, ONE, http_measured


async def test_more_requests_than_may_wait_are_told_to_come_again(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    # Nobody can store meanwhile; the fixture lets two requests wait.
    blocking = connection.transaction()
    await blocking.start()
    await connection.execute("lock table ingest.partitions in exclusive mode")
    events = [http_measured(each, "1") for each in ("b", "c", "d")]

    waiting = [
        asyncio.create_task(client.post("/v1/events", headers=ONE, json=each))
        for each in events[:2]
    ]
    await _until_waiting(connection, n=2)
    refused = await client.post("/v1/events", headers=ONE, json=events[2])
    await blocking.rollback()
    stored = [await each for each in waiting]
    again = await client.post("/v1/events", headers=ONE, json=events[2])

    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert [each.status_code for each in (*stored, again)] == [200, 200, 200]


async def test_a_compressed_body_is_refused_as_such(client: httpx.AsyncClient) -> None:
    headers = ONE | {"content-encoding": "gzip"}

    answer = await client.post("/v1/events", headers=headers, content=b"\x1f\x8b")

    assert answer.status_code == 415


async def test_the_content_type_must_not_stand_twice(client: httpx.AsyncClient) -> None:
    event = http_measured("a", "1")
    headers = {f"ce-{name}": str(text) for name, text in event.items() if name != "data"}

    answer = await client.post("/v1/events", headers=headers, json=event["data"])

    assert "ce-datacontenttype" in headers
    assert answer.status_code == 400


async def test_what_postgresql_refuses_is_rejected_alone_and_can_be_replayed(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    # Stands for whatever decoding does not foresee.
    await connection.execute(
        "alter table ingest.event_keys add constraint unforeseen check (event_id not like 'bad%')"
    )
    events = [http_measured(each, "1") for each in ("a", "bad", "b")]

    first = await client.post("/v1/events", headers=BATCH, json=events)
    replayed = await client.post("/v1/dead-letters:replay", json={})
    await connection.execute("alter table ingest.event_keys drop constraint unforeseen")
    mended = await client.post("/v1/dead-letters:replay", json={})

    assert [each["status"] for each in first.json()["results"]] == [
        "accepted", "rejected", "accepted",
    ]  # fmt: skip
    assert [each["reason"] for each in replayed.json()["results"]] == ["refused_by_database"]
    assert [each["outcome"] for each in mended.json()["results"]] == ["replayed"]
    assert (await client.get("/v1/series?kpi=downtime")).json()["columns"]["n"] == [3]


async def test_what_postgresql_refuses_for_its_own_fault_is_not_the_callers(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    # Stands for a migration that was stopped half-way: even the batch's own row is refused.
    await connection.execute("alter table ingest.batches add check (consumed < 2) not valid")
    events = [http_measured(each, "1") for each in "abc"]

    refused = await client.post("/v1/events", headers=BATCH, json=events)
    n_stored = await connection.fetchval(
        "select (select count(*) from ingest.event_runs) "
        "+ (select count(*) from ingest.event_keys) + (select count(*) from ingest.batches) "
        "+ (select count(*) from ingest.dead_letters) "
        "+ (select coalesce(sum(next_offset), 0) from ingest.partitions)"
    )
    await connection.execute("alter table ingest.batches drop constraint batches_consumed_check1")
    again = await client.post("/v1/events", headers=BATCH, json=events)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["reason"] == "mass_refusal"
    assert "batches_consumed_check1" in refused.json()["detail"]
    assert n_stored == 0
    assert {each["status"] for each in again.json()["results"]} == {"accepted"}


async def test_a_lost_connection_is_replaced(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    await client.post("/v1/events", headers=ONE, json=http_measured("a", "1"))
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and application_name like 'ingest%'"
    )

    answer = await client.post("/v1/events", headers=ONE, json=http_measured("b", "1"))

    assert answer.status_code == 200


async def test_an_outage_is_said_to_be_one() -> None:
    class Gone:
        def acquire(self) -> object:
            raise ConnectionRefusedError("nobody listens")

    ingestion = HttpIngestion(IngestSettings(), Gone(), Store(changes_topic="t"))

    # The application answers 503 with Retry-After.
    with pytest.raises(DependencyUnavailable, match="nobody listens"):
        await ingestion.ingest("acme", [(b"{}", [("content-type", ONE["content-type"])])])


@pytest.mark.parametrize("path", ["/v1/series?kpi=%00", "/v1/dead-letters?reason=%00"])
async def test_a_question_that_no_text_can_be_is_refused(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)

    assert answer.status_code == 422
    assert "PostgreSQL cannot" in answer.json()["detail"]


async def _until_waiting(connection: asyncpg.Connection, *, n: int) -> None:
    deadline = asyncio.get_running_loop().time() + 30
    waiting = "select count(*) from pg_locks where not granted and database is not null"
    while await connection.fetchval(waiting) < n:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)
