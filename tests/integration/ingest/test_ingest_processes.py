"""Whether the service as it runs, killed where it hurts, alone or in company, counts once."""

import asyncpg
import httpx
import pytest

from aivalue.events.encode import Message
from aivalue.events.topics import BUSINESS, MODEL
from tests.integration.ingest.material import TENANT, came_of, decided, measured, statistics
from tests.integration.ingest.system import Ingest, IngestProcess
from tests.stored import N_STORED

N_EVENTS = 600


def _measurements(n: int = N_EVENTS) -> list[tuple[str, Message]]:
    return [
        (BUSINESS, measured(f"e{i}", f"{i}.25", unit=f"line-{i % 7}", hours=i % 100))
        for i in range(n)
    ]


def _total(response: httpx.Response) -> int:
    return sum(response.json()["columns"]["n"])


async def _counted(process: IngestProcess, n: int) -> dict[str, object]:
    response = await process.until("/v1/series?kpi=downtime", lambda r: _total(r) >= n)
    columns: dict[str, object] = response.json()["columns"]
    return columns


async def _conserved(connection: asyncpg.Connection) -> tuple[int, int, int, int]:
    """Return what was consumed, inserted, duplicate and dead, after checking it against the log."""
    row = await connection.fetchrow(
        "select sum(consumed)::int, sum(inserted)::int, sum(duplicate)::int, sum(dead)::int "
        "from ingest.batches"
    )
    read = await connection.fetchval("select sum(next_offset)::int from ingest.partitions")
    assert row[0] == read
    assert row[1] == await connection.fetchval(N_STORED)
    assert row[3] == await connection.fetchval("select count(*) from ingest.dead_letters")
    return tuple(row)


