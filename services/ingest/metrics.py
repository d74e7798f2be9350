"""Every Prometheus series the ingest service exports."""

import time
from collections import Counter as Tally

from prometheus_client import Counter, Gauge, Histogram

from services.ingest.batch import Batch
from services.ingest.keys import Stored

EVENTS = Counter(
    "aivalue_ingest_events_total",
    "Events finished. outcome is stored, duplicate or dead_letter.",
    ["event_type", "outcome"],
)
DEAD_LETTERS = Counter(
    "aivalue_ingest_dead_letter_messages_total", "Events not counted, by reason.", ["reason"]
)
BATCH_SECONDS = Histogram(
    "aivalue_ingest_event_processing_seconds",
    "Time per batch and stage.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BATCH_EVENTS = Histogram(
    "aivalue_ingest_batch_events",
    "Events per database transaction.",
    buckets=(1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000),
)
EVENT_AGE_SECONDS = Histogram(
    "aivalue_ingest_event_age_seconds",
    "Event time to receipt, oldest event of each batch: how late events are.",
    buckets=(1, 10, 60, 600, 3_600, 86_400, 604_800, 2_592_000, 31_536_000),
)
END_TO_END_SECONDS = Histogram(
    "aivalue_ingest_end_to_end_latency_seconds",
    "Log timestamp to database commit, oldest record of each batch.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
)
LAG_MESSAGES = Gauge(
    "aivalue_ingest_kafka_lag_messages",
    "High watermark minus stored position, floored at 0.",
    ["topic", "partition"],
)
LAG_SECONDS = Gauge(
    "aivalue_ingest_kafka_lag_seconds",
    "Age of the newest record stored while others wait behind it, 0 when caught up.",
)
ASSIGNED = Gauge(
    "aivalue_ingest_kafka_assigned_partitions", "Partitions assigned to this instance."
)
HALTED = Gauge("aivalue_ingest_kafka_halted_partitions", "Assigned partitions that are halted.")
STANDING_BY = Gauge(
    "aivalue_ingest_kafka_standing_by_partitions",
    "Assigned partitions that another process claimed or advanced a moment ago.",
)
REBALANCES = Counter("aivalue_ingest_kafka_rebalances_total", "Group rebalances seen.")
COMMIT_FAILURES = Counter(
    "aivalue_ingest_kafka_commit_failures_total",
    "Offset commits that failed; harmless, PostgreSQL has the truth.",
)
LAST_COMMIT = Gauge(
    "aivalue_ingest_last_commit_timestamp_seconds", "Last batch stored in PostgreSQL."
)
FENCED = Counter(
    "aivalue_ingest_fenced_batches_total", "Batches refused: another worker was faster."
)
BREAKER_TRIPS = Counter(
    "aivalue_ingest_breaker_trips_total", "Batches not stored because most of them was refused."
)
RETRIES = Counter("aivalue_ingest_retries_total", "Batches given up and read again.", ["error"])


def observe_stored(batch: Batch, stored: Stored, *, seconds: float) -> None:
    """Count a batch that is committed."""
    now = time.time()
    types = Tally(event.type for _, event in batch.events)
    duplicates = Tally(batch.events[seq][1].type for seq in stored.duplicates)
    refused = Tally(batch.events[seq][1].type for seq in stored.refused)
    for event_type, n in types.items():
        n_duplicates = duplicates[event_type]
        EVENTS.labels(event_type, "stored").inc(n - n_duplicates - refused[event_type])
        EVENTS.labels(event_type, "duplicate").inc(n_duplicates)
    for reason, n in Tally(letter.reason for letter in stored.dead).items():
        EVENTS.labels("", "dead_letter").inc(n)
        DEAD_LETTERS.labels(reason).inc(n)
    BATCH_EVENTS.observe(batch.n_records)
    BATCH_SECONDS.labels("store").observe(seconds)
    LAST_COMMIT.set(now)
    if batch.events:
        oldest = min(event.time for _, event in batch.events)
        EVENT_AGE_SECONDS.observe(max((batch.received_at - oldest).total_seconds(), 0))
    logged_at = min(stretch.records[0].timestamp for stretch in batch.stretches) / 1_000
    END_TO_END_SECONDS.observe(max(now - logged_at, 0))
