"""Whether the store counts each event once: replays, twins, conflicts, zombies, bad neighbours."""

import os
import signal
from decimal import Decimal

import asyncpg
import pytest

from aivalue.events.business import MeasurementRecorded
from aivalue.events.encode import Message
from services.ingest.queries.partitions import Fenced
from services.ingest.storing.handler import Store
from tests.integration.ingest.material import (
    TENANT,
    batch_of,
    claim,
    decided,
    measured,
    message,
    open_store,
    statistics,
)

DAY = "2026-03-01"
# Every table whose content must not depend on how often an event was delivered.
CONTENT = (
    "sources", "series", "event_keys", "event_runs", "measurements", "measurement_runs",
    "measurements_withdrawn", "daily_statistics", "decisions",
    "outcomes", "interventions", "costs", "corrections",
)  # fmt: skip


async def _store(address: str, *stretches: list[Message]) -> list[tuple[int, int, int]]:
    """Store messages batch after batch; return inserted, duplicate and dead of each."""
    connection, store = await open_store(address)
    counts = []
    try:
        for messages in stretches:
            stored = await store.store(connection, batch_of(await claim(connection), messages))
            known, dead = len(stored.duplicates), len(stored.dead)
            counts.append((len(messages) - known - dead, known, dead))
    finally:
        await connection.close()
    return counts


async def _content(connection: asyncpg.Connection) -> dict[str, list[str]]:
    return {
        table: [
            row[0]
            for row in await connection.fetch(
                f"select t::text from ingest.{table} t order by 1"  # noqa: S608 - our own names
            )
        ]
        for table in CONTENT
    }


async def test_statistics_are_exact(ingest_database: str, connection: asyncpg.Connection) -> None:
    ratio = MeasurementRecorded(
        kpi="rate", unit="line-1", numerator=Decimal("0.1"), denominator=Decimal("0.3")
    )

    counts = await _store(
        ingest_database,
        [measured("a", "0.1"), measured("b", "0.2", hours=1), message(ratio, "r")],
        [measured("c", "-7", hours=24)],
    )

    assert counts == [(3, 0, 0), (1, 0, 0)]
    # 0.1 + 0.2 is 0.3 and 0.01 + 0.04 is 0.05, which no float sums to.
    assert await statistics(connection) == [
        ("downtime", "line-1", "", DAY, 2, "0.3", "0.05", "0.1", "0.2"),
        ("downtime", "line-1", "", "2026-03-02", 1, "-7", "49", "-7", "-7"),
        ("rate", "line-1", "", DAY, 1, "0", "0", None, None),
    ]
    parts = await connection.fetchrow(
        "select numerator, denominator, numerator_squares, denominator_squares, cross_product "
        "from ingest.daily_statistics where numerator > 0"
    )
    assert [str(cell) for cell in parts] == ["0.1", "0.3", "0.01", "0.09", "0.03"]


FLOATS = "alter table ingest.daily_statistics alter column sum type float8"


@pytest.mark.parametrize(("column", "total"), [("select", "0.3"), (FLOATS, "0.30000000000000004")])
async def test_a_sum_of_decimals_is_a_decimal(
    ingest_database: str, connection: asyncpg.Connection, column: str, total: str
) -> None:
    await connection.execute(column)

    await _store(ingest_database, [measured("a", "0.1")], [measured("b", "0.2")])

    found = "select trim_scale(sum::text::numeric)::text from ingest.daily_statistics"
    assert await connection.fetchval(found) == total


