"""Real processes: one that is killed between load and store, two that want the same work."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aivalue.runtime.postgres import asyncpg_address
from aivalue.runtime.settings import KafkaSettings
from services.attribution.settings import AttributionSettings
from tests.integration.attribution.processes import Fleet, served
from tests.integration.attribution.world import INITIATIVE, Peers

pytestmark = pytest.mark.faults
WAIT_SECONDS = 60


@dataclass
class Plant:
    """Processes, what they read, and the gate that holds their reads."""

    fleet: Fleet
    peers: Peers
    gate: asyncio.Event
    database: asyncpg.Connection

    async def mark(self) -> None:
        await self.database.execute(
            "insert into attribution.recompute (tenant_id, initiative, marks, reason)"
            " values ($1, $2, 1, 'series changed')",
            self.fleet.settings.auth.open_tenant,
            INITIATIVE,
        )

    async def until(self, question: str) -> Any:
        """Wait until a query has a row, and return its first value."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                found = await self.database.fetchval(question)
                if found:
                    return found
                await asyncio.sleep(0.02)


@pytest.fixture
async def plant(settings: AttributionSettings, broker: str, tmp_path: Path) -> AsyncIterator[Plant]:
    kafka = KafkaSettings(bootstrap=broker, internal_prefix=settings.kafka.internal_prefix)
    peers, gate, open_gate = Peers(), asyncio.Event(), asyncio.Event()
    open_gate.set()
    peers.freeze()
    database = await asyncpg.connect(asyncpg_address(settings.database))
    async with (
        served(peers.ingest, gate=gate) as ingest,
        served(peers.baseline, gate=open_gate) as baseline,
    ):
        fleet = Fleet(
            settings=settings.model_copy(update={"kafka": kafka}),
            ingest=ingest,
            baseline=baseline,
            log=tmp_path / "attribution.log",
        )
        try:
            yield Plant(fleet=fleet, peers=peers, gate=gate, database=database)
        finally:
            fleet.kill()
            await database.close()


async def test_a_process_killed_between_load_and_store_is_replaced(plant: Plant) -> None:
    await plant.fleet.start()
    await plant.mark()
    await plant.until("select claimed_until from attribution.recompute")

    plant.fleet.kill()
    half_done = await plant.database.fetchval("select count(*) from attribution.runs")
    plant.gate.set()
    await plant.fleet.start()
    await plant.until("select true from attribution.recompute where marks = done")

    assert half_done == 0
    assert await plant.database.fetchval("select count(*) from attribution.runs") == 1
    assert await plant.database.fetchval("select count(*) from attribution.effects") == 1


async def test_a_process_killed_at_any_moment_loses_and_doubles_nothing(plant: Plant) -> None:
    plant.gate.set()
    await plant.mark()

    for pause in (0.0, 0.4):
        await plant.fleet.start()
        await asyncio.sleep(pause)
        plant.fleet.kill()
    await plant.fleet.start()
    await plant.until("select true from attribution.recompute where marks = done")
    await plant.until("select true where not exists (select from attribution.outbox)")

    # Whatever was cut off, the inputs were the same each time: one run, whole.
    assert await plant.database.fetchval("select count(*) from attribution.runs") == 1
    assert await plant.database.fetchval("select count(*) from attribution.effect_months") == 3


async def test_two_processes_do_one_piece_of_work_once(plant: Plant) -> None:
    plant.gate.set()
    await asyncio.gather(plant.fleet.start(), plant.fleet.start())

    await plant.mark()
    await plant.until("select true from attribution.recompute where marks = done")

    assert await plant.database.fetchval("select count(*) from attribution.runs") == 1
    assert await plant.database.fetchval("select epoch from attribution.recompute") == 1
