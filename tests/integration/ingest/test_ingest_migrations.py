"""Whether what an older revision stored is still there, byte for byte, after the migrations."""

from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from pydantic import SecretStr

from aivalue.runtime.migrations import migrate
from aivalue.runtime.settings import DatabaseSettings
from services.ingest.batch import Record
from services.ingest.maintenance import months_from
from services.ingest.originals import unpack
from services.ingest.queries.months import create_months
from tests.integration.ingest.material import batch_of, claim, measured, open_store
from tests.stored import N_STORED

_ROW = (
    'insert into ingest.events (tenant_id, log_id, "partition", "offset", received_at, '
    'log_timestamp, source_id, event_id, type, "time", key, value, headers) '
    "values ($1, 1, $2, $3::bigint, $4, $5, 1, $3::bigint::text, 't', $6, $7, $8, $9)"
)
_HEADERS = '[["ce_id","\\u00e9"],["trace",{"base64":"//4="}],["none",null]]'
_READ = [("ce_id", "é".encode()), ("trace", b"\xff\xfe"), ("none", None)]


async def test_a_month_that_has_begun_without_its_partition_ends_without_it(
    ingest_database: str, connection: asyncpg.Connection
) -> None:
    writing, store = await open_store(ingest_database)
    await store.store(writing, batch_of(await claim(writing), [measured("a", "1")]))
    begun: date = await connection.fetchval("select min(received_at)::date from ingest.event_runs")

    # It failed, and ingest ended, again after every restart.
    months = months_from(begun)
    await create_months(connection, months)
    await store.store(writing, batch_of(await claim(writing), [measured("b", "1")]))

    await writing.close()
    tables = await connection.fetch(
        "select inhrelid::regclass::text from pg_inherits "
        "where inhparent = 'ingest.event_runs'::regclass order by 1"
    )
    expected = [f"ingest.event_runs_{first:%Y_%m}" for first, _ in months[1:]]
    assert [row[0] for row in tables] == [*expected, "ingest.event_runs_other"]
    assert await connection.fetchval(N_STORED) == 2


@pytest.mark.parametrize("schemas", [()], ids=["empty"])
async def test_rows_of_raw_events_become_runs(database_url: str) -> None:
    settings = DatabaseSettings(url=SecretStr(database_url))
    await migrate(settings, "ingest", revision="0010")
    connection = await asyncpg.connect(database_url)
    logged, day = datetime(2026, 3, 1, 8, 0, 0, 123_000, UTC), timedelta(days=1)
    # Two batches of one partition, the second a month later and late, and another tenant's.
    stretches = [
        ("acme", 0, range(700), logged, logged),
        ("acme", 0, range(701, 703), logged + 40 * day, logged),
        ("other", 3, range(5, 6), logged, logged),
    ]
    for tenant, partition, offsets, received_at, at in stretches:
        await connection.executemany(
            _ROW,
            [
                (
                    tenant, partition, offset, received_at, at, at - timedelta(hours=offset % 2),
                    None if offset % 3 else b"key", b"v%d" % offset if offset % 7 else None,
                    _HEADERS if offset % 2 else "[]",
                )
                for offset in offsets
            ],
        )  # fmt: skip

    await migrate(settings, "ingest")

    runs = await connection.fetch(
        'select tenant_id, "partition", first_offset, last_offset, n_events, late::text, '
        "originals, tableoid::regclass::text as month from ingest.event_runs "
        'order by tenant_id, log_id, "partition", first_offset'
    )
    await connection.close()
    said = ("tenant_id", "partition", "first_offset", "last_offset", "n_events", "late", "month")
    assert [tuple(run[name] for name in said) for run in runs] == [
        ("acme", 0, 0, 511, 512, None, "ingest.event_runs_2026_03"),
        ("acme", 0, 512, 699, 188, None, "ingest.event_runs_2026_03"),
        ("acme", 0, 701, 702, 2, "{[701,703)}", "ingest.event_runs_2026_04"),
        ("other", 3, 5, 5, 1, None, "ingest.event_runs_2026_03"),
    ]  # fmt: skip
    assert [record for run in runs for record in unpack(run["originals"])] == [
        Record(
            offset=offset,
            timestamp=1_772_352_000_123,
            key=None if offset % 3 else b"key",
            value=b"v%d" % offset if offset % 7 else None,
            headers=_READ if offset % 2 else [],
        )
        for _, _, offsets, _, _ in stretches
        for offset in offsets
    ]
