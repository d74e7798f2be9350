-- One role and one schema per service; nobody reads another's tables. Run by a superuser, any
-- number of times, before the migrations.
--
-- aivalue_migrations owns the schemas and every table in them. A service's own role reads and
-- writes rows and can change no table, so that the triggers and the missing privileges which keep
-- evidence unchanged cannot be switched off by the program that writes it.

select format('create role %I login nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls', role)
from unnest(array[
    'aivalue_migrations', 'aivalue_ingest', 'aivalue_baseline', 'aivalue_attribution', 'aivalue_reporting'
]) as role
where not exists (select from pg_roles where rolname = role)
\gexec

select format('revoke all on database %I from public', current_database())
\gexec
revoke all on schema public from public;

select format('grant connect on database %I to %I', current_database(), role)
from unnest(array[
    'aivalue_migrations', 'aivalue_ingest', 'aivalue_baseline', 'aivalue_attribution', 'aivalue_reporting'
]) as role
\gexec

-- Ingest stages each batch in a temporary table.
select format('grant temporary on database %I to aivalue_ingest', current_database())
\gexec

-- Ingest's ranges of stored offsets may not overlap; only a superuser may add an extension here.
create extension if not exists btree_gist with schema public;

select format(statement, service)
from unnest(array['ingest', 'baseline', 'attribution', 'reporting']) as service,
    unnest(array[
        'create schema if not exists %1$I authorization aivalue_migrations',
        'grant usage on schema %1$I to aivalue_%1$s',
        -- Tables that a later migration adds are covered as well.
        'alter default privileges for role aivalue_migrations in schema %1$I '
            'grant select, insert, update, delete on tables to aivalue_%1$s',
        'alter default privileges for role aivalue_migrations in schema %1$I '
            'grant usage, select on sequences to aivalue_%1$s',
        'alter default privileges for role aivalue_migrations in schema %1$I '
            'grant execute on functions to aivalue_%1$s'
    ]) with ordinality as each (statement, step)
order by service, step
\gexec
