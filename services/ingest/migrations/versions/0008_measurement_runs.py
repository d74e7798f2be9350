"""Measurements as runs: what a stretch of the log says of one series and day is one row.

Rows of `measurements` stay where they are and count as before; new ones are of pairs only.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = """
create table ingest.measurement_runs (
    tenant_id text collate "C" not null,
    series_id bigint not null,
    business_date date not null,
    log_id bigint not null,
    "partition" integer not null,
    offsets bigint[] not null,
    numbers numeric[],
    numerators numeric[],
    denominators numeric[],
    constraint measurement_runs_numbers_or_parts check (
        cardinality(offsets) = case when numbers is null then cardinality(numerators)
            else cardinality(numbers) end
        and (numbers is null) = (numerators is not null)
        and (numerators is null) = (denominators is null)
        and (denominators is null or cardinality(denominators) = cardinality(numerators))
    ),
    constraint measurement_runs_finite check (
        not coalesce(numbers, numerators) && array['NaN', 'Infinity', '-Infinity']::numeric[]
        and (denominators is null
            or not denominators && array['NaN', 'Infinity', '-Infinity']::numeric[])
    )
);
create index measurement_runs_day on ingest.measurement_runs
    (tenant_id, series_id, business_date);
create table ingest.measurements_withdrawn (
    tenant_id text collate "C" not null,
    series_id bigint not null,
    business_date date not null,
    log_id bigint not null,
    "partition" integer not null,
    "offset" bigint not null,
    primary key (tenant_id, series_id, business_date, log_id, "partition", "offset")
);
comment on table ingest.measurements_withdrawn is
    'Places in runs that do not count: retracted, superseded, or of a reverted backfill.';
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
