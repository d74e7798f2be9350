"""Events, measurements and daily statistics, set by set; nothing is counted that is not stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from asyncpg import Connection, UniqueViolationError

# What is the same for a whole stretch comes first: it is one prefix of the wire format.
_IDENTITY = ("offset", "source_id", "event_id", "payload_sha256", "business_date", "series_id")
STAGED_COLUMNS = ("log_id", "partition", *_IDENTITY, "decision", "seq")
KEY_COLUMNS = ("tenant_id", "log_id", "partition", *_IDENTITY, "decision")
# PostgreSQL counts from the first day of 2000.
EPOCH_DAY = datetime(2000, 1, 1, tzinfo=UTC).toordinal()
# What changed, where `daily` are the days of tenant $1 that were written.
CHANGES_OF_DAILY = (
    "select s.kpi, array_agg(distinct s.unit order by s.unit) as units, "
    "min(d.business_date) as first, max(d.business_date) as last "
    "from daily d join ingest.series s on s.tenant_id = $1 and s.series_id = d.series_id "
    "group by s.kpi order by s.kpi"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A staged event whose key exists already."""

    seq: int
    awaited: bool
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a stretch of one partition says of a series on a day, side by side and as text.

    Either numbers, or numerators and denominators.

    Attributes
    ----------
    day : int
        Since the first day of 2000: of the first day there is, the driver would make -infinity.
    """

    series_id: int
    day: int
    log_id: int
    partition: int
    offsets: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    numerators: list[str] = field(default_factory=list)
    denominators: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRun:
    """Original records of events that follow one another in a partition, packed.

    Attributes
    ----------
    late :
        Spans of offsets of those that came more than a day after their time, None where none did.
    """

    log_id: int
    partition: int
    first_offset: int
    last_offset: int
    n_events: int
    late: str | None
    originals: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Days of one KPI whose statistics changed."""

    kpi: str
    units: Sequence[str]
    first: date
    last: date


async def prepare(connection: Connection) -> None:
    """Make a connection ready to store: once, when it is opened."""
    await connection.execute(
        "create temporary table if not exists staged ("
        'seq integer, log_id bigint not null, "partition" integer not null, '
        '"offset" bigint not null, source_id bigint, event_id text collate "C", '
        "payload_sha256 bytea, series_id bigint, business_date date, value text, "
        'decision text collate "C") on commit delete rows'
    )


async def stage(connection: Connection, content: bytes) -> None:
    """Copy what the statements below work on into the transaction."""
    await connection.copy_to_table(
        "staged", source=memoryview(content), columns=STAGED_COLUMNS, format="binary"
    )


async def copy_keys(connection: Connection, content: bytes) -> bool:
    """Claim the identity of every event, or of none where one of them exists already.

    Half the work of `insert_keys`. Rows must be sorted by source and event id, so that two workers
    with the same events wait for each other instead of deadlocking.
    """
    try:
        async with connection.transaction():
            await connection.copy_to_table(
                "event_keys",
                schema_name="ingest",
                source=memoryview(content),
                columns=KEY_COLUMNS,
                format="binary",
            )
    except UniqueViolationError:
        return False
    return True


async def insert_keys(connection: Connection, tenant: str) -> list[int]:
    """Claim the identity of every staged event; return the `seq` of those whose it was not.

    Delivery is at least once, so replays are expected. Sorted, so that two workers with the same
    events wait for each other instead of deadlocking.
    """
    rows = await connection.fetch(
        "with kept as (insert into ingest.event_keys (tenant_id, source_id, event_id, "
        'payload_sha256, log_id, "partition", "offset", series_id, business_date, decision) '
        'select $1, source_id, event_id, payload_sha256, log_id, "partition", "offset", series_id, '
        "business_date, decision from staged order by source_id, event_id, seq "
        'on conflict do nothing returning log_id, "partition", "offset") '
        # Not a join: without statistics of a table this young the planner would nest loops.
        'select log_id, "partition", "offset" from staged except all '
        'select log_id, "partition", "offset" from kept',
        tenant,
    )
    if not rows:
        return []
    columns = [[row[place] for row in rows] for place in range(3)]
    lost = await connection.fetch(
        'select seq from staged where (log_id, "partition", "offset") in '
        "(select * from unnest($1::bigint[], $2::integer[], $3::bigint[])) order by seq",
        *columns,
    )
    return [row["seq"] for row in lost]


