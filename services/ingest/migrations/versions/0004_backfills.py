"""Which events came with which backfill, and which backfills were reverted.

Only events that a backfill brought have rows here. The row of `backfills` is what a batch that
brings events and a revert of them meet on: whoever comes second waits for the first and sees it.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = """
create table ingest.backfills (
    tenant_id text collate "C" not null,
    backfill text collate "C" not null,
    announced_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, backfill)
);
create table ingest.backfill_events (
    tenant_id text collate "C" not null,
    source_id bigint not null,
    event_id text collate "C" not null,
    backfill text collate "C" not null,
    primary key (tenant_id, source_id, event_id, backfill)
);
comment on column ingest.backfill_events.backfill is
    'Empty where the event came without a backfill too: then no revert concerns it.';
create index backfill_events_of on ingest.backfill_events
    (tenant_id, backfill, source_id, event_id);
create table ingest.backfill_reverts (
    tenant_id text collate "C" not null,
    backfill text collate "C" not null,
    by_source_id bigint not null,
    by_event_id text collate "C" not null,
    recorded_at timestamptz not null,
    reason text not null,
    primary key (tenant_id, backfill, by_source_id, by_event_id)
);
create index backfill_reverts_by on ingest.backfill_reverts
    (tenant_id, by_source_id, by_event_id);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
