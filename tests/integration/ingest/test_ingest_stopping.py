"""Whether SIGTERM ends the service within 20 seconds, whatever it is at, and loses nothing."""

import asyncio

import asyncpg
import httpx
from asyncpg.transaction import Transaction

from aivalue.events.topics import BUSINESS
from tests.integration.ingest.material import BATCH, http_measured, measured
from tests.integration.ingest.system import Ingest, IngestProcess
from tests.stored import N_STORED

# What orchestrators are told to grant; it is a promise, not a measurement of speed.
STOP_SECONDS = 20
N_EVENTS = 400


async def _stopped(process: IngestProcess) -> int:
    process.process.terminate()
    return await asyncio.to_thread(process.process.wait, STOP_SECONDS)


async def _n_stored(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval(N_STORED)
    return found


async def test_a_stop_under_load_stores_a_batch_or_nothing_of_it(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    await ingest.produce(
        [(BUSINESS, measured(f"e{i}", "1", unit=f"line-{i % 7}")) for i in range(N_EVENTS)]
    )
    first = ingest.start(AIVALUE_INGEST__BATCH_RECORDS_MAX="20")
    posted = [http_measured(f"h{i}", "1") for i in range(200)]
    answered = 0

    async def post() -> None:
        nonlocal answered
        async with httpx.AsyncClient(base_url=first.address, timeout=30) as client:
            for each in posted:
                try:
                    answer = await client.post("/v1/events", headers=BATCH, json=[each])
                except httpx.TransportError:
                    return
                answered += answer.status_code == 200

    await first.until("/livez", lambda response: response.is_success)
    posting = asyncio.create_task(post())
    await first.until("/v1/snapshot", lambda r: bool(r.json()["positions"]))
    status = await _stopped(first)
    await posting
    second = ingest.start()
    await second.until(
        "/v1/snapshot",
        lambda r: sum(
            each["next_offset"] for each in r.json()["positions"] if each["topic"] != "http"
        ) == N_EVENTS,
    )  # fmt: skip

    assert status in {0, -15}
    by_log = dict(
        await connection.fetch(
            "select l.kind, sum(n_events)::int from ingest.event_runs e join ingest.logs l using "
            "(tenant_id, log_id) group by 1"
        )
    )
    assert by_log["kafka"] == N_EVENTS
    # What was answered is stored; one more may have been, whose answer was lost with the process.
    assert answered <= by_log.get("http", 0) <= answered + 1
    n_counted = await connection.fetchval("select sum(n)::int from ingest.daily_statistics")
    assert n_counted == await _n_stored(connection)


async def test_a_batch_that_cannot_end_does_not_keep_the_process(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    process = ingest.start()
    blocking = await _blocked(ingest, process, connection)

    await _stopped(process)
    await blocking.rollback()

    second = ingest.start()
    await second.until(
        "/v1/series?kpi=downtime", lambda r: sum(r.json()["columns"]["n"]) == N_EVENTS
    )
    assert await _n_stored(connection) == N_EVENTS


async def test_a_stop_lets_the_batch_that_is_under_way_be_stored(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    process = ingest.start()
    blocking = await _blocked(ingest, process, connection)

    stopping = asyncio.create_task(_stopped(process))
    # Long enough to be cancelled, if anybody did.
    await asyncio.sleep(1)
    await blocking.rollback()
    await stopping

    assert await _n_stored(connection) > 0


async def _blocked(
    ingest: Ingest, process: IngestProcess, connection: asyncpg.Connection
) -> Transaction:
    """Return a transaction that the storing of the first batch waits for."""
    await process.until("/readyz", lambda response: response.is_success)
    blocking = connection.transaction()
    await blocking.start()
    await connection.execute("lock table ingest.daily_statistics in exclusive mode")
    await ingest.produce([(BUSINESS, measured(f"e{i}", "1")) for i in range(N_EVENTS)])
    waiting = "select count(*) from pg_locks where not granted and database is not null"
    deadline = asyncio.get_running_loop().time() + 60
    while not await connection.fetchval(waiting):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    return blocking
