"""Whether `/readyz` notices a broker that goes away while nothing is known to wait."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aivalue.events.topics import BUSINESS
from aivalue.runtime.embedded.broker import embedded_broker
from aivalue.runtime.embedded.process import Server
from aivalue.runtime.kafka import create_consumer
from aivalue.runtime.settings import KafkaSettings
from services.ingest.reading.contact import Contact
from tests.integration.ingest.material import measured
from tests.integration.ingest.system import Ingest

SILENT_SECONDS = 2.0
SILENT = "the broker has answered nothing"


@pytest.fixture
def own_broker() -> Iterator[tuple[str, Server]]:
    """Run a broker that only this test uses: it comes to harm."""
    with embedded_broker() as (address, server):
        yield address, server
        # A process that stands still hears of no end.
        server.process.send_signal(signal.SIGCONT)


def _kafka(metrics: str) -> float:
    name = "aivalue_ingest_kafka_last_contact_timestamp_seconds "
    return next(float(line.split()[1]) for line in metrics.splitlines() if line.startswith(name))


async def test_a_broker_that_hangs_makes_it_unready_until_it_goes_on(
    ingest_database: str, own_broker: tuple[str, Server], unique: str, tmp_path: Path
) -> None:
    address, server = own_broker
    system = Ingest(
        database=ingest_database, broker=address, prefix=f"{unique}.", log=tmp_path / "ingest.log"
    )
    await system.produce([(BUSINESS, measured("a", "1"))])
    process = system.start(AIVALUE_INGEST__BROKER_SILENT_SECONDS=str(SILENT_SECONDS))
    try:
        # All is read: nothing waits.
        await process.until("/v1/series?kpi=downtime", lambda r: r.json()["columns"]["n"] == [1])
        await process.until("/readyz", lambda r: r.status_code == 200)

        server.process.send_signal(signal.SIGSTOP)
        unready = await process.until("/readyz", lambda r: r.status_code == 503)
        last = _kafka((await process.answer("/metrics")).text)
        server.process.send_signal(signal.SIGCONT)
        await process.until("/readyz", lambda r: r.status_code == 200)

        server.process.kill()
        gone = await process.until("/readyz", lambda r: r.status_code == 503)
    finally:
        process.kill()

    assert SILENT in unready.json()["dependencies"]["kafka"]
    assert unready.json()["dependencies"]["postgres"] == "ok"
    assert SILENT in gone.json()["dependencies"]["kafka"]
    assert 0 < last < time.time() - SILENT_SECONDS


async def test_who_reads_no_partition_asks_the_broker_itself(
    own_broker: tuple[str, Server],
) -> None:
    """Standing by, with partitions halted, or while PostgreSQL is away."""
    address, server = own_broker
    consumer = create_consumer(KafkaSettings(bootstrap=address), group=None, client_id="idle")
    await consumer.start()
    contact = Contact(consumer, silent_seconds=SILENT_SECONDS, clock=time.monotonic)
    asking = asyncio.ensure_future(contact.ask())
    try:
        await asyncio.sleep(1.5 * SILENT_SECONDS)
        before = contact.complaint()
        server.process.send_signal(signal.SIGSTOP)
        hung = await _until(contact, lambda found: found is not None)
        server.process.send_signal(signal.SIGCONT)
        await _until(contact, lambda found: found is None)
        server.process.kill()
        gone = await _until(contact, lambda found: found is not None)
    finally:
        asking.cancel()
        await consumer.stop()

    assert before is None
    assert hung is not None
    assert hung.startswith(SILENT)
    assert gone is not None


async def _until(contact: Contact, holds: Callable[[str | None], bool]) -> str | None:
    async with asyncio.timeout(10 * SILENT_SECONDS):
        while True:
            found = contact.complaint()
            if holds(found):
                return found
            await asyncio.sleep(0.05)
