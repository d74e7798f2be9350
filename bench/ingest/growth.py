"""What an event costs beside ever more stored ones, with ids that are ordered and that are random.

What is stored before is not what is measured, so it need not come by Kafka: keys and measurements,
which are all that grows by the event and is looked at again, are written as ingest would have
left them, and their index is built at once; where ids are random its pages are as full as splits
leave them. A checkpoint follows, after which PostgreSQL writes every page whole that it touches
for the first time: where ids are random that is most of what the first events cost. So as many are
stored at each size as come between checkpoints, not only those first.
"""

import time
from collections.abc import Sequence
from typing import Final

import asyncpg

from aivalue.events.topics import BUSINESS
from bench.ingest.contenders import CONTENDERS
from bench.ingest.load import Events, n_distinct, produce
from bench.ingest.measure import Result, turn
from bench.ingest.servers import Servers

# How an id of a number is written, and how full a page of the index is after long.
KINDS: Final = {
    "ordered": ("'0000' || lpad(to_hex(i), 12, '0')", 90),
    "random": ("md5(i::text)", 70),
}
_PRIMARY_KEY: Final = "event_keys_pkey"
_FILL_KEYS: Final = (
    "insert into ingest.event_keys (tenant_id, source_id, event_id, payload_sha256, log_id, "
    '"partition", "offset", series_id, business_date) select \'default\', 1, {id}, '
    "sha256(i::text::bytea), 1, 0, i, 1 + i % 1000, date '2026-01-01' + (i / 1000000)::integer "
    "from generate_series($1::bigint, $2::bigint) i"
)
_FILL_MEASUREMENTS: Final = (
    "insert into ingest.measurement_runs (tenant_id, series_id, business_date, log_id, "
    "\"partition\", offsets, numbers) select 'default', 1 + i % 1000, "
    "date '2026-01-01' + (i / 1000000)::integer, 1, 0, array_agg(i), "
    "array_agg((i % 9973)::numeric) from generate_series($1::bigint, $2::bigint) i "
    "group by i % 1000, i / 1000000, i / 50000"
)
FILL_SECONDS_MAX: Final = 300


async def growth(servers: Servers, *, sizes: Sequence[int], n_more: int) -> dict[str, object]:
    """Store as many more at every size, on one database for each kind of id."""
    figures: dict[str, object] = {}
    for kind in KINDS:
        database = f"growth_{kind}"
        address = await servers.database(database)
        stored = filled = 0
        for number, size in enumerate(sizes):
            begun = time.monotonic()
            await _fill(address, kind, filled + 1, size)
            filled = size
            seconds = time.monotonic() - begun
            topic = f"{kind}{number}.{BUSINESS}"
            events = Events("structured", random_ids=kind == "random", first=1 + number * n_more)
            await produce(servers.kafka, topic, events, n_more)
            expected = n_distinct(n_more, malformed=True)
            result = await turn(
                servers, CONTENDERS[0], topic, expected, name=f"{database}{number}",
                address=address, before=stored,
            )  # fmt: skip
            _show(kind, size + stored, result, filled_in=seconds)
            figures[f"{kind} {size}"] = {
                "stored_before": size + stored,
                "per_second": result.per_second,
                "postgres_cpu_us": result.postgres_cpu,
                "cpu_us": result.own_cpu + result.postgres_cpu,
            }
            stored += expected
        await servers.drop(database)
    return figures


def _show(kind: str, stored: int, result: Result, *, filled_in: float) -> None:
    print(
        f"{kind:8} {stored:11,} stored before (filled in {filled_in:4.0f} s)  "
        f"{result.per_second:8,.0f} events/s   CPU us/event: PostgreSQL "
        f"{result.postgres_cpu:5.1f}, with ingest {result.own_cpu + result.postgres_cpu:5.1f}",
        flush=True,
    )


async def _fill(address: str, kind: str, first: int, last: int) -> None:
    event_id, fillfactor = KINDS[kind]
    connection = await asyncpg.connect(address, command_timeout=FILL_SECONDS_MAX)
    try:
        await connection.execute("set maintenance_work_mem = '512MB'")
        await connection.execute(f"alter table ingest.event_keys drop constraint {_PRIMARY_KEY}")
        await connection.execute(_FILL_KEYS.replace("{id}", event_id), first, last)
        await connection.execute(
            f"alter table ingest.event_keys add constraint {_PRIMARY_KEY} primary key "
            f"(tenant_id, source_id, event_id) with (fillfactor = {fillfactor})"
        )
        await connection.execute(_FILL_MEASUREMENTS, first, last)
        await connection.execute("vacuum (analyze) ingest.event_keys, ingest.measurement_runs")
        await connection.execute("checkpoint")
    finally:
        await connection.close()
