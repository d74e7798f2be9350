"""Tables the baseline service owns. No other service reads or writes them.

Definitions and baselines are append-only: the migration's triggers refuse every update, delete
and truncate, whoever asks. A version is a row; what is current is the highest version.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from aivalue.runtime.outbox.table import outbox_table

metadata = MetaData(schema="baseline")

definitions = Table(
    "definitions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSONB, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

baselines = Table(
    "baselines",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("baseline_id", Text, primary_key=True),
    Column("initiative", Text, nullable=False),
    Column("kpi", Text, nullable=False),
    Column("kpi_version", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("start_day", Date, nullable=False),
    Column("end_day", Date, nullable=False),
    Column("units", JSONB, nullable=False),
    Column("exclusions", JSONB, nullable=False),
    Column("coverage", JSONB, nullable=False),
    Column("levels", JSONB, nullable=False),
    Column("level", Numeric, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("reconstructed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("snapshot", JSONB, nullable=False),
    Column("frozen_at", DateTime(timezone=True), nullable=False),
    Column("frozen_by", Text, nullable=False),
    Column("drafted_by", Text),
    Column("reviewed_by", Text),
    Column("merkle_root", Text),
    UniqueConstraint("tenant_id", "initiative", "kpi", "version", name="baselines_version"),
)

# The measurements themselves, apart, so that listing baselines never reads them.
baseline_content = Table(
    "baseline_content",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("baseline_id", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "baseline_id"],
        ["baseline.baselines.tenant_id", "baseline.baselines.baseline_id"],
        name="baseline_content_of",
    ),
)

# A draft becomes the baseline of the same id, byte for byte, once a second person has agreed.
drafts = Table(
    "drafts",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("baseline_id", Text, primary_key=True),
    Column("candidate", JSONB, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("drafted_at", DateTime(timezone=True), nullable=False),
    Column("drafted_by", Text, nullable=False),
)

reviews = Table(
    "reviews",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("baseline_id", Text, primary_key=True),
    Column("reviewed_by", Text, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("reviewed_at", DateTime(timezone=True), nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "baseline_id"],
        ["baseline.drafts.tenant_id", "baseline.drafts.baseline_id"],
        name="review_of",
    ),
)

# What an initiative rested on when it passed into a stage; `version` is the initiative's.
gates = Table(
    "gates",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("initiative", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("from_stage", Text),
    Column("to_stage", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", JSONB, nullable=False),
)

# Seals every row above but the measurements, which a baseline's row holds the digest of.
chain = Table(
    "chain",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

outbox = outbox_table(metadata)

APPEND_ONLY = (definitions, baselines, baseline_content, drafts, reviews, gates, chain)
