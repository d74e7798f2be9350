"""Find the events of a stretch by an index that tells partitions apart.

Partitions stand at different offsets at the same time. From least to greatest, the offsets of a
range of pages then held nearly every stretch that was asked for, and `aivalue ingest verify` read
half the table for each. Several spans a range, and the partition beside them, name a few pages.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("drop index ingest.events_position")
    op.execute(
        'create index events_position on ingest.events using brin (log_id, "partition", '
        '"offset" int8_minmax_multi_ops, received_at) '
        "with (pages_per_range = 32, autosummarize = on)"
    )


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
