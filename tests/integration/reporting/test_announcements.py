"""An announcement on Kafka has the figures read at once, not at the next turn of the clock."""

import asyncio

from aivalue.events.topics import VALUE
from aivalue.runtime.embedded.process import free_port
from aivalue.runtime.kafka import create_producer
from services.reporting.settings import ReportingSettings
from tests.service.reporting.harness import Service, service_of
from tests.service.reporting.world import TENANT, Peers


async def test_a_new_run_is_shown_soon_after_it_is_announced(
    migrated: ReportingSettings, peers: Peers
) -> None:
    async with (
        service_of(peers, migrated) as service,
        service.app.router.lifespan_context(service.app),
    ):
        await until_shown(service, "run-1")
        # Connecting announces once as well; let that be over.
        await asyncio.sleep(2)
        peers.programmes["maintenance"].run_id = "run-2"
        await announce(migrated)
        await until_shown(service, "run-2")

        assert (await service.get("/v1/summary"))["stale"] is False


async def test_without_a_broker_the_figures_are_read_by_the_clock(
    migrated: ReportingSettings, peers: Peers
) -> None:
    alone = migrated.model_copy(
        update={
            "kafka": migrated.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{free_port()}"}),
            "reporting": migrated.reporting.model_copy(update={"refresh_seconds": 0.2}),
        }
    )
    async with (
        service_of(peers, alone) as service,
        asyncio.timeout(60),
        service.app.router.lifespan_context(service.app),
    ):
        await until_shown(service, "run-1")
        peers.programmes["maintenance"].run_id = "run-2"
        await until_shown(service, "run-2")

        assert (await service.client.get("/readyz")).status_code == 200


async def until_shown(service: Service, run_id: str) -> None:
    """Wait for a run; by the clock alone it would be shown in an hour."""
    while True:
        snapshot = service.board[TENANT].snapshot
        found = {
            each.estimate.run_id
            for each in (snapshot.figures.initiatives if snapshot else ())
            if each.initiative.key == "maintenance" and each.estimate
        }
        if found == {run_id}:
            return
        await asyncio.sleep(0.05)


async def announce(chosen: ReportingSettings) -> None:
    producer = create_producer(chosen.kafka, client_id="test")
    await producer.start()
    try:
        await producer.send_and_wait(chosen.kafka.internal_topic(VALUE), b'{"type":"whatever"}')
    finally:
        await producer.stop()
