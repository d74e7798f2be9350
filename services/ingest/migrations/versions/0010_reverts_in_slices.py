"""A revert may reach up to one event of its backfill, so that a large one is many small ones."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "alter table ingest.backfill_reverts add through_source_id bigint, "
        'add through_event_id text collate "C", add constraint backfill_reverts_through '
        "check ((through_source_id is null) = (through_event_id is null))"
    )
    op.execute(
        "comment on column ingest.backfill_reverts.through_event_id is "
        "'The last event that it concerns, by source id and event id; null where it is all.'"
    )


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
