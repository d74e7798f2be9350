"""Logs, keys, raw events, what is derived from them, dead letters and the outbox.

Written in SQL because half of it (partitions, exclusion, collation, append-only) has no other form.
Text that is compared or sorted is collated "C": it means the same on every server, and sorts as
Python sorts.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LOGS = """
create table ingest.logs (
    tenant_id text collate "C" not null,
    log_id bigint generated always as identity,
    kind text not null check (kind in ('kafka', 'http')),
    topic text collate "C" not null,
    incarnation integer not null check (incarnation > 0),
    identity text not null,
    opened_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    closed_reason text,
    primary key (tenant_id, log_id),
    unique (tenant_id, topic, incarnation)
);
create unique index logs_one_open on ingest.logs (tenant_id, topic) where closed_at is null;
create table ingest.partitions (
    tenant_id text collate "C" not null,
    log_id bigint not null,
    "partition" integer not null check ("partition" >= 0),
    next_offset bigint not null check (next_offset >= 0),
    tail_sha256 bytea,
    head_hash bytea not null,
    epoch bigint not null default 0,
    owner text,
    generation integer,
    claimed_at timestamptz,
    state text not null default 'active' check (state in ('active', 'halted')),
    halt_reason text,
    primary key (tenant_id, log_id, "partition"),
    foreign key (tenant_id, log_id) references ingest.logs (tenant_id, log_id)
);
create table ingest.batches (
    tenant_id text collate "C" not null,
    log_id bigint not null,
    "partition" integer not null,
    first_offset bigint not null,
    next_offset bigint not null,
    epoch bigint not null,
    consumed integer not null check (consumed > 0),
    inserted integer not null check (inserted >= 0),
    duplicate integer not null check (duplicate >= 0),
    dead integer not null check (dead >= 0),
    sha256 bytea not null,
    prev_hash bytea not null,
    hash bytea not null,
    committed_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, log_id, "partition", first_offset),
    constraint batches_conserve check (consumed = inserted + duplicate + dead),
    constraint batches_hold_what_they_span check (next_offset - first_offset >= consumed),
    constraint batches_never_overlap exclude using gist (
        tenant_id with =, log_id with =, "partition" with =,
        int8range(first_offset, next_offset) with &&
    )
);
"""

_IDENTITIES = """
create table ingest.sources (
    tenant_id text collate "C" not null,
    source_id bigint generated always as identity,
    source text collate "C" not null,
    primary key (tenant_id, source_id),
    unique (tenant_id, source)
);
create table ingest.series (
    tenant_id text collate "C" not null,
    series_id bigint generated always as identity,
    kpi text collate "C" not null,
    unit text collate "C" not null,
    segment text collate "C" not null,
    arm text collate "C" not null,
    primary key (tenant_id, series_id),
    unique (tenant_id, kpi, unit, segment, arm)
);
create table ingest.event_keys (
    tenant_id text collate "C" not null,
    source_id bigint not null,
    event_id text collate "C" not null,
    payload_sha256 bytea,
    log_id bigint not null,
    "partition" integer not null,
    "offset" bigint not null,
    series_id bigint,
    business_date date,
    decision text collate "C",
    primary key (tenant_id, source_id, event_id)
);
comment on column ingest.event_keys.payload_sha256 is
    'Null while the event is only awaited: a retraction or correction of it came first.';
"""

_EVENTS = """
create table ingest.events (
    tenant_id text collate "C" not null,
    log_id bigint not null,
    "partition" integer not null,
    "offset" bigint not null,
    received_at timestamptz not null,
    log_timestamp timestamptz not null,
    source_id bigint not null,
    event_id text collate "C" not null,
    type text collate "C" not null,
    "time" timestamptz not null,
    key bytea,
    value bytea,
    headers json not null
) partition by range (received_at);
create index events_position on ingest.events
    using brin (log_id, "offset", received_at) with (pages_per_range = 32, autosummarize = on);