async def test_events_of_both_topics_are_counted_once(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    junk = Message(key=None, value=b"junk", headers=[])
    pairs = [(MODEL, decided(f"d{i}")) for i in range(50)]
    pairs += [(BUSINESS, came_of(f"d{i}", label=i % 5 == 0)) for i in range(50)]
    await ingest.produce([*_measurements(), (BUSINESS, junk), *pairs])
    process = ingest.start()

    await _counted(process, N_EVENTS)
    clicks = await process.until("/v1/series?kpi=click", lambda r: _total(r) >= 50)

    assert clicks.json()["columns"]["sum"] == ["10"]
    assert await _conserved(connection) == (N_EVENTS + 101, N_EVENTS + 100, 0, 1)
    letters = (await process.answer("/v1/dead-letters")).json()["dead_letters"]
    assert [letter["value_base64"] for letter in letters] == ["anVuaw=="]
    snapshot = (await process.answer("/v1/snapshot")).json()
    assert sum(each["next_offset"] for each in snapshot["positions"]) == N_EVENTS + 101
    assert process.stop() in {0, -15}


async def test_delivering_everything_twice_changes_no_answer(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    await ingest.produce(_measurements())
    process = ingest.start()
    before = await _counted(process, N_EVENTS)

    await ingest.produce(_measurements())
    await process.until("/v1/snapshot", lambda r: _read(r) == 2 * N_EVENTS)

    assert (await process.answer("/v1/series?kpi=downtime")).json()["columns"] == before
    assert await _conserved(connection) == (2 * N_EVENTS, N_EVENTS, N_EVENTS, 0)


@pytest.mark.parametrize("point", ["after_pg_commit", "before_pg_commit", "after_kafka_commit"])
async def test_a_kill_at_the_worst_moment_loses_and_doubles_nothing(
    ingest: Ingest, connection: asyncpg.Connection, point: str
) -> None:
    await ingest.produce(_measurements())
    doomed = ingest.start(
        AIVALUE_FAILPOINTS=f"{point}=kill:2", AIVALUE_INGEST__BATCH_RECORDS_MAX="100"
    )
    assert doomed.process.wait(60) == -9

    survivor = ingest.start()
    await _counted(survivor, N_EVENTS)

    assert await _conserved(connection) == (N_EVENTS, N_EVENTS, 0, 0)


async def test_two_processes_that_read_the_same_log_count_it_once(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    # Each in a group of its own, so that both are given every partition: neither knows it.
    workers = [
        ingest.start(
            AIVALUE_INGEST__GROUP=f"{ingest.prefix}{n}", AIVALUE_INGEST__BATCH_RECORDS_MAX="50"
        )
        for n in range(2)
    ]
    await ingest.produce(_measurements())

    await _counted(workers[0], N_EVENTS)

    assert await _conserved(connection) == (N_EVENTS, N_EVENTS, 0, 0)
    assert (
        sum(row[4] for row in await statistics(connection) if isinstance(row[4], int)) == N_EVENTS
    )


async def test_two_processes_of_a_group_share_the_work(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    events = _measurements()
    # 7 and 900 have no common factor, so this is every event once, far from its neighbours.
    both = events + events[: N_EVENTS // 2]
    shuffled = [both[7 * i % len(both)] for i in range(len(both))]
    workers = [ingest.start() for _ in range(2)]
    await ingest.produce(shuffled)

    await _counted(workers[0], N_EVENTS)
    await workers[1].until("/v1/snapshot", lambda r: _read(r) == len(shuffled))

    assert await _conserved(connection) == (len(shuffled), N_EVENTS, N_EVENTS // 2, 0)


async def test_a_log_that_was_replaced_is_not_read(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    await ingest.produce(_measurements(50))
    first = ingest.start()
    await _counted(first, 50)
    assert first.stop() in {0, -15}
    # As if the topic had been deleted and created anew: other bytes where the last record was.
    await connection.execute(
        "update ingest.partitions set tail_sha256 = '\\x00' where next_offset > 0"
    )

    second = ingest.start()
    response = await second.until(
        "/v1/partitions", lambda r: any(each["state"] == "halted" for each in r.json())
    )

    halted = [each for each in response.json() if each["state"] == "halted"]
    assert "another one than was stored" in halted[0]["halt_reason"]
    ready = await second.until("/readyz", lambda r: r.status_code == 503)
    assert "halted" in ready.json()["dependencies"]["kafka"]

    # The operator says that the log is a new one: it is read from its beginning, nothing twice.
    topic = halted[0]["topic"]
    rotated = await second.tell("/v1/logs:rotate", {"topic": topic, "reason": "re-created"})
    assert rotated.status_code == 200
    await second.until("/v1/snapshot", lambda r: _read(r) == 100)
    assert await _conserved(connection) == (100, 50, 50, 0)
    await second.until("/readyz", lambda r: r.status_code == 200)


async def test_a_halted_partition_goes_on_when_an_operator_says_so(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    await ingest.produce(_measurements(50))
    process = ingest.start()
    await _counted(process, 50)
    await connection.execute(
        "update ingest.partitions set state = 'halted', epoch = epoch + 1 where next_offset > 0"
    )
    await ingest.produce(_measurements(100)[50:])
    await process.until("/readyz", lambda r: "halted" in str(r.json()["dependencies"]["kafka"]))

    states = (await process.answer("/v1/partitions")).json()
    for each in (each for each in states if each["state"] == "halted"):
        place = {"topic": each["topic"], "partition": each["partition"]}
        answer = await process.tell("/v1/partitions:resume", place)
        assert answer.status_code == 204

    await _counted(process, 100)
    assert await _conserved(connection) == (100, 100, 0, 0)


async def test_another_broker_identity_opens_new_logs(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    await ingest.produce(_measurements(50))
    first = ingest.start(AIVALUE_INGEST__BROKER_IDENTITY="one")
    await _counted(first, 50)
    assert first.stop() in {0, -15}

    second = ingest.start(AIVALUE_INGEST__BROKER_IDENTITY="two")
    await second.until("/v1/snapshot", lambda r: _read(r) == 100)

    incarnations = await connection.fetch(
        "select distinct incarnation, closed_at is null from ingest.logs order by 1"
    )
    assert [tuple(row) for row in incarnations] == [(1, False), (2, True)]
    assert await _conserved(connection) == (100, 50, 50, 0)


async def test_the_tenant_comes_from_the_topic(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    await ingest.produce([(BUSINESS, measured("a", "1", tenant="mallory"))])
    process = ingest.start()

    await _counted(process, 1)

    assert await connection.fetchval("select distinct tenant_id from ingest.event_runs") == TENANT


def _read(response: httpx.Response) -> int:
    return sum(each["next_offset"] for each in response.json()["positions"])


async def test_a_flood_of_junk_halts_instead_of_draining_the_topic(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    junk = Message(key=b"one partition", value=b"junk", headers=[])
    await ingest.produce([(BUSINESS, junk) for _ in range(400)])
    first = ingest.start()
    response = await first.until(
        "/v1/partitions", lambda r: any(each["state"] == "halted" for each in r.json())
    )

    reasons = [each["halt_reason"] for each in response.json() if each["state"] == "halted"]
    assert "records refused" in reasons[0]
    assert await connection.fetchval("select count(*) from ingest.dead_letters") < 200
    assert first.stop() in {0, -15}

    # An operator who has seen them lets them through, to the dead letters.
    second = ingest.start(AIVALUE_INGEST__BREAKER_SHARE="1")
    for each in (each for each in response.json() if each["state"] == "halted"):
        await second.answer("/livez")
        place = {"topic": each["topic"], "partition": each["partition"]}
        assert (await second.tell("/v1/partitions:resume", place)).status_code == 204
    await second.until("/v1/snapshot", lambda r: _read(r) == 400)
    assert await _conserved(connection) == (400, 0, 0, 400)


async def test_a_database_that_refuses_everything_halts_what_it_refuses(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    # As a wrong migration might; every event violates it, and no one event is to blame.
    await connection.execute(
        "alter table ingest.event_keys add constraint fault check (event_id = '')"
    )
    await ingest.produce([(BUSINESS, _beside(measured(f"e{i}", "1"))) for i in range(300)])
    process = ingest.start()
    response = await process.until(
        "/v1/partitions", lambda r: any(each["state"] == "halted" for each in r.json())
    )

    (halted,) = [each for each in response.json() if each["state"] == "halted"]
    assert "PostgreSQL refuses most of" in halted["halt_reason"]
    assert await connection.fetchval("select count(*) from ingest.dead_letters") == 0
    await process.until("/readyz", lambda r: "halted" in str(r.json()["dependencies"]["kafka"]))

    await connection.execute("alter table ingest.event_keys drop constraint fault")
    place = {"topic": halted["topic"], "partition": halted["partition"]}
    assert (await process.tell("/v1/partitions:resume", place)).status_code == 204
    await _counted(process, 300)
    assert await _conserved(connection) == (300, 300, 0, 0)
    await process.until("/readyz", lambda r: r.status_code == 200)


def _beside(message: Message) -> Message:
    """Put a message into one partition with all others like it."""
    return Message(key=b"one partition", value=message.value, headers=message.headers)
