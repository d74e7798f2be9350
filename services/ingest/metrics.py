"""Every Prometheus series the ingest service exports."""

import contextlib
import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator

from prometheus_client import Counter, Gauge, Histogram

from aivalue.events.business import BackfillReverted, EventRetracted
from aivalue.events.event import Event
from aivalue.events.topics import DATA_BY_TYPE
from services.ingest.batch import Batch
from services.ingest.lateness import BUCKETS, is_late, observe_ages
from services.ingest.storing.keys import Stored

RECORDS = Counter(
    "aivalue_ingest_records_consumed_total", "Records finished, events or not.", ["topic"]
)
EVENTS = Counter(
    "aivalue_ingest_events_total",
    "Records finished. outcome is stored, duplicate, invalid (no event, so of no type) or "
    "dead_letter (an event that cannot be counted); the four add up to the records.",
    ["topic", "event_type", "outcome"],
)
DUPLICATES = Counter(
    "aivalue_ingest_events_duplicate_total",
    "Ids that came again. kind is natural (the same event, counted once) or conflict (another "
    "event under the same id, a dead letter).",
    ["topic", "kind"],
)
LATE = Counter(
    "aivalue_ingest_late_events_total",
    "Stored events received more than a day after their time; they count like any other.",
    ["topic"],
)
CORRECTIONS = Counter(
    "aivalue_ingest_corrections_total",
    "Stored events that change what counts. kind is correction, retraction or revert.",
    ["kind"],
)
DEAD_LETTERS = Counter(
    "aivalue_ingest_dead_letter_messages_total",
    "Records not counted, by reason.",
    ["topic", "reason"],
)
DEAD_LETTERS_KEPT = Gauge(
    "aivalue_ingest_dead_letters",
    "Dead letters in the database, of all tenants; looked up twice a minute.",
    ["status", "reason"],
)
DEAD_LETTERS_RESOLVED = Counter(
    "aivalue_ingest_dead_letters_replayed_total",
    "What became of dead letters that somebody took up. outcome is replayed, duplicate, "
    "rejected_again or discarded.",
    ["outcome"],
)
BATCH_SECONDS = Histogram(
    "aivalue_ingest_event_processing_seconds",
    "Time per batch and stage. stage is decode (also validates) or store (waits and commits).",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BATCH_EVENTS = Histogram(
    "aivalue_ingest_batch_events",
    "Records per database transaction.",
    buckets=(1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000),
)
EVENT_AGE_SECONDS = Histogram(
    "aivalue_ingest_event_age_seconds",
    "Event time to receipt of every event: how late events are.",
    buckets=BUCKETS,
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
COMMITTED_OFFSET = Gauge(
    "aivalue_ingest_committed_offset",
    "Offset of the next record to store, as PostgreSQL has it.",
    ["topic", "partition"],
)
LAG_SECONDS = Gauge(
    "aivalue_ingest_kafka_lag_seconds",
    "Age of the newest record stored while others wait behind it, 0 when caught up.",
    ["topic", "partition"],
)
ASSIGNED = Gauge(
    "aivalue_ingest_kafka_assigned_partitions", "Partitions assigned to this instance."
)
HALTED = Gauge("aivalue_ingest_kafka_halted_partitions", "Assigned partitions that are halted.")
PAUSED = Gauge(
    "aivalue_ingest_partitions_paused",
    "Assigned partitions that are not read now: halted, standing by, or about to be claimed.",
)
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
LAST_CONTACT = Gauge(
    "aivalue_ingest_kafka_last_contact_timestamp_seconds",
    "When the broker last answered about the partition that has waited longest for an answer.",
)
FENCED = Counter(
    "aivalue_ingest_fenced_batches_total", "Batches refused: another worker was faster."
)
BREAKER_TRIPS = Counter(
    "aivalue_ingest_breaker_trips_total", "Batches not stored because most of them was refused."
)
BREAKER_OPEN = Gauge(
    "aivalue_ingest_circuit_breaker_open",
    "1 from a trip of the breaker until no assigned partition is halted.",
)
OFFSET_GAPS = Counter(
    "aivalue_ingest_offset_gaps_total",
    "Reads that began behind the expected offset; again at the same place halts the partition.",
)
SCHEMAS = Gauge(
    "aivalue_ingest_schema_versions_info",
    "1 for every version of an event type that is read.",
    ["event_type", "version"],
)
RETRIES = Counter(
    "aivalue_ingest_retries_total",
    "Batches given up and read again, and attempts at requests that failed.",
    ["error"],
)


for _name in DATA_BY_TYPE:
    _family, _, _version = _name.rpartition(".v")
    SCHEMAS.labels(_family, _version).set(1)


def observe_stored(batch: Batch, stored: Stored, *, seconds: float, ended_ago: float = 0.0) -> None:
    """Count a batch that is committed, and how long that took; some seconds ago it ended."""
    committed_at = time.time() - ended_ago
    duplicates = Tally(_placed(batch, stored.duplicates))
    refused = Tally(_placed(batch, stored.refused))
    late_gone = Tally(_late(batch, stored.gone))
    for number, stretch in enumerate(batch.stretches):
        topic = stretch.origin.topic
        RECORDS.labels(topic).inc(len(stretch.records))
        if stretch.dead:
            EVENTS.labels(topic, "", "invalid").inc(len(stretch.dead))
        for event_type, n in Tally(stretch.events.types).items():
            n_duplicate, n_refused = duplicates[number, event_type], refused[number, event_type]
            EVENTS.labels(topic, event_type, "stored").inc(n - n_duplicate - n_refused)
            EVENTS.labels(topic, event_type, "duplicate").inc(n_duplicate)
            EVENTS.labels(topic, event_type, "dead_letter").inc(n_refused)
            DUPLICATES.labels(topic, "natural").inc(n_duplicate)
        if stretch.kept:
            times = stretch.events.microseconds
            n_late = observe_ages(EVENT_AGE_SECONDS, times, batch.received_at)
            LATE.labels(topic).inc(n_late - late_gone[number])
    _observe_dead(batch, stored)
    for seq in batch.special:
        if stored.keeps(seq) and (kind := _correction(batch.event(seq))) is not None:
            CORRECTIONS.labels(kind).inc()
    BATCH_EVENTS.observe(batch.n_records)
    BATCH_SECONDS.labels("store").observe(seconds)
    LAST_COMMIT.set(committed_at)
    logged_at = min(stretch.records[0].timestamp for stretch in batch.stretches) / 1_000
    END_TO_END_SECONDS.observe(max(committed_at - logged_at, 0))


def observe_position(topic: str, partition: int, offset: int, *, lag: int) -> None:
    """Note where a partition stands in PostgreSQL, and how many records wait behind."""
    observe_waiting(topic, partition, lag)
    COMMITTED_OFFSET.labels(topic, str(partition)).set(offset)


def observe_waiting(topic: str, partition: int, n: int) -> None:
    """Note how many records wait in a partition."""
    LAG_MESSAGES.labels(topic, str(partition)).set(n)


def observe_lag(topic: str, partition: int, seconds: float) -> None:
    """Note how long what waits in a partition has waited."""
    LAG_SECONDS.labels(topic, str(partition)).set(seconds)


def forget_lag(topic: str, partition: int) -> None:
    """Show nothing of a partition that another process reads now."""
    for gauge in (LAG_SECONDS, LAG_MESSAGES, COMMITTED_OFFSET):
        with contextlib.suppress(KeyError):
            gauge.remove(topic, str(partition))


def _observe_dead(batch: Batch, stored: Stored) -> None:
    topics = {
        (stretch.origin.log_id, stretch.origin.partition): stretch.origin.topic
        for stretch in batch.stretches
    }
    letters = Tally(
        (topics[letter.place.log_id, letter.place.partition], letter.reason)
        for letter in stored.dead
    )
    for (topic, reason), n in letters.items():
        DEAD_LETTERS.labels(topic, reason).inc(n)
        if reason == "id_conflict":
            DUPLICATES.labels(topic, "conflict").inc(n)


def _placed(batch: Batch, seqs: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Return stretch and type of events."""
    for seq in seqs:
        yield batch.stretch_number(seq), batch.events.types[seq]


def _late(batch: Batch, seqs: Iterable[int]) -> Iterator[int]:
    """Return the stretch of each event that came late."""
    for seq in seqs:
        if is_late(batch.events.microseconds[seq], batch.received_at):
            yield batch.stretch_number(seq)


def _correction(event: Event) -> str | None:
    if isinstance(event.data, EventRetracted):
        return "retraction"
    if isinstance(event.data, BackfillReverted):
        return "revert"
    return "correction" if event.supersedes is not None else None
