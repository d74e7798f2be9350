"""What was shown last survives a restart, flagged, and is replaced by later figures alone."""

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from aivalue.runtime.postgres import asyncpg_address
from services.reporting import queries
from services.reporting.board import LOADED
from services.reporting.settings import ReportingSettings
from services.reporting.tables import metadata
from tests.service.reporting.harness import service_of
from tests.service.reporting.world import TENANT, Peers


async def test_a_restart_shows_the_last_figures_until_it_has_read_new_ones(
    migrated: ReportingSettings, peers: Peers
) -> None:
    async with service_of(peers, migrated) as service:
        await service.refresh()
        before = await service.get("/v1/summary")
        metrics = await service.metrics()
    peers.down = {"baseline", "attribution"}
    async with service_of(peers, migrated) as service:
        await service.refresher.load()
        loaded = await service.get("/v1/summary")
        loaded_metrics = await service.metrics()
        await service.refresh()
        failed = await service.get("/v1/summary")
        peers.down = set()
        await service.refresh()
        current = await service.get("/v1/summary")

    for member in ("portfolios", "snapshot", "as_of"):
        assert loaded[member] == failed[member] == before[member]
    assert (loaded["stale"], loaded["stale_reason"]) == (True, LOADED)
    assert failed["stale_reason"] == "baseline does not answer: ConnectError"
    assert current["stale"] is False
    success = "aivalue_reporting_collect_success"
    assert loaded_metrics[success] == {(("tenant", TENANT),): 0}
    assert {**loaded_metrics, success: {}} == {**metrics, success: {}}


async def test_a_replica_that_is_behind_does_not_replace_later_figures(
    migrated: ReportingSettings, peers: Peers
) -> None:
    async with service_of(peers, migrated) as service:
        await service.refresh()
        early = service.board[TENANT].snapshot
        await service.refresh()
        late = service.board[TENANT].snapshot
        assert early is not None
        assert late is not None
        async with service.app.state.engine.begin() as connection:
            await queries.save_snapshot(connection, early)
            kept = await queries.saved_snapshots(connection, [TENANT, "other"])

    assert kept == {TENANT: late}


async def test_what_an_older_version_kept_is_passed_over(
    migrated: ReportingSettings, peers: Peers
) -> None:
    connection = await asyncpg.connect(asyncpg_address(migrated.database))
    try:
        await connection.execute(
            'insert into reporting.snapshots values ($1, now(), \'{"shape": "another"}\')', TENANT
        )
    finally:
        await connection.close()
    async with service_of(peers, migrated) as service:
        await service.refresher.load()
        empty = await service.client.get("/v1/summary")
        await service.refresh()
        filled = await service.client.get("/v1/summary")

    assert (empty.status_code, filled.status_code) == (503, 200)


@pytest.mark.parametrize("peer", ["baseline", "attribution"])
async def test_it_is_ready_without_the_services_it_reads(
    migrated: ReportingSettings, peers: Peers, peer: str
) -> None:
    peers.down = {peer}
    async with service_of(peers, migrated) as service:
        response = await service.client.get("/readyz")

    assert response.json() == {"status": "ok", "dependencies": {"postgres": "ok"}}


async def test_tables_and_migration_agree(migrated: ReportingSettings, peers: Peers) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {
            "compare_type": True,
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == "reporting",
            "version_table_schema": "reporting",
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    async with (
        service_of(peers, migrated) as service,
        service.app.state.engine.connect() as connection,
    ):
        assert await connection.run_sync(differences) == []
