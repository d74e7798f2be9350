-- Evidence is written once: no service may change or remove a row of these tables. Run by a
-- superuser after the migrations, any number of times. tests/deploy holds this list against the
-- tables that have a trigger which refuses changes.

select format('revoke update, delete, truncate on %I.%I from %I', evidence.schema, evidence.name, 'aivalue_' || evidence.schema)
from (values
    ('ingest', 'batches'),
    ('ingest', 'dead_letter_resolutions'),
    ('ingest', 'events'),
    ('baseline', 'baseline_content'),
    ('baseline', 'baselines'),
    ('baseline', 'definitions'),
    ('attribution', 'benefits'),
    ('attribution', 'checks'),
    ('attribution', 'effect_months'),
    ('attribution', 'effects'),
    ('attribution', 'runs'),
    ('attribution', 'valuation_rules')
) as evidence (schema, name)
\gexec

-- Which migration a schema is at is for the migrations alone to say.
select format('revoke insert, update, delete on %I.alembic_version from %I', service, 'aivalue_' || service)
from unnest(array['ingest', 'baseline', 'attribution', 'reporting']) as service
where to_regclass(format('%I.alembic_version', service)) is not null
\gexec