create table ingest.events_other partition of ingest.events default;
"""

_MEASUREMENTS = """
create table ingest.measurements (
    tenant_id text collate "C" not null,
    series_id bigint not null,
    business_date date not null,
    log_id bigint not null,
    "partition" integer not null,
    "offset" bigint not null,
    active boolean not null,
    value numeric,
    numerator numeric,
    denominator numeric,
    constraint measurements_value_or_parts check (
        (value is null) = (numerator is not null)
        and (numerator is null) = (denominator is null)
        and coalesce(value, numerator) not in ('NaN', 'Infinity', '-Infinity')
        and coalesce(denominator, 0) not in ('NaN', 'Infinity', '-Infinity')
    )
);
-- Not unique: event_keys says who counts, and an index of days is half the price of one of events.
create index measurements_day on ingest.measurements (tenant_id, series_id, business_date);
create table ingest.daily_statistics (
    tenant_id text collate "C" not null,
    series_id bigint not null,
    business_date date not null,
    n bigint not null check (n >= 0),
    sum numeric not null,
    sum_squares numeric not null,
    minimum numeric,
    maximum numeric,
    numerator numeric not null,
    denominator numeric not null,
    numerator_squares numeric not null,
    denominator_squares numeric not null,
    cross_product numeric not null,
    primary key (tenant_id, series_id, business_date)
) with (fillfactor = 70);
create table ingest.decisions (
    tenant_id text collate "C" not null,
    decision text collate "C" not null,
    model text collate "C",
    version text collate "C",
    unit text collate "C",
    segment text collate "C",
    arm text collate "C",
    initiative text collate "C",
    score numeric,
    threshold numeric,
    action text,
    propensity numeric,
    decided_at timestamptz,
    business_date date,
    active boolean not null default true,
    source_id bigint,
    event_id text collate "C",
    primary key (tenant_id, decision)
) with (fillfactor = 80);
create table ingest.outcomes (
    tenant_id text collate "C" not null,
    decision text collate "C" not null,
    kpi text collate "C" not null,
    label boolean not null,
    value numeric,
    recorded_at timestamptz not null,
    active boolean not null default true,
    source_id bigint not null,
    event_id text collate "C" not null,
    log_id bigint not null,
    "partition" integer not null,
    "offset" bigint not null,
    primary key (tenant_id, decision, kpi)
);
"""

_FACT = """
create table ingest.{name} (
    tenant_id text collate "C" not null,
    source_id bigint not null,
    event_id text collate "C" not null,
    "time" timestamptz not null,
    active boolean not null default true,
    {columns},
    primary key (tenant_id, source_id, event_id)
);
create index {name}_{by} on ingest.{name} (tenant_id, {by});
"""
_FACTS = {
    "interventions": ("initiative", """
        initiative text collate "C" not null, unit text collate "C" not null, arm text not null,
        start timestamptz not null, "end" timestamptz, assignment text not null,
        randomized_by text"""),
    "costs": ("initiative", """
        initiative text collate "C" not null, billed_cost numeric not null,
        billing_currency text not null, charge_period_start timestamptz not null,
        charge_period_end timestamptz not null, charge_category text not null,
        service_category text not null, treatment text not null, status text not null,
        category text not null, effective_cost numeric, description text not null,
        invoice_id text not null, tags json not null"""),
    "realizations": ("initiative", """
        initiative text collate "C" not null, kind text not null, cost_centre text not null,
        amount numeric not null, currency text not null, date date not null,
        document text not null"""),
    "model_versions": ("model", """
        model text collate "C" not null, version text collate "C" not null,
        artefact_hash text not null, training_data text not null, risk_tier text not null"""),
    "deployments": ("model", """
        model text collate "C" not null, version text collate "C" not null, state text not null,
        unit text collate "C" not null"""),
    "quality": ("model", """
        model text collate "C" not null, version text collate "C" not null, metric text not null,
        value numeric not null, window_start timestamptz not null,
        window_end timestamptz not null"""),
    "drift": ("model", """
        model text collate "C" not null, version text collate "C" not null, kind text not null,
        metric text not null, value numeric, unit text collate "C" not null"""),
}  # fmt: skip

_CORRECTIONS = """
create table ingest.corrections (
    tenant_id text collate "C" not null,
    source_id bigint not null,
    event_id text collate "C" not null,
    by_source_id bigint not null,
    by_event_id text collate "C" not null,
    kind text not null check (kind in ('retraction', 'correction')),
    recorded_at timestamptz not null,
    sequence text collate "C" not null,
    reason text not null,
    primary key (tenant_id, source_id, event_id, by_source_id, by_event_id)
);
create unique index corrections_one_retraction on ingest.corrections
    (tenant_id, source_id, event_id) where kind = 'retraction';
create index corrections_by on ingest.corrections (tenant_id, by_source_id, by_event_id);
create table ingest.dead_letters (
    tenant_id text collate "C" not null,
    dead_letter_id bigint generated always as identity,
    log_id bigint not null,
    "partition" integer not null,
    "offset" bigint not null,
    log_timestamp timestamptz not null,
    received_at timestamptz not null,
    reason text collate "C" not null,
    errors jsonb not null,
    source text,
    event_id text,
    key bytea,
    value bytea,
    headers json not null,
    status text collate "C" not null default 'open'
        check (status in ('open', 'replayed', 'discarded')),
    primary key (tenant_id, dead_letter_id),
    unique (tenant_id, log_id, "partition", "offset")
);
create index dead_letters_open on ingest.dead_letters (tenant_id, status, reason, dead_letter_id);
create table ingest.dead_letter_resolutions (
    tenant_id text collate "C" not null,
    dead_letter_id bigint not null,
    resolved_at timestamptz not null default clock_timestamp(),
    outcome text not null check (outcome in ('replayed', 'rejected_again', 'discarded')),
    resolved_by text not null,
    reason text not null,
    primary key (tenant_id, dead_letter_id, resolved_at)
);
create table ingest.outbox (
    tenant_id text not null,
    outbox_id bigint generated always as identity,
    topic text not null,
    key bytea,
    value bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, outbox_id)
);
"""

_APPEND_ONLY = """
create function ingest.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only', tg_table_schema, tg_table_name;
end $$;
"""
_APPEND_ONLY_TABLES = ("batches", "events", "dead_letter_resolutions")


def upgrade() -> None:
    # Exclusion over (tenant, log, partition) needs equality operators in a GiST index.
    op.execute("create extension if not exists btree_gist")
    facts = [
        _FACT.format(name=name, by=by, columns=columns) for name, (by, columns) in _FACTS.items()
    ]
    for script in (_LOGS, _IDENTITIES, _EVENTS, _MEASUREMENTS, *facts, _CORRECTIONS):
        for statement in script.split(";\n"):
            if statement.strip():
                op.execute(statement)
    op.execute(_APPEND_ONLY)
    for table in _APPEND_ONLY_TABLES:
        op.execute(
            f"create trigger {table}_append_only before update or delete on ingest.{table} "
            "for each statement execute function ingest.refuse_change()"
        )


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
