"""Gate decisions with what they rested on; append-only as the rest."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gates",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("initiative", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("from_stage", sa.Text),
        sa.Column("to_stage", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", JSONB, nullable=False),
        schema="baseline",
    )
    for name, event, scope in (
        ("refuse_row_change", "update or delete", "row"),
        ("refuse_truncate", "truncate", "statement"),
    ):
        op.execute(
            f"create trigger {name} before {event} on baseline.gates "
            f"for each {scope} execute function baseline.refuse_change()"
        )
        op.execute(f"alter table baseline.gates enable always trigger {name}")
