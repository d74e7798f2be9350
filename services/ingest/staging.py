"""Decoded events as the rows that are copied to PostgreSQL; pure."""

import base64
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from aivalue.events.business import EventRetracted, OutcomeRecorded
from aivalue.events.event import Event
from aivalue.events.model import DecisionMade
from aivalue.measurements.measurement import SeriesKey, measurement_of
from services.ingest.batch import Batch, Headers
from services.ingest.identities import Identities

Row = tuple[object, ...]


def names_in(events: Iterable[Event]) -> tuple[set[str], set[SeriesKey]]:
    """Return the sources and series that need ids before the events are staged."""
    sources, series = set(), set()
    for event in events:
        sources.add(event.source)
        if isinstance(event.data, EventRetracted):
            sources.add(event.data.source)
        measurement = measurement_of(event)
        if measurement is not None:
            series.add(measurement.series)
    return sources, series


def staged_rows(batch: Batch, identities: Identities) -> list[Row]:
    """Return one row per event, in the order of STAGED_COLUMNS; `seq` is its index."""
    rows: list[Row] = []
    for seq, (record, event) in enumerate(batch.events):
        measurement = measurement_of(event)
        series_id = value = numerator = denominator = None
        if measurement is not None:
            series_id = identities.series(batch.tenant, measurement.series)
            value = _text(measurement.value)
            numerator, denominator = _text(measurement.numerator), _text(measurement.denominator)
        rows.append(
            (
                seq, record.log_id, record.partition, record.offset,
                identities.source(batch.tenant, event.source), event.id, event.fingerprint,
                series_id, event.day, value, numerator, denominator,
                getattr(event.data, "decision", None),
            )
        )  # fmt: skip
    return rows


def decision_rows(batch: Batch) -> list[Row]:
    """Return the decisions among the events, in the order of DECISION_COLUMNS."""
    return [
        (
            seq, data.model, data.version, data.unit, data.segment, data.arm, data.initiative,
            _text(data.score), _text(data.threshold), data.action, _text(data.propensity),
            event.time, event.supersedes,
        )
        for seq, (_, event) in enumerate(batch.events)
        if isinstance(data := event.data, DecisionMade)
    ]  # fmt: skip


def outcome_rows(batch: Batch) -> list[Row]:
    """Return the outcomes among the events, in the order of OUTCOME_COLUMNS."""
    return [
        (seq, data.kpi, data.label, _text(data.value), event.time, event.supersedes)
        for seq, (_, event) in enumerate(batch.events)
        if isinstance(data := event.data, OutcomeRecorded)
    ]


def event_rows(batch: Batch, seqs: Iterable[int], identities: Identities) -> list[Row]:
    """Return the events that are kept, in the order of EVENT_COLUMNS."""
    rows: list[Row] = []
    for seq in seqs:
        record, event = batch.events[seq]
        rows.append(
            (
                batch.tenant, record.log_id, record.partition, record.offset, batch.received_at,
                record.timestamp, identities.source(batch.tenant, event.source), event.id,
                event.type, event.time, record.key, record.value, headers_json(record.headers),
            )
        )  # fmt: skip
    return rows


def headers_json(headers: Headers) -> str:
    """Write headers as a JSON array of pairs; a value that is not UTF-8 as {"base64": ..}."""
    pairs: list[tuple[str, object]] = []
    for name, value in headers:
        try:
            pairs.append((name, value.decode()))
        except UnicodeDecodeError:
            pairs.append((name, {"base64": base64.b64encode(value).decode()}))
    return msgspec.json.encode(pairs).decode()


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
