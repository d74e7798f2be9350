"""When a partition was last claimed or advanced: the lease that keeps two from fighting.

`generation` goes: it was to hold Kafka's, which means nothing across groups and begins at 1 again
where a group was forgotten.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table ingest.partitions add column renewed_at timestamptz")
    op.execute("alter table ingest.partitions drop column generation")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
