"""Say of every batch what it read again, so that its hash can be computed from what is stored.

Of a repetition nothing else is kept: 40 bytes each, its offset and its fingerprint.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table ingest.batches add column repeated bytea")
    op.execute(
        "comment on column ingest.batches.repeated is "
        "'Offset and fingerprint of every duplicate; null in batches from before there was this.'"
    )


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