async def test_replaying_changes_nothing_byte_for_byte(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    messages = [measured(f"e{n}", f"{n}.5", unit=f"line-{n % 3}", hours=n) for n in range(50)]
    await _store(ingest_database, messages)
    before = await _content(connection)

    counts = await _store(ingest_database, messages, list(reversed(messages)))

    assert counts == [(0, 50, 0), (0, 50, 0)]
    assert await _content(connection) == before


async def test_a_malformed_record_is_set_aside_and_its_neighbours_count(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    junk = Message(key=b"\xff", value=b"\x00junk", headers=[("ce_id", b"\xff")])

    counts = await _store(ingest_database, [measured("a", "1"), junk, measured("b", "2")])

    assert counts == [(2, 0, 1)]
    letter = await connection.fetchrow("select * from ingest.dead_letters")
    assert (letter["reason"], letter["offset"], letter["status"]) == ("not_utf8", 1, "open")
    assert (letter["key"], letter["value"]) == (b"\xff", b"\x00junk")
    assert letter["headers"] == '[["ce_id","/w=="]]'
    assert [row[4] for row in await statistics(connection)] == [2]


async def test_an_id_with_another_content_is_a_conflict(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    first = [measured("a", "1")]
    twins = [measured("b", "1"), measured("b", "2"), measured("b", "1")]

    counts = await _store(ingest_database, first, [measured("a", "2")], twins)

    assert counts == [(1, 0, 0), (0, 0, 1), (1, 1, 1)]
    reasons = await connection.fetch("select reason, source, event_id from ingest.dead_letters")
    assert [tuple(row) for row in reasons] == [
        ("id_conflict", "urn:plant:mes", "a"),
        ("id_conflict", "urn:plant:mes", "b"),
    ]
    assert [row[4:6] for row in await statistics(connection)] == [(2, "2")]


async def test_the_same_numbers_in_other_digits_are_a_repetition(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    first = [measured("a", "3.10"), measured("b", "20"), decided("d", propensity="0.5")]
    twins = [measured("c", "1"), measured("c", "1.0"), measured("c", "2"), measured("c", "1.00")]
    # A binary float has no zeros behind, a decimal column has as many as it was declared with.
    again = [
        measured("a", "3.100000000000"), measured("b", "20.000"), measured("b", "2E+1"),
        measured("b", "20.001"), measured("a", "3.10", hours=1), measured("b", "20", unit="x"),
        decided("d", propensity="0.50"), decided("d", propensity="0.50", arm="control"),
    ]  # fmt: skip

    counts = await _store(ingest_database, first, twins, again, again)

    assert counts == [(3, 0, 0), (1, 2, 1), (0, 4, 4), (0, 4, 4)]
    assert [row[4:6] for row in await statistics(connection)] == [(3, "24.1")]


async def test_what_repeats_a_refused_twin_in_other_digits_is_refused_with_it(
    ingest_database: str,
) -> None:
    twins = [
        decided("d", event_id="other", propensity="0.5"),
        decided("d", event_id="other", propensity="0.50"),
    ]

    assert await _store(ingest_database, [decided("d")], twins) == [(1, 0, 0), (0, 0, 2)]


async def test_the_same_id_of_another_source_is_another_event(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    other = measured("a", "5", source="urn:other")

    assert await _store(ingest_database, [measured("a", "1"), other]) == [(2, 0, 0)]
    assert [row[4:6] for row in await statistics(connection)] == [(2, "6")]


GLOBAL_KEY = "create unique index on ingest.event_keys (event_id)"


@pytest.mark.parametrize(("key", "n_known"), [("select", 1), (GLOBAL_KEY, 0)])
async def test_the_same_id_of_another_tenant_is_another_event(
    ingest_database: str, connection: asyncpg.Connection, key: str, n_known: int
) -> None:
    """Under a key without the tenant one takes ids before another does, who hears of no error."""
    await connection.execute(key)
    writing, store = await open_store(ingest_database)
    for tenant in ("mallory", TENANT):
        claimed = await claim(writing, tenant=tenant)
        await store.store(writing, batch_of(claimed, [measured("a", "1")]))
    await writing.close()

    known = "select count(*) from ingest.event_keys where tenant_id = $1"
    assert await connection.fetchval(known, "mallory") == 1
    assert await connection.fetchval(known, TENANT) == n_known


async def test_a_worker_that_lost_its_partition_stores_nothing(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    writing, store = await open_store(ingest_database)
    zombie = batch_of(await claim(writing), [measured("a", "1")])
    owner = batch_of(await claim(writing), [measured("a", "1"), measured("b", "2")])

    with pytest.raises(Fenced):
        await store.store(writing, zombie)
    await store.store(writing, owner)
    with pytest.raises(Fenced):
        await store.store(writing, owner)
    await writing.close()

    assert [row[4] for row in await statistics(connection)] == [2]
    batches = await connection.fetch("select first_offset, next_offset from ingest.batches")
    assert [tuple(row) for row in batches] == [(0, 2)]


async def test_the_database_itself_refuses_a_batch_that_does_not_add_up(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    await _store(ingest_database, [measured("a", "1"), measured("b", "2")])
    insert = (
        "insert into ingest.batches (tenant_id, log_id, partition, first_offset, next_offset, "
        "epoch, consumed, inserted, duplicate, dead, sha256, prev_hash, hash) "
        "select tenant_id, log_id, partition, $1, $2, 1, $3, $4, 0, 0, '', '', '' "
        "from ingest.batches limit 1"
    )

    with pytest.raises(asyncpg.CheckViolationError, match="batches_conserve"):
        await connection.execute(insert, 10, 12, 2, 1)
    with pytest.raises(asyncpg.CheckViolationError, match="batches_hold_what_they_span"):
        await connection.execute(insert, 10, 11, 2, 2)
    with pytest.raises(asyncpg.ExclusionViolationError, match="batches_never_overlap"):
        await connection.execute(insert, 1, 3, 2, 2)
    for statement in ("delete from ingest.batches", "update ingest.event_runs set n_events = 1"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(statement)


async def test_batches_are_chained(ingest_database: str, connection: asyncpg.Connection) -> None:
    await _store(ingest_database, [measured("a", "1")], [measured("b", "1")], [measured("c", "1")])

    rows = await connection.fetch(
        "select prev_hash, hash from ingest.batches order by first_offset"
    )
    head = await connection.fetchval("select head_hash from ingest.partitions")
    assert [row["prev_hash"] for row in rows] == [bytes(32), rows[0]["hash"], rows[1]["hash"]]
    assert head == rows[2]["hash"]


async def test_what_changed_waits_in_the_outbox(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    await _store(ingest_database, [measured("a", "1"), measured("b", "1", unit="line-2", hours=48)])

    value = await connection.fetchval("select value from ingest.outbox")
    assert b'"kpi":"downtime","units":["line-1","line-2"]' in value
    assert b'"start":"2026-03-01","end":"2026-03-04"' in value


async def test_what_postgresql_refuses_is_set_aside_alone(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    # Stands for whatever decoding does not foresee.
    await connection.execute(
        "alter table ingest.event_keys add constraint unforeseen check (event_id not like 'bad%')"
    )
    messages = [measured(f"e{n}", "1") for n in range(20)]
    messages[3:3] = [measured("bad-1", "5")]
    messages.append(measured("bad-2", "5"))

    counts = await _store(ingest_database, messages)

    assert counts == [(20, 0, 2)]
    letters = await connection.fetch("select reason, event_id from ingest.dead_letters order by 2")
    assert [tuple(row) for row in letters] == [
        ("refused_by_database", "bad-1"),
        ("refused_by_database", "bad-2"),
    ]
    assert [row[4:6] for row in await statistics(connection)] == [(20, "20")]


async def test_who_does_not_answer_is_not_asked_to_roll_back(
    ingest_database: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second silence as long as the first would come before anybody hears of it."""
    store = Store(changes_topic="changes")
    batch = batch_of(await claim(connection), [measured("a", "1")])
    silent = await asyncpg.connect(ingest_database, command_timeout=2)
    await store.prepare(silent)
    pid, stopped = silent.get_server_pid(), []

    async def stop(name: str) -> None:
        if name == "after_cas":
            os.kill(pid, signal.SIGSTOP)
            stopped.append(name)

    monkeypatch.setattr("services.ingest.storing.handler.failpoint", stop)
    try:
        # Not TimeoutError: ROLLBACK would have waited, too.
        with pytest.raises(asyncpg.InterfaceError, match="closed"):
            await store.store(silent, batch)
    finally:
        os.kill(pid, signal.SIGCONT)
        silent.terminate()
    assert stopped == ["after_cas"]
