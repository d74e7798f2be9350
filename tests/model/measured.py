"""Event to measurement, one at a time: what the statements of ingest must agree with.

Which series it belongs to, on which day, with which number.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from aivalue.events.business import MeasurementRecorded, OutcomeRecorded, SeriesKey
from aivalue.events.event import Event
from aivalue.events.model import DecisionMade


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One observed value of a KPI on a unit: by `value`, or by `numerator` and `denominator`."""

    series: SeriesKey
    day: date
    value: Decimal | None
    numerator: Decimal | None = None
    denominator: Decimal | None = None


def measurement_of(event: Event) -> Measurement | None:
    """Return what the event measures by itself, None where it measures nothing."""
    data = event.data
    if not isinstance(data, MeasurementRecorded):
        return None
    return Measurement(
        series=(data.kpi, data.unit, data.segment, data.arm),
        day=event.day,
        value=data.value,
        numerator=data.numerator,
        denominator=data.denominator,
    )


def measurement_of_outcome(
    decision: DecisionMade, day: date, outcome: OutcomeRecorded
) -> Measurement:
    """Join an outcome with its decision: where and when was decided, what came of it counts.

    Parameters
    ----------
    day :
        The decision's business day.
    """
    value = outcome.value if outcome.value is not None else Decimal(outcome.label)
    return Measurement(
        series=(outcome.kpi, decision.unit, decision.segment, decision.arm), day=day, value=value
    )
