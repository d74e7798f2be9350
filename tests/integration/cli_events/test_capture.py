"""Files and queries, checked, sent, stored: each event counts once however often it is sent."""

import json
import resource
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import pytest
from aiokafka import TopicPartition

from aivalue.cli.events.delivery import Summary
from aivalue.cli.events.import_run import Origin, prepare_origin
from aivalue.cli.events.ndjson import prepare_ndjson
from aivalue.cli.events.sending import Route, send_prepared
from aivalue.cli.events.tables import UnreadableTable
from aivalue.events.topics import BUSINESS
from aivalue.runtime.clock import utc_now
from aivalue.runtime.kafka import create_consumer, ensure_topics
from tests.integration.cli_events.conftest import Running

MAPPING = """\
type: measurement
source: urn:test
timezone: Europe/Berlin
time: day
fields:
  kpi: {constant: downtime}
  unit: line
  value: {column: hours, factor: 60}
"""
# The events have 26 MB, and a list of them would need twice that.
GROWTH_KIB_MAX = 16_000


async def imported(
    origin: Origin, ingest: Running, *, mapping: str = MAPPING, backfill: str | None = None
) -> Summary:
    file = origin.path.with_suffix(".yaml")
    file.write_text(mapping)
    prepared = await prepare_origin(
        origin, file, spool=origin.path.with_suffix(".spool"), backfill=backfill, now=utc_now()
    )
    return await send_prepared(
        prepared,
        beside=origin.path,
        route=Route(),
        settings=ingest.settings,
        transports=ingest.transports,
    )


async def test_importing_twice_counts_once(ingest: Running, tmp_path: Path) -> None:
    path = tmp_path / "downtime.csv"
    path.write_text("line,day,hours\nline-1,2024-01-01,1.25\nline-1,2024-01-02,0.1\n")

    first = await imported(Origin(path=path), ingest)
    again = await imported(Origin(path=path), ingest, backfill="second-thoughts")

    assert first.counts == {"accepted": 2}
    assert again.counts == {"duplicate": 2}
    columns = await ingest.columns("downtime")
    assert columns["day"] == ["2024-01-01", "2024-01-02"]
    assert columns["n"] == [1, 1]
    # 1.25 h and 0.1 h in minutes, exactly.
    assert [float(each) for each in columns["sum"]] == [75, 6]


async def test_what_the_service_refuses_is_named_by_line(ingest: Running, tmp_path: Path) -> None:
    path = tmp_path / "downtime.csv"
    path.write_text("line,day,hours\nline-1,2024-01-01,1.25\n")
    await imported(Origin(path=path), ingest)
    path.write_text("line,day,hours\nline-2,2024-01-01,3\nline-1,2024-01-01,9.99\n")

    summary = await imported(Origin(path=path), ingest)

    assert summary.counts == {"accepted": 1, "rejected": 1}
    (rejection,) = summary.rejections
    assert (rejection.line, rejection.reason) == (3, "id_conflict")


async def test_a_hundred_thousand_rows_are_stored_in_bounded_memory(
    ingest: Running, tmp_path: Path
) -> None:
    path = tmp_path / "downtime.csv"
    with path.open("w") as file:
        file.write("line,day,hours\n")
        for number in range(100_000):
            day = date(2021, 1, 1) + timedelta(days=number // 100)
            file.write(f"line-{number % 100},{day},0.5\n")
    (tmp_path / "m.yaml").write_text(MAPPING)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    prepared = await prepare_origin(
        Origin(path=path),
        tmp_path / "m.yaml",
        spool=tmp_path / "spool",
        backfill=None,
        now=utc_now(),
    )
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    summary = await send_prepared(
        prepared,
        beside=path,
        route=Route(),
        settings=ingest.settings,
        transports=ingest.transports,
    )

    assert growth < GROWTH_KIB_MAX
    assert summary.counts == {"accepted": 100_000}
    assert sum((await ingest.columns("downtime"))["n"]) == 100_000


@pytest.fixture
async def business(ingest: Running) -> AsyncIterator[asyncpg.Connection]:
    """Return a table of the business's own, in a database of its own."""
    connection = await asyncpg.connect(ingest.database)
    await connection.execute(
        "create table stops (line text, day timestamptz, hours numeric);"
        "insert into stops select 'line-' || n, timestamptz '2024-01-01T23:30Z', n * 0.1"
        " from generate_series(1, 2500) n"
    )
    yield connection
    await connection.close()


async def test_a_query_is_captured_as_a_file_is(
    ingest: Running, business: asyncpg.Connection, tmp_path: Path
) -> None:
    origin = Origin(
        path=tmp_path / "stops.sql",
        query="select line, day, hours from stops order by line",
        database=ingest.database,
    )

    first = await imported(origin, ingest)
    again = await imported(origin, ingest)

    assert first.counts == {"accepted": 2_500}
    assert again.counts == {"duplicate": 2_500}
    columns = await ingest.columns("downtime")
    # Half past eleven at night in Greenwich is the next day in Berlin.
    assert set(columns["day"]) == {"2024-01-02"}
    at = columns["unit"].index("line-3")
    assert float(columns["sum"][at]) == 18


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select nothing from stops", 'column "nothing" does not exist'),
        ("delete from stops", "needs columns of different names"),
        ("delete from stops returning line", "read-only transaction"),
        ("select line, line from stops", "needs columns of different names"),
    ],
)
async def test_a_query_that_cannot_be_read_or_would_write_is_refused(
    ingest: Running, business: asyncpg.Connection, tmp_path: Path, query: str, message: str
) -> None:
    origin = Origin(path=tmp_path / "q.sql", query=query, database=ingest.database)
    mapping = MAPPING.replace("unit: line", "unit: line").replace("time: day", "time: line")
    mapping = mapping.replace("column: hours", "column: line")

    with pytest.raises(UnreadableTable, match=message):
        await imported(origin, ingest, mapping=mapping)

    assert await business.fetchval("select count(*) from stops") == 2_500


async def test_kafka_carries_the_same_events_keyed_by_unit(ingest: Running, tmp_path: Path) -> None:
    path = tmp_path / "e.ndjson"
    event = {
        "specversion": "1.0", "id": "1", "source": "urn:test", "time": "2024-01-01T00:00:00Z",
        "type": "aivalue.measurement.recorded.v1",
        "data": {"kpi": "downtime", "unit": "line-1", "value": "1"},
    }  # fmt: skip
    path.write_text(json.dumps(event) + "\n")
    kafka = ingest.settings.kafka
    topic = kafka.input_topic("acme", BUSINESS)
    await ensure_topics(kafka, [topic])

    summary = await send_prepared(
        prepare_ndjson(path, now=utc_now()),
        beside=path,
        route=Route(kafka=True, tenant="acme"),
        settings=ingest.settings,
    )

    consumer = create_consumer(kafka, group=None, client_id="test")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        record = await consumer.getone()
    finally:
        await consumer.stop()
    assert summary.counts == {"sent": 1}
    assert record.key == b"line-1"
    assert json.loads(record.value) == event
