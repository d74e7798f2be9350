"""Whether a log written by transactions is read to its end, and nothing of it seems to wait."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from aivalue.events.topics import BUSINESS
from aivalue.runtime.kafka import ensure_topics
from tests.faults.bench import event
from tests.integration.ingest import conftest
from tests.integration.ingest.system import Ingest, IngestProcess

pytestmark = pytest.mark.kafka
N_EVENTS = 20
LAGS = ("aivalue_ingest_kafka_lag_messages{", "aivalue_ingest_kafka_lag_seconds{")

schemas = conftest.schemas
ingest_database = conftest.ingest_database


@pytest.fixture
def ingest(
    ingest_database: str, broker: str, unique: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Ingest]:
    if request.config.getoption("--broker") != "kafka":
        pytest.fail("the embedded broker knows no transactions: run make test-kafka")
    system = Ingest(
        database=ingest_database, broker=broker, prefix=f"{unique}.", log=tmp_path / "ingest.log"
    )
    yield system
    for process in system.processes:
        process.kill()
        process.wait(10)


async def _send(producer: AIOKafkaProducer, topic: str, numbers: range) -> None:
    await producer.begin_transaction()
    for number in numbers:
        sent = event(number)
        await producer.send(topic, key=sent.key, value=sent.value, headers=sent.headers)
    await producer.flush()


async def _caught_up(process: IngestProcess, n_events: int) -> None:
    await process.until(
        "/v1/series?kpi=downtime", lambda r: sum(r.json()["columns"]["n"]) == n_events
    )

    def no_lag(text: str) -> bool:
        lines = [line for line in text.splitlines() if line.startswith(LAGS)]
        return bool(lines) and all(line.endswith(" 0.0") for line in lines)

    await process.until("/metrics", lambda r: no_lag(r.text))


async def test_markers_and_what_is_undecided_do_not_wait(ingest: Ingest) -> None:
    """They stand at the end of the log, where no record follows that would move us past them."""
    topic = ingest.prefix + BUSINESS
    await ensure_topics(ingest.kafka, [topic])
    process = ingest.start(AIVALUE_INGEST__ALLOW_GAPS="true")
    producer = AIOKafkaProducer(bootstrap_servers=ingest.broker, transactional_id=ingest.prefix)
    await producer.start()
    try:
        await _send(producer, topic, range(N_EVENTS))
        await producer.commit_transaction()
        await _caught_up(process, N_EVENTS)

        await _send(producer, topic, range(N_EVENTS, 2 * N_EVENTS))
        await _caught_up(process, N_EVENTS)
        await producer.abort_transaction()
        await _caught_up(process, N_EVENTS)

        await _send(producer, topic, range(N_EVENTS, 2 * N_EVENTS))
        await producer.commit_transaction()
        await _caught_up(process, 2 * N_EVENTS)
    finally:
        await producer.stop()