async def compare_keys(connection: Connection, tenant: str, seqs: Sequence[int]) -> list[Seen]:
    """Say of staged events that exist already what they are: the same, another, or awaited.

    A statement of its own, after the insert: it sees what a concurrent worker has committed, and
    twins within the batch.
    """
    rows = await connection.fetch(
        "select s.seq, k.payload_sha256 is null as awaited, "
        "k.payload_sha256 is not distinct from s.payload_sha256 as same "
        # One look-up each; the planner, which knows nothing of a table this young, might join
        # all that was ever stored.
        "from staged s cross join lateral (select payload_sha256 from ingest.event_keys k "
        "where k.tenant_id = $1 and k.source_id = s.source_id and k.event_id = s.event_id "
        "offset 0) k where s.seq = any($2) order by s.seq",
        tenant,
        seqs,
    )
    return [Seen(**row) for row in rows]


async def fill_awaited_keys(connection: Connection, tenant: str, seqs: Sequence[int]) -> list[int]:
    """Complete keys that a correction or retraction announced; return the `seq` that did."""
    rows = await connection.fetch(
        "update ingest.event_keys k set payload_sha256 = s.payload_sha256, log_id = s.log_id, "
        '"partition" = s."partition", "offset" = s."offset", series_id = s.series_id, '
        "business_date = s.business_date, decision = s.decision from ("
        "select distinct on (source_id, event_id) * from staged where seq = any($2) "
        "order by source_id, event_id, seq) s where k.tenant_id = $1 "
        "and k.source_id = s.source_id and k.event_id = s.event_id "
        "and k.payload_sha256 is null returning s.seq",
        tenant,
        seqs,
    )
    return [row["seq"] for row in rows]


async def unstage(connection: Connection, seqs: Sequence[int]) -> None:
    """Take events out of the transaction: they are duplicates or conflicts."""
    await connection.execute("delete from staged where seq = any($1)", seqs)


async def forget_keys(connection: Connection, tenant: str, seqs: Sequence[int]) -> None:
    """Give the identity of staged events back, so that a replay of the dead letter can have it.

    What a correction or retraction concerns is awaited from then on, as if it had never come.
    """
    await connection.execute(
        "update ingest.event_keys k set payload_sha256 = null, series_id = null, "
        "business_date = null, decision = null from staged s where s.seq = any($2) "
        "and k.tenant_id = $1 and k.source_id = s.source_id and k.event_id = s.event_id "
        "and exists (select from ingest.corrections c where c.tenant_id = $1 "
        "and c.source_id = k.source_id and c.event_id = k.event_id)",
        tenant,
        seqs,
    )
    await connection.execute(
        "delete from ingest.event_keys k using staged s where s.seq = any($2) "
        "and k.tenant_id = $1 and k.source_id = s.source_id and k.event_id = s.event_id "
        "and k.payload_sha256 is not null",
        tenant,
        seqs,
    )


async def insert_event_runs(
    connection: Connection, tenant: str, runs: Sequence[EventRun], *, received_at: datetime
) -> None:
    """Keep the original bytes of every accepted event."""
    await connection.execute(
        'insert into ingest.event_runs (tenant_id, log_id, "partition", first_offset, '
        "last_offset, n_events, received_at, late, originals) "
        'select $1, log_id, "partition", first_offset, last_offset, n_events, $2, '
        "late::int8multirange, originals from unnest($3::bigint[], $4::integer[], $5::bigint[], "
        "$6::bigint[], $7::integer[], $8::text[], $9::bytea[]) as r (log_id, "
        '"partition", first_offset, last_offset, n_events, late, originals)',
        tenant,
        received_at,
        [run.log_id for run in runs],
        [run.partition for run in runs],
        [run.first_offset for run in runs],
        [run.last_offset for run in runs],
        [run.n_events for run in runs],
        [run.late for run in runs],
        [run.originals for run in runs],
    )


