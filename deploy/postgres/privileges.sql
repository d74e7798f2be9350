-- Evidence is written once: no service may change or remove a row of it. Run by a superuser after
-- the migrations, any number of times.
--
-- A migration says what evidence is by a trigger that refuses changes. This takes the privilege
-- away as well, so that two mistakes are needed, in two places, before evidence can change.

select format('revoke update, delete, truncate on %I.%I from %I', schema.nspname, evidence.relname, 'aivalue_' || schema.nspname)
from pg_class evidence
join pg_namespace schema on schema.oid = evidence.relnamespace
where schema.nspname in ('ingest', 'baseline', 'attribution', 'reporting')
    and exists (
        select from pg_trigger
        join pg_proc on pg_proc.oid = pg_trigger.tgfoid
        where pg_proc.proname = 'refuse_change'
            -- A partition can be written to past the trigger of the table it belongs to.
            and pg_trigger.tgrelid in (
                select evidence.oid union select relid from pg_partition_ancestors(evidence.oid)
            )
    )
\gexec

-- Which migration a schema is at is for the migrations alone to say.
select format('revoke insert, update, delete on %I.alembic_version from %I', service, 'aivalue_' || service)
from unnest(array['ingest', 'baseline', 'attribution', 'reporting']) as service
where to_regclass(format('%I.alembic_version', service)) is not null
\gexec
