"""Halves of decisions as the rows that are copied to PostgreSQL; pure."""

from decimal import Decimal

from aivalue.events.business import OutcomeRecorded
from aivalue.events.event import Event
from aivalue.events.model import DecisionMade
from services.ingest.batch import Batch

Row = tuple[object, ...]


def decision_rows(batch: Batch) -> list[Row]:
    """Return the decisions among the events, in the order of DECISION_COLUMNS."""
    return [
        (
            seq, data.model, data.version, data.unit, data.segment, data.arm, data.initiative,
            _text(data.score), _text(data.threshold), data.action, _text(data.propensity),
            event.time, *_rank(event),
        )
        for seq in batch.special
        if isinstance(data := (event := batch.event(seq)).data, DecisionMade)
    ]  # fmt: skip


def outcome_rows(batch: Batch) -> list[Row]:
    """Return the outcomes among the events, in the order of OUTCOME_COLUMNS."""
    return [
        (seq, data.kpi, data.label, _text(data.value), event.time, *_rank(event))
        for seq in batch.special
        if isinstance(data := (event := batch.event(seq)).data, OutcomeRecorded)
    ]


def _rank(event: Event) -> Row:
    """Return what decides which of several events counts, and whether this one corrects another."""
    return (event.recordedtime or event.time, event.sequence or "", event.supersedes is not None)


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
