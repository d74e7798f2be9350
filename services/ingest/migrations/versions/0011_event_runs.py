"""Raw events as runs: what a stretch of the log holds is one compressed row.

Rows of `ingest.events` are packed and the table is dropped: every record is kept, byte for byte.
The format is written out here as it was on the day: a zstd frame of a MessagePack array of
[offset, milliseconds since 1970, key, value, [[header, value], ..]].
"""

import base64
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import cramjam
import msgspec
from alembic import op
from sqlalchemy import Connection, Row, text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_RUN_EVENTS = 512
_PAGE = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TABLE = """
create table ingest.event_runs (
    tenant_id text collate "C" not null,
    log_id bigint not null,
    "partition" integer not null,
    first_offset bigint not null,
    last_offset bigint not null,
    n_events integer not null check (n_events > 0),
    received_at timestamptz not null,
    late int8multirange,
    originals bytea not null,
    primary key (tenant_id, log_id, "partition", first_offset, received_at),
    constraint event_runs_hold_what_they_span check (last_offset - first_offset >= n_events - 1)
) partition by range (received_at);
comment on column ingest.event_runs.late is
    'Spans of offsets of events that came more than a day after their time; null where none did.';
comment on column ingest.event_runs.originals is
    'A zstd frame of a MessagePack array of [offset, ms since 1970, key, value, headers].';
alter table ingest.event_runs alter originals set storage external;
create table ingest.event_runs_other partition of ingest.event_runs default
"""
_FUNCTION = """
create or replace function ingest.create_event_month(first date) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
    month text := 'event_runs_' || to_char(first, 'YYYY_MM');
    following date := (first + interval '1 month')::date;
begin
    if first <> date_trunc('month', first) then
        raise exception '% is not the first day of a month', first;
    end if;
    -- Two programs that start together would both find the month missing.
    perform pg_advisory_xact_lock(hashtext('aivalue.ingest.event_months'));
    -- A month that has begun in the default partition, because its own came too late, ends there:
    -- evidence is not moved. Looked for first, for creating it would lock out who writes.
    if to_regclass('ingest.' || month) is not null or exists (select from ingest.event_runs_other
        where received_at >= first and received_at < following) then
        return;
    end if;
    execute format(
        'create table ingest.%I partition of ingest.event_runs for values from (%L) to (%L)',
        month, first, following);
    execute format(
        'create trigger %I before update or delete on ingest.%I '
        'for each statement execute function ingest.refuse_change()',
        month || '_append_only', month);
exception when check_violation then
    -- It has begun just now.
    return;
end $$
"""
_ROWS = """
declare raw_events no scroll cursor for
select tenant_id, log_id, "partition", received_at, "offset", log_timestamp, key, value,
    headers::text as headers, late from ingest.events
order by tenant_id, log_id, "partition", received_at, "offset"
"""
_INSERT = """
insert into ingest.event_runs (tenant_id, log_id, "partition", first_offset, last_offset, n_events,
    received_at, late, originals) values (:tenant_id, :log_id, :partition, :first_offset,
    :last_offset, :n_events, :received_at, cast(cast(:late as text) as int8multirange), :originals)
"""


def upgrade() -> None:
    """Make the table, pack what is there, and drop what it was packed from."""
    for statement in _TABLE.split(";\n"):
        op.execute(statement)
    op.execute(_FUNCTION)
    for table in ("event_runs", "event_runs_other"):
        op.execute(
            f"create trigger {table}_append_only before update or delete on ingest.{table} "
            "for each statement execute function ingest.refuse_change()"
        )
    _pack()
    op.execute("drop table ingest.events")


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")


def _pack() -> None:
    connection = op.get_bind()
    months = "select distinct date_trunc('month', received_at)::date from ingest.events"
    for (first,) in connection.execute(text(months)).all():
        connection.execute(text("select ingest.create_event_month(:first)"), {"first": first})
    n_packed = 0
    for _, rows in itertools.groupby(_rows(connection), key=_stretch):
        while run := list(itertools.islice(rows, _RUN_EVENTS)):
            connection.execute(text(_INSERT), _packed(run))
            n_packed += len(run)
    n_events = connection.execute(text("select count(*) from ingest.events")).scalar_one()
    if n_packed != n_events:
        raise RuntimeError(f"{n_packed} of {n_events} raw events were packed")


def _rows(connection: Connection) -> Iterator[Row[Any]]:
    connection.execute(text(_ROWS))
    while page := connection.execute(text(f"fetch {_PAGE} from raw_events")).all():
        yield from page
    connection.execute(text("close raw_events"))


def _stretch(row: Row[Any]) -> tuple[object, ...]:
    return row.tenant_id, row.log_id, row.partition, row.received_at


def _packed(rows: Sequence[Row[Any]]) -> dict[str, object]:
    first, last = rows[0], rows[-1]
    records = [
        (row.offset, _milliseconds(row.log_timestamp), row.key, row.value, _headers(row.headers))
        for row in rows
    ]
    return {
        "tenant_id": first.tenant_id,
        "log_id": first.log_id,
        "partition": first.partition,
        "first_offset": first.offset,
        "last_offset": last.offset,
        "n_events": len(rows),
        "received_at": first.received_at,
        "late": _spans(rows),
        "originals": bytes(cramjam.zstd.compress(msgspec.msgpack.encode(records), 1)),
    }


def _spans(rows: Sequence[Row[Any]]) -> str | None:
    groups = itertools.groupby(rows, key=lambda row: bool(row.late))
    spans = [list(group) for is_late, group in groups if is_late]
    texts = [f"[{span[0].offset},{span[-1].offset + 1})" for span in spans]
    return "{" + ",".join(texts) + "}" if texts else None


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _headers(said: str) -> list[tuple[str, bytes | None]]:
    """Read headers as they were kept: text, or base64 where it was none."""
    return [
        (name, base64.b64decode(text["base64"]) if isinstance(text, dict) else _encoded(text))
        for name, text in msgspec.json.decode(said)
    ]


def _encoded(said: str | None) -> bytes | None:
    return None if said is None else said.encode()
