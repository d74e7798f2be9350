"""Find one measurement without reading its day, and let no day hold what nothing adds up to.

What is withdrawn is subtracted from its day, so its value is looked up by its place in the log.
The indices still begin with the day: they serve whoever reads all of it too.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = """
create index measurement_runs_place on ingest.measurement_runs
    (tenant_id, series_id, business_date, "partition", log_id, (offsets[1]));
drop index ingest.measurement_runs_day;
create index measurements_place on ingest.measurements
    (tenant_id, series_id, business_date, "partition", log_id, "offset");
drop index ingest.measurements_day;
alter table ingest.daily_statistics add constraint daily_statistics_of_nothing_are_zero check (
    n > 0 or (sum = 0 and sum_squares = 0 and minimum is null and maximum is null
        and numerator = 0 and denominator = 0 and numerator_squares = 0
        and denominator_squares = 0 and cross_product = 0)
)
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
