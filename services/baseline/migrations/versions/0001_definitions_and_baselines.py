"""Definitions, baselines with their measurements, outbox; append-only by ALWAYS triggers.

Without ALWAYS a superuser's `session_replication_role = replica` would switch the triggers off.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "baseline"
APPEND_ONLY = ("definitions", "baselines", "baseline_content")


def upgrade() -> None:
    _create_definitions()
    _create_baselines()
    _create_outbox()
    op.execute(
        """
        create function baseline.refuse_change() returns trigger language plpgsql as $$
        begin
          raise exception 'baseline.% is append-only: % is refused', tg_table_name, tg_op
            using errcode = 'restrict_violation';
        end $$
        """
    )
    for table in APPEND_ONLY:
        for name, event, scope in (
            ("refuse_row_change", "update or delete", "row"),
            ("refuse_truncate", "truncate", "statement"),
        ):
            op.execute(
                f"create trigger {name} before {event} on {SCHEMA}.{table} "
                f"for each {scope} execute function baseline.refuse_change()"
            )
            op.execute(f"alter table {SCHEMA}.{table} enable always trigger {name}")


def _create_definitions() -> None:
    op.create_table(
        "definitions",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        schema=SCHEMA,
    )


def _create_baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("baseline_id", sa.Text, primary_key=True),
        sa.Column("initiative", sa.Text, nullable=False),
        sa.Column("kpi", sa.Text, nullable=False),
        sa.Column("kpi_version", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("start_day", sa.Date, nullable=False),
        sa.Column("end_day", sa.Date, nullable=False),
        sa.Column("units", JSONB, nullable=False),
        sa.Column("exclusions", JSONB, nullable=False),
        sa.Column("coverage", JSONB, nullable=False),
        sa.Column("levels", JSONB, nullable=False),
        sa.Column("level", sa.Numeric, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("reconstructed", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("snapshot", JSONB, nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_by", sa.Text, nullable=False),
        sa.UniqueConstraint("tenant_id", "initiative", "kpi", "version", name="baselines_version"),
        schema=SCHEMA,
    )
    op.create_table(
        "baseline_content",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("baseline_id", sa.Text, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "baseline_id"],
            ["baseline.baselines.tenant_id", "baseline.baselines.baseline_id"],
            name="baseline_content_of",
        ),
        schema=SCHEMA,
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("outbox_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.clock_timestamp(),
        ),
        schema=SCHEMA,
    )
