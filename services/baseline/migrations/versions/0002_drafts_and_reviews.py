"""Drafts that a second person reviews before they are frozen; append-only as the rest."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "baseline"


def upgrade() -> None:
    op.add_column("baselines", sa.Column("drafted_by", sa.Text), schema=SCHEMA)
    op.add_column("baselines", sa.Column("reviewed_by", sa.Text), schema=SCHEMA)
    op.create_table(
        "drafts",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("baseline_id", sa.Text, primary_key=True),
        sa.Column("candidate", JSONB, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drafted_by", sa.Text, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "reviews",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("baseline_id", sa.Text, primary_key=True),
        sa.Column("reviewed_by", sa.Text, primary_key=True),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "baseline_id"],
            ["baseline.drafts.tenant_id", "baseline.drafts.baseline_id"],
            name="review_of",
        ),
        schema=SCHEMA,
    )
    for table in ("drafts", "reviews"):
        for name, event, scope in (
            ("refuse_row_change", "update or delete", "row"),
            ("refuse_truncate", "truncate", "statement"),
        ):
            op.execute(
                f"create trigger {name} before {event} on {SCHEMA}.{table} "
                f"for each {scope} execute function baseline.refuse_change()"
            )
            op.execute(f"alter table {SCHEMA}.{table} enable always trigger {name}")
