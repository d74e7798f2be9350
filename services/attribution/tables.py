"""Tables the attribution service owns. No other service reads or writes them.

Runs and what hangs on them are evidence: triggers refuse every change. Only `recompute` (what is
stale, and who is at it) and the outbox are working memory.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from aivalue.runtime.outbox.table import outbox_table

metadata = MetaData(schema="attribution")
_NOW = func.clock_timestamp()
_RUN = ("tenant_id", "run_id")
_EFFECT = ("tenant_id", "run_id", "kpi", "scope")


def _of_run() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(_RUN, [f"attribution.runs.{name}" for name in _RUN])


def _of_effect() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(_EFFECT, [f"attribution.effects.{name}" for name in _EFFECT])


valuation_rules = Table(
    "valuation_rules",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("initiative", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("version >= 1", name="version_counts_from_one"),
    Index("valuation_rules_by_initiative", "tenant_id", "initiative"),
)

runs = Table(
    "runs",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("initiative", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("input_hash", Text, nullable=False),
    Column("output_hash", Text, nullable=False),
    # Text, not jsonb: these are the bytes that were hashed, and jsonb would rewrite them.
    Column("inputs", Text, nullable=False),
    Column("outputs", Text, nullable=False),
    Column("snapshots", JSONB, nullable=False),
    Column("snapshot_id", Text),
    Column("code_version", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("tenant_id", "initiative", "number", name="runs_number"),
    CheckConstraint("status in ('completed', 'refused')", name="status_is_known"),
    CheckConstraint("number >= 1", name="number_counts_from_one"),
    CheckConstraint(
        "input_hash = encode(sha256(convert_to(inputs, 'UTF8')), 'hex')", name="inputs_are_hashed"
    ),
    CheckConstraint(
        "output_hash = encode(sha256(convert_to(outputs, 'UTF8')), 'hex')",
        name="outputs_are_hashed",
    ),
)

effects = Table(
    "effects",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("kpi", Text, primary_key=True),
    # The unit that the effect speaks of; '' is all units together.
    Column("scope", Text, primary_key=True),
    Column("initiative", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("grade", Text),
    Column("refusal", Text),
    Column("estimator", Text),
    Column("estimator_version", Text),
    Column("confidence", Double),
    Column("n_treated", BigInteger),
    Column("n_control", BigInteger),
    Column("degrees_of_freedom", Double),
    # In the order of the months; null where the estimate was refused.
    Column("covariance", ARRAY(Double, dimensions=2)),
    _of_run(),
    CheckConstraint("(refusal is null) = (covariance is not null)", name="refused_or_estimated"),
)

effect_months = Table(
    "effect_months",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("kpi", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("start", Date, primary_key=True),
    Column("end", Date, nullable=False),
    Column("point", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("standard_error", Double, nullable=False),
    Column("volume", Double, nullable=False),
    Column("observed", Double, nullable=False),
    _of_effect(),
    CheckConstraint("low <= point and point <= high", name="interval_holds_point"),
)

checks = Table(
    "checks",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("kpi", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("p_value", Double),
    Column("detail", Text, nullable=False),
    _of_effect(),
    CheckConstraint("status in ('passed', 'failed', 'not_applicable')", name="status_is_known"),
)

benefits = Table(
    "benefits",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("month", Date, primary_key=True),
    Column("initiative", Text, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("kpi", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("lever", Text, nullable=False),
    Column("recurrence", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("point", Numeric, nullable=False),
    Column("low", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    Column("lower_bound", Numeric, nullable=False),
    Column("risk_adjusted", Numeric, nullable=False),
    Column("grade", Text, nullable=False),
    Column("status", Text, nullable=False),
    _of_run(),
    CheckConstraint("status in ('attributed')", name="status_is_known"),
    CheckConstraint("low <= point and point <= high", name="range_holds_point"),
    # NUMERIC takes NaN and infinities, and both compare as larger than every number.
    CheckConstraint(
        "quantity < 'Infinity' and high < 'Infinity' and low > '-Infinity'", name="is_finite"
    ),
)

recompute = Table(
    "recompute",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("initiative", Text, primary_key=True),
    # Stale where marks > done: a mark that arrives while a run goes on is not lost.
    Column("marks", BigInteger, nullable=False, server_default=text("0")),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("first_marked_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("marked_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("not_before", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("last_error", Text),
    # Who is at it: the epoch fences out a run that lost its claim.
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("claimed_until", DateTime(timezone=True)),
    CheckConstraint("done <= marks", name="done_was_marked"),
    Index("recompute_stale", "first_marked_at", postgresql_where=text("marks > done")),
)

outbox = outbox_table(metadata)
EVIDENCE = (valuation_rules, runs, effects, effect_months, checks, benefits)
