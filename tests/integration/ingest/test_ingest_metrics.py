"""Whether every metric of ingest is filled by what it tells of, and late events are marked."""

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from aivalue.events.encode import Message
from aivalue.events.topics import BUSINESS
from services.ingest.maintenance import observe_dead_letters
from tests.integration.ingest.material import BATCH, http_measured, measured, retracted
from tests.integration.ingest.system import Ingest

Samples = dict[str, float]
COMMITTED = "aivalue_ingest_last_commit_timestamp_seconds"


def _samples(text: str) -> Samples:
    """Add up the samples of every ingest series, whatever their labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("aivalue_ingest_"):
                found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def _value(text: str, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


# What is zero unless something breaks; the fault tests make them move.
QUIET = {
    "aivalue_ingest_kafka_halted_partitions",
    "aivalue_ingest_kafka_standing_by_partitions",
    "aivalue_ingest_partitions_paused",
    "aivalue_ingest_kafka_lag_seconds",
    "aivalue_ingest_kafka_lag_messages",
    "aivalue_ingest_kafka_commit_failures_total",
    "aivalue_ingest_fenced_batches_total",
    "aivalue_ingest_breaker_trips_total",
    "aivalue_ingest_circuit_breaker_open",
    "aivalue_ingest_offset_gaps_total",
}


async def test_every_metric_is_filled(ingest: Ingest, connection: asyncpg.Connection) -> None:
    junk = Message(key=None, value=b"junk", headers=[])
    process = ingest.start()
    late = measured("a", "5", backfillid="h")
    await ingest.produce(
        [
            (BUSINESS, each)
            for each in (
                late, late, measured("a", "6"), measured("b", "7", supersedes="a"),
                measured("c", "1"), retracted("c"), junk,
            )
        ]
    )  # fmt: skip
    await process.until(
        "/v1/snapshot", lambda r: sum(each["next_offset"] for each in r.json()["positions"]) == 7
    )
    revert: dict[str, object] = {"backfill": "h", "reason": "wrong"}
    assert (await process.tell("/v1/backfills:revert", revert)).status_code == 200
    replayed = await process.tell("/v1/dead-letters:replay", {})
    text = (await process.until("/metrics", lambda r: COMMITTED in r.text)).text

    topic = ingest.prefix + BUSINESS
    assert {each["outcome"] for each in replayed.json()["results"]} == {"rejected_again"}
    assert _value(text, "aivalue_ingest_records_consumed_total", topic=topic) == 7
    counted = {
        outcome: _value(text, "aivalue_ingest_events_total", topic=topic, outcome=outcome)
        for outcome in ("stored", "duplicate", "invalid", "dead_letter")
    }
    assert counted == {"stored": 4, "duplicate": 1, "invalid": 1, "dead_letter": 1}
    kinds = {
        kind: _value(text, "aivalue_ingest_corrections_total", kind=kind)
        for kind in ("correction", "retraction", "revert")
    }
    assert kinds == {"correction": 1, "retraction": 1, "revert": 1}
    # Every event that was stored, and neither the one that came again nor the conflict; the
    # material is of another year.
    assert _value(text, "aivalue_ingest_late_events_total", topic=topic) == 4
    assert _value(text, "aivalue_ingest_committed_offset", topic=topic) == 7
    assert _value(text, "aivalue_ingest_events_duplicate_total", kind="conflict") == 1
    samples = _samples(text)
    silent = {name for name, value in samples.items() if not value} - QUIET
    # Buckets below what was seen are empty, and whatever the counter of retries would tell.
    assert {name for name in silent if not name.endswith(("_bucket", "_created"))} <= set()


async def test_late_events_are_marked_and_count(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    ancient = http_measured("a", "1") | {"time": "0001-01-01T00:00:00Z"}

    answer = await client.post("/v1/events", headers=BATCH, json=[ancient])

    (result,) = answer.json()["results"]
    assert (result["status"], result["late"]) == ("accepted", True)
    assert await connection.fetchval("select late @> first_offset from ingest.event_runs")
    assert (await client.get("/v1/series?kpi=downtime")).json()["columns"]["day"] == ["0001-01-01"]


async def test_dead_letters_in_the_database_are_counted(
    client: httpx.AsyncClient, connection: asyncpg.Connection
) -> None:
    await client.post("/v1/events", headers=BATCH, json=[{}, {}])

    known = await observe_dead_letters(connection, set())
    await client.post("/v1/dead-letters:discard", json={"because": "a test"})
    await observe_dead_letters(connection, known)

    answer = (await client.get("/metrics")).text
    counts = {
        status: _value(
            answer, "aivalue_ingest_dead_letters", status=status, reason="missing_attribute"
        )
        for status in ("open", "discarded")
    }
    assert counts == {"open": 0, "discarded": 2}
