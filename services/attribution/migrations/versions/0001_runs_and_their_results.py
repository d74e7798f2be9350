"""Valuation rules, runs with their results, the recompute queue and the outbox.

Evidence is append-only by triggers that are ALWAYS on: without ALWAYS, a superuser's
`session_replication_role = replica` would switch them off.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("valuation_rules", "runs", "effects", "effect_months", "checks", "benefits")

VALUATION_RULES = """
create table attribution.valuation_rules (
    tenant_id text not null,
    key text not null,
    version integer not null,
    initiative text not null,
    body jsonb not null,
    sha256 text not null,
    valid_from timestamptz default clock_timestamp() not null,
    recorded_at timestamptz default clock_timestamp() not null,
    recorded_by text not null,
    reason text not null,
    primary key (tenant_id, key, version),
    constraint version_counts_from_one check (version >= 1)
);
create index valuation_rules_by_initiative on attribution.valuation_rules (tenant_id, initiative);
"""

RUNS = """
create table attribution.runs (
    tenant_id text not null,
    run_id text not null,
    initiative text not null,
    number integer not null,
    status text not null,
    input_hash text not null,
    output_hash text not null,
    inputs text not null,
    outputs text not null,
    snapshots jsonb not null,
    snapshot_id text,
    code_version text not null,
    recorded_at timestamptz default clock_timestamp() not null,
    recorded_by text not null,
    reason text not null,
    primary key (tenant_id, run_id),
    constraint runs_number unique (tenant_id, initiative, number),
    constraint status_is_known check (status in ('completed', 'refused')),
    constraint number_counts_from_one check (number >= 1),
    constraint inputs_are_hashed
        check (input_hash = encode(sha256(convert_to(inputs, 'UTF8')), 'hex')),
    constraint outputs_are_hashed
        check (output_hash = encode(sha256(convert_to(outputs, 'UTF8')), 'hex'))
);
"""

EFFECTS = """
create table attribution.effects (
    tenant_id text not null,
    run_id text not null,
    kpi text not null,
    scope text not null,
    initiative text not null,
    verdict text not null,
    grade text,
    refusal text,
    estimator text,
    estimator_version text,
    confidence double precision,
    n_treated bigint,
    n_control bigint,
    degrees_of_freedom double precision,
    covariance double precision[][],
    primary key (tenant_id, run_id, kpi, scope),
    foreign key (tenant_id, run_id) references attribution.runs (tenant_id, run_id),
    constraint refused_or_estimated check ((refusal is null) = (covariance is not null))
);
"""

EFFECT_MONTHS = """
create table attribution.effect_months (
    tenant_id text not null,
    run_id text not null,
    kpi text not null,
    scope text not null,
    start date not null,
    "end" date not null,
    point double precision not null,
    low double precision not null,
    high double precision not null,
    standard_error double precision not null,
    volume double precision not null,
    observed double precision not null,
    primary key (tenant_id, run_id, kpi, scope, start),
    foreign key (tenant_id, run_id, kpi, scope)
        references attribution.effects (tenant_id, run_id, kpi, scope),
    constraint interval_holds_point check (low <= point and point <= high)
);
"""

CHECKS = """
create table attribution.checks (
    tenant_id text not null,
    run_id text not null,
    kpi text not null,
    scope text not null,
    name text not null,
    status text not null,
    p_value double precision,
    detail text not null,
    primary key (tenant_id, run_id, kpi, scope, name),
    foreign key (tenant_id, run_id, kpi, scope)
        references attribution.effects (tenant_id, run_id, kpi, scope),
    constraint status_is_known check (status in ('passed', 'failed', 'not_applicable'))
);
"""

BENEFITS = """
create table attribution.benefits (
    tenant_id text not null,
    run_id text not null,
    rule text not null,
    month date not null,
    initiative text not null,
    rule_version integer not null,
    kpi text not null,
    category text not null,
    lever text not null,
    recurrence text not null,
    currency text not null,
    quantity numeric not null,
    point numeric not null,
    low numeric not null,
    high numeric not null,
    lower_bound numeric not null,
    risk_adjusted numeric not null,
    grade text not null,
    status text not null,
    primary key (tenant_id, run_id, rule, month),
    foreign key (tenant_id, run_id) references attribution.runs (tenant_id, run_id),
    constraint status_is_known check (status in ('attributed')),
    constraint range_holds_point check (low <= point and point <= high),
    constraint is_finite check (quantity < 'Infinity' and high < 'Infinity' and low > '-Infinity')
);
"""

RECOMPUTE = """
create table attribution.recompute (
    tenant_id text not null,
    initiative text not null,
    marks bigint default 0 not null,
    done bigint default 0 not null,
    first_marked_at timestamptz default clock_timestamp() not null,
    marked_at timestamptz default clock_timestamp() not null,
    reason text not null,
    attempts integer default 0 not null,
    not_before timestamptz default clock_timestamp() not null,
    last_error text,
    epoch bigint default 0 not null,
    claimed_until timestamptz,
    primary key (tenant_id, initiative),
    constraint done_was_marked check (done <= marks)
);
create index recompute_stale on attribution.recompute (first_marked_at) where marks > done;
"""

OUTBOX = """
create table attribution.outbox (
    tenant_id text not null,
    outbox_id bigint generated always as identity,
    topic text not null,
    key bytea,
    value bytea not null,
    recorded_at timestamptz default clock_timestamp() not null,
    primary key (tenant_id, outbox_id)
);
"""

REFUSE = """
create function attribution.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'attribution.% is append-only: % is refused', tg_table_name, tg_op
        using errcode = 'restrict_violation';
end $$
"""


def upgrade() -> None:
    for statements in (
        VALUATION_RULES,
        RUNS,
        EFFECTS,
        EFFECT_MONTHS,
        CHECKS,
        BENEFITS,
        RECOMPUTE,
        OUTBOX,
    ):
        for statement in statements.strip().rstrip(";").split(";\n"):
            op.execute(statement)
    op.execute(REFUSE)
    for table in APPEND_ONLY:
        for name, event, scope in (
            ("refuse_row_change", "update or delete", "row"),
            ("refuse_truncate", "truncate", "statement"),
        ):
            op.execute(
                f"create trigger {name} before {event} on attribution.{table} "
                f"for each {scope} execute function attribution.refuse_change()"
            )
            op.execute(f"alter table attribution.{table} enable always trigger {name}")


def downgrade() -> None:
    for table in ("outbox", "recompute", *reversed(APPEND_ONLY)):
        op.execute(f"drop table attribution.{table}")
    op.execute("drop function attribution.refuse_change()")
