"""The roles of production let every service do its work, and nothing to its evidence."""

import os
import subprocess
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from aivalue.runtime.embedded.postgres import postgres_programs
from aivalue.runtime.migrations import migrate
from aivalue.runtime.settings import DatabaseSettings

SCRIPTS = Path("deploy/postgres").resolve()
SERVICES = ("ingest", "baseline", "attribution", "reporting")
# Quotes and a psql meta-command: a password is data wherever it goes.
PASSWORD = "p'w \"x\\d $HOME"  # noqa: S105 - of a server that is thrown away

EVIDENCE = {
    "ingest.event_runs",
    "ingest.event_runs_other",
    "ingest.batches",
    "baseline.definitions",
    "baseline.baselines",
    "baseline.baseline_content",
    "attribution.runs",
    "attribution.effects",
    "attribution.effect_months",
    "attribution.checks",
    "attribution.benefits",
    "attribution.valuation_rules",
}


@pytest.fixture
async def production(database_url: str, tmp_path: Path) -> str:
    """Address of a database set up as docker-compose.yml does it."""
    roles = ("migrations", *SERVICES)
    for name in ("postgres_password", *(f"{role}_database_password" for role in roles)):
        (tmp_path / name).write_text(PASSWORD + "\n")

    run_script("roles.sh", database_url, tmp_path)
    run_script("roles.sh", database_url, tmp_path)
    for service in SERVICES:
        await migrate(as_role(database_url, "migrations"), service)
    run_script("privileges.sh", database_url, tmp_path)
    return database_url


def run_script(name: str, database_url: str, secrets: Path) -> None:
    server, database = database_url.removeprefix("postgresql://postgres@").split("/")
    host, port = server.split(":")
    environment = {
        "PATH": f"{postgres_programs()}:{os.environ['PATH']}",
        "PGHOST": host,
        "PGPORT": port,
        "PGUSER": "postgres",
        "PGDATABASE": database,
        "SECRETS_DIR": str(secrets),
    }
    done = subprocess.run(
        ["sh", str(SCRIPTS / name)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def as_role(database_url: str, role: str) -> DatabaseSettings:
    return DatabaseSettings(
        url=SecretStr(database_url.replace("postgres@", f"aivalue_{role}@")),
        password=SecretStr(PASSWORD),
    )


async def test_a_service_reads_and_writes_its_own_schema_and_sees_no_other(
    production: str,
) -> None:
    tables = await tables_by_schema(production)
    for service in SERVICES:
        connection = await asyncpg.connect(production.replace("postgres@", f"aivalue_{service}@"))
        try:
            for schema, names in tables.items():
                for name in names:
                    question = f'select count(*) from "{schema}"."{name}"'  # noqa: S608 - names of our own
                    if schema == service:
                        await connection.fetchval(question)
                    else:
                        with pytest.raises(asyncpg.InsufficientPrivilegeError):
                            await connection.fetchval(question)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"create table {service}.mine (a int)")
        finally:
            await connection.close()


async def test_no_service_may_change_its_evidence(production: str) -> None:
    admin = await asyncpg.connect(production)
    try:
        allowed = await admin.fetch(
            "select table_schema as schema, table_name as name, privilege_type "
            "from information_schema.role_table_grants "
            "where grantee = 'aivalue_' || table_schema "
            "and privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE')"
        )
    finally:
        await admin.close()

    changeable = {f"{row['schema']}.{row['name']}" for row in allowed}
    assert not EVIDENCE & changeable
    assert {"attribution.outbox", "ingest.partitions", "reporting.snapshots"} <= changeable


async def test_no_role_is_more_than_it_needs_to_be(production: str) -> None:
    admin = await asyncpg.connect(production)
    try:
        roles = await admin.fetch(
            "select rolname, rolsuper or rolcreaterole or rolcreatedb or rolbypassrls "
            "or rolreplication as strong, rolcanlogin from pg_roles where rolname like 'aivalue%'"
        )
        hash_of = await admin.fetchval(
            "select rolpassword from pg_authid where rolname = 'aivalue_ingest'"
        )
    finally:
        await admin.close()

    assert {row["rolname"] for row in roles} == {
        f"aivalue_{name}" for name in ("migrations", *SERVICES)
    }
    assert all(row["rolcanlogin"] and not row["strong"] for row in roles)
    assert hash_of.startswith("SCRAM-SHA-256$")


async def tables_by_schema(address: str) -> dict[str, list[str]]:
    admin = await asyncpg.connect(address)
    try:
        rows = await admin.fetch(
            "select schemaname, array_agg(tablename) as names from pg_tables "
            "where schemaname = any($1::text[]) group by schemaname",
            list(SERVICES),
        )
    finally:
        await admin.close()
    return {row["schemaname"]: row["names"] for row in rows}


async def test_ingest_may_add_a_month_of_events_and_change_none_of_it(production: str) -> None:
    connection = await asyncpg.connect(production.replace("postgres@", "aivalue_ingest@"))
    try:
        for _ in range(2):
            await connection.execute("select ingest.create_event_month('2031-01-01')")
        with pytest.raises(asyncpg.RaiseError, match="not the first day of a month"):
            await connection.execute("select ingest.create_event_month('2031-01-02')")
        for change in ("update ingest.{} set n_events = 1", "delete from ingest.{}"):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await connection.execute(change.format("event_runs_2031_01"))
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change.format("event_runs_other"))
    finally:
        await connection.close()
    stranger = await asyncpg.connect(production.replace("postgres@", "aivalue_reporting@"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await stranger.execute("select ingest.create_event_month('2031-02-01')")
    finally:
        await stranger.close()
