"""Keep every event that states a decision or an outcome, so that a correction can be withdrawn.

Until now a correction overwrote what it replaced. Rows that are here stay; of several that hold,
the one that was recorded last counts. What whoever pairs halves of a decision meets on is a row of
its own now, for a decision may have many rows, and an outcome may come before any.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLUMNS = """
alter table ingest.{table}
    add column recorded_at timestamptz,
    add column sequence text collate "C" not null default '',
    add column corrects boolean not null default false;
update ingest.{table} t set recorded_at = t.{time}, corrects = exists (
    select from ingest.corrections c where c.tenant_id = t.tenant_id and c.kind = 'correction'
    and c.by_source_id = t.source_id and c.by_event_id = t.event_id);
alter table ingest.{table}
    alter column recorded_at set not null,
    alter column sequence drop default,
    alter column corrects drop default,
    drop constraint {table}_pkey,
    add primary key (tenant_id, {key}, source_id, event_id);
comment on column ingest.{table}.corrects is 'Whether the event supersedes another one.';
"""
_LOCKS = """
create table ingest.decision_locks (
    tenant_id text collate "C" not null,
    decision text collate "C" not null,
    primary key (tenant_id, decision)
);
insert into ingest.decision_locks (tenant_id, decision)
    select tenant_id, decision from ingest.decisions;
delete from ingest.decisions where model is null;
alter table ingest.outcomes rename column recorded_at to came_at;
"""


def upgrade() -> None:
    decisions = _COLUMNS.format(table="decisions", time="decided_at", key="decision")
    outcomes = _COLUMNS.format(table="outcomes", time="came_at", key="decision, kpi")
    for script in (_LOCKS, decisions, outcomes):
        for statement in script.split(";\n"):
            if statement.strip():
                op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
