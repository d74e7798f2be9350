"""Mark events that came more than a day after their time; the mark is computed when it is read.

They count like any other. The mark is for whoever asks why a figure of the past has moved.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "alter table ingest.events add column late boolean "
        "generated always as (received_at - \"time\" > interval '1 day') virtual"
    )


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
