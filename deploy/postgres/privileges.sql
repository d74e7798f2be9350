-- Evidence is written once: no service may change or remove a row of these tables. Run by a
-- superuser after the migrations, any number of times. A table that a release has not yet is
-- passed over; tests/deploy holds this list against what the migrations create.

select format('revoke update, delete, truncate on %I.%I from %I', evidence.schema, evidence.name, 'aivalue_' || evidence.schema)
from (values
    ('ingest', 'raw_events')
) as evidence (schema, name)
where to_regclass(format('%I.%I', evidence.schema, evidence.name)) is not null
\gexec

-- Which migration a schema is at is for the migrations alone to say.
select format('revoke insert, update, delete on %I.alembic_version from %I', service, 'aivalue_' || service)
from unnest(array['ingest', 'baseline', 'attribution', 'reporting']) as service
where to_regclass(format('%I.alembic_version', service)) is not null
\gexec
