"""Events, records and stretches for the tests of ingest, and what the store must then hold."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg

from aivalue.events.business import (
    Arm,
    BackfillReverted,
    EventRetracted,
    MeasurementRecorded,
    OutcomeRecorded,
)
from aivalue.events.encode import Message, http_event, kafka_message
from aivalue.events.fields import EventData
from aivalue.events.model import DecisionMade
from services.ingest.batch import Batch, Record
from services.ingest.queries import partitions
from services.ingest.queries.partitions import Claim
from services.ingest.reading.decoding import decode_stretch
from services.ingest.storing.handler import Store
from services.ingest.storing.writer import connection_settings

TENANT = "acme"
TOPIC = "aivalue.business.v1"
SOURCE = "urn:plant:mes"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
BATCH = {"content-type": "application/cloudevents-batch+json"}
ONE = {"content-type": "application/cloudevents+json"}


def message(
    data: EventData, event_id: str, *, hours: float = 0, source: str = SOURCE, **optional: str
) -> Message:
    """Return an event `hours` after START, as a record; binary where its id's length is odd."""
    return kafka_message(
        data,
        source=source,
        event_id=event_id,
        time=START + timedelta(hours=hours),
        mode="binary" if len(event_id) % 2 else "structured",
        **optional,
    )


def measured(
    event_id: str, value: str, *, unit: str = "line-1", hours: float = 0, **optional: str
) -> Message:
    """Return a measurement of downtime."""
    data = MeasurementRecorded(kpi="downtime", unit=unit, value=Decimal(value))
    source = optional.pop("source", SOURCE)
    return message(data, event_id, hours=hours, source=source, **optional)


def decided(
    decision: str,
    *,
    event_id: str | None = None,
    arm: Arm = "treatment",
    propensity: str | None = None,
    **optional: str,
) -> Message:
    """Return a decision on unit "men", made at START."""
    data = DecisionMade(
        decision=decision, model="m", version="1", unit="men", arm=arm, action="show",
        propensity=None if propensity is None else Decimal(propensity),
    )  # fmt: skip
    return message(data, event_id or f"made-{decision}", hours=0, source=SOURCE, **optional)


def came_of(
    decision: str,
    *,
    label: bool,
    event_id: str | None = None,
    kpi: str = "click",
    **optional: str,
) -> Message:
    """Return the outcome of a decision, ten days later."""
    data = OutcomeRecorded(decision=decision, kpi=kpi, label=label)
    return message(
        data, event_id or f"outcome-{decision}-{kpi}", hours=48, source=SOURCE, **optional
    )


def retracted(event_id: str, *, by: str = "") -> Message:
    """Return the retraction of an event of the same source."""
    data = EventRetracted(source=SOURCE, id=event_id, reason="wrong line")
    return message(data, by or f"retraction-of-{event_id}", hours=72)


def reverted(backfill: str) -> Message:
    """Return the revert of a backfill."""
    data = BackfillReverted(backfill=backfill, reason="wrong unit of measure")
    return message(data, f"revert-of-{backfill}", hours=96)


def http_posted(event_id: str, data: EventData) -> dict[str, object]:
    """Return an event in JSON form, as a request carries it."""
    return http_event(data, source="urn:test", event_id=event_id, time=START)


def http_measured(event_id: str, value: str, unit: str = "line-1") -> dict[str, object]:
    """Return a measurement of downtime in JSON form."""
    data = MeasurementRecorded(kpi="downtime", unit=unit, value=Decimal(value))
    return http_posted(event_id, data)


async def open_store(address: str) -> tuple[asyncpg.Connection, Store]:
    """Return a connection and the store that writes through it."""
    connection = await asyncpg.connect(address, **connection_settings("test"))
    store = Store(changes_topic="aivalue.changes.v1")
    await store.prepare(connection)
    return connection, store


async def claim(
    connection: asyncpg.Connection, *, partition: int = 0, tenant: str = TENANT
) -> Claim:
    """Take a partition of the test's topic over."""
    log_id, _ = await partitions.open_log(connection, tenant, TOPIC, kind="kafka", identity="")
    claimed = await partitions.claim(
        connection, tenant, TOPIC, log_id, partition, owner="test", lease_seconds=0
    )
    assert isinstance(claimed, Claim)
    return claimed


def batch_of(claimed: Claim, messages: Sequence[Message]) -> Batch:
    """Read messages as the next records of a claimed partition."""
    records = [
        Record(
            offset=claimed.origin.next_offset + index,
            timestamp=int(NOW.timestamp() * 1_000),
            key=each.key,
            value=each.value,
            headers=each.headers,
        )
        for index, each in enumerate(messages)
    ]
    stretch = decode_stretch(claimed.origin, records, now=NOW)
    return Batch(tenant=claimed.tenant, received_at=NOW, stretches=[stretch])


async def statistics(
    connection: asyncpg.Connection, tenant: str = TENANT
) -> list[tuple[object, ...]]:
    """Return every series and day with its n, sum, sum of squares, extremes."""
    rows = await connection.fetch(
        "select s.kpi, s.unit, s.arm, d.business_date::text, d.n, trim_scale(d.sum)::text, "
        "trim_scale(d.sum_squares)::text, trim_scale(d.minimum)::text, "
        "trim_scale(d.maximum)::text from ingest.daily_statistics d "
        "join ingest.series s using (tenant_id, series_id) where d.n > 0 and d.tenant_id = $1 "
        "order by 1, 2, 3, 4",
        tenant,
    )
    return [tuple(row) for row in rows]