async def insert_measurements(
    connection: Connection, tenant: str, runs: Sequence[Run]
) -> list[Change]:
    """Store what is measured, add it to the daily statistics, return what changed.

    Runs, and the pairs of decisions and outcomes that are staged without a `seq`.
    """
    rows = await connection.fetch(
        "with runs as (select series_id, date '2000-01-01' + day as business_date, log_id, "  # noqa: S608 - our own text
        '"partition", offsets::bigint[] as offsets, numbers::numeric[] as numbers, '
        "numerators::numeric[] as numerators, denominators::numeric[] as denominators "
        "from unnest($2::bigint[], $3::integer[], $4::bigint[], $5::integer[], $6::text[], "
        "$7::text[], $8::text[], $9::text[]) as r (series_id, day, log_id, "
        '"partition", offsets, numbers, numerators, denominators)), '
        'pairs as (select log_id, "partition", "offset", series_id, business_date, '
        "value::numeric as v from staged where seq is null), "
        "kept_runs as (insert into ingest.measurement_runs (tenant_id, series_id, business_date, "
        'log_id, "partition", offsets, numbers, numerators, denominators) '
        'select $1, series_id, business_date, log_id, "partition", offsets, numbers, numerators, '
        # Neighbours in the index are inserted, and kept, side by side.
        "denominators from runs order by series_id, business_date), "
        "kept_pairs as (insert into ingest.measurements (tenant_id, series_id, business_date, "
        'log_id, "partition", "offset", active, value) '
        'select $1, series_id, business_date, log_id, "partition", "offset", true, v from pairs '
        "order by series_id, business_date), "
        "measured as (select r.series_id, r.business_date, u.v, u.a, u.b from runs r "
        "cross join lateral unnest(r.numbers, r.numerators, r.denominators) as u (v, a, b) "
        "union all select series_id, business_date, v, null, null from pairs), "
        "daily as (insert into ingest.daily_statistics as d (tenant_id, series_id, business_date, "
        "n, sum, sum_squares, minimum, maximum, numerator, denominator, numerator_squares, "
        "denominator_squares, cross_product) "
        "select $1, series_id, business_date, count(*), coalesce(sum(v), 0), "
        "coalesce(sum(v * v), 0), min(v), max(v), coalesce(sum(a), 0), coalesce(sum(b), 0), "
        "coalesce(sum(a * a), 0), coalesce(sum(b * b), 0), coalesce(sum(a * b), 0) "
        "from measured group by series_id, business_date order by series_id, business_date "
        "on conflict (tenant_id, series_id, business_date) do update set n = d.n + excluded.n, "
        "sum = d.sum + excluded.sum, sum_squares = d.sum_squares + excluded.sum_squares, "
        "minimum = least(d.minimum, excluded.minimum), "
        "maximum = greatest(d.maximum, excluded.maximum), "
        "numerator = d.numerator + excluded.numerator, "
        "denominator = d.denominator + excluded.denominator, "
        "numerator_squares = d.numerator_squares + excluded.numerator_squares, "
        "denominator_squares = d.denominator_squares + excluded.denominator_squares, "
        "cross_product = d.cross_product + excluded.cross_product "
        "returning series_id, business_date) " + CHANGES_OF_DAILY,
        tenant,
        [run.series_id for run in runs],
        [run.day for run in runs],
        [run.log_id for run in runs],
        [run.partition for run in runs],
        [_array(run.offsets) for run in runs],
        [_array(run.numbers) for run in runs],
        [_array(run.numerators) for run in runs],
        [_array(run.denominators) for run in runs],
    )
    return [Change(**row) for row in rows]


def _array(members: Sequence[str]) -> str | None:
    """Write what PostgreSQL reads as an array; null where there is nothing."""
    return "{" + ",".join(members) + "}" if members else None
