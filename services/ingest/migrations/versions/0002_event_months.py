"""A function that adds a month to the raw events, for a service that may not change tables.

It runs with the rights of the tables' owner and takes a date only. A partition can be written to
past the trigger of the table it belongs to, so every month gets a trigger of its own.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FUNCTION = """
create function ingest.create_event_month(first date) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    month text := 'events_' || to_char(first, 'YYYY_MM');
begin
    if first <> date_trunc('month', first) then
        raise exception '% is not the first day of a month', first;
    end if;
    -- Two programs that start together would both find the month missing.
    perform pg_advisory_xact_lock(hashtext('aivalue.ingest.event_months'));
    if to_regclass('ingest.' || month) is null then
        execute format(
            'create table ingest.%I partition of ingest.events for values from (%L) to (%L)',
            month, first, (first + interval '1 month')::date);
        execute format(
            'create trigger %I before update or delete on ingest.%I '
            'for each statement execute function ingest.refuse_change()',
            month || '_append_only', month);
    end if;
end $$
"""


def upgrade() -> None:
    op.execute(_FUNCTION)
    op.execute("revoke all on function ingest.create_event_month(date) from public")
    op.execute(
        "create trigger events_other_append_only before update or delete on ingest.events_other "
        "for each statement execute function ingest.refuse_change()"
    )


def downgrade() -> None:
    raise NotImplementedError("events are never dropped by a migration")
