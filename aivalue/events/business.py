"""Data of the events that business systems emit: what happened, what it cost, what was claimed."""

from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from aivalue.events.fields import (
    Currency,
    EventData,
    Instant,
    InstantWindow,
    Name,
    OptionalName,
    Text,
    require_in_time,
    require_storable,
)

Arm = Literal["", "treatment", "control", "holdout"]
SeriesKey = tuple[str, str, str, str]
"""KPI, unit, segment, arm: of which series a measurement is."""


class MeasurementRecorded(EventData, frozen=True, kw_only=True):
    """One observed value of a KPI on a unit: a value, or a numerator and its denominator."""

    TYPE: ClassVar[str] = "aivalue.measurement.recorded.v1"

    kpi: Name
    unit: Name
    segment: OptionalName = ""
    arm: Arm = ""
    value: Decimal | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    business_date: date | None = None
    window: InstantWindow | None = None

    def __post_init__(self) -> None:
        if self.value is not None:
            if self.numerator is not None or self.denominator is not None:
                raise ValueError("either value, or numerator and denominator, not both")
            require_storable("value", self.value)
            return
        if self.numerator is None or self.denominator is None:
            raise ValueError("needs value, or numerator and denominator")
        require_storable("numerator", self.numerator)
        require_storable("denominator", self.denominator)


class OutcomeRecorded(EventData, frozen=True, kw_only=True):
    """What came of a decision; with it, it becomes one measurement of `kpi`."""

    TYPE: ClassVar[str] = "aivalue.outcome.recorded.v1"

    decision: Name
    kpi: Name
    label: bool
    value: Decimal | None = None
    business_date: date | None = None

    def __post_init__(self) -> None:
        require_storable("value", self.value)


class InterventionAssigned(EventData, frozen=True, kw_only=True):
    """A unit works with the AI (or is kept from it) from `start` on."""

    TYPE: ClassVar[str] = "aivalue.intervention.assigned.v1"

    initiative: Name
    unit: Name
    arm: Arm
    start: Instant
    end: Instant | None = None
    assignment: Literal["random", "phased", "self_selected"]
    randomized_by: Literal["event", "unit"] | None = None

    def __post_init__(self) -> None:
        require_in_time("start", self.start)
        require_in_time("end", self.end)
        if self.end is not None and not self.start < self.end:
            raise ValueError(f"intervention starts at {self.start} and ends at {self.end}")


class CostCharged(EventData, frozen=True, kw_only=True):
    """One line of AI cost, in the columns of FOCUS 1.2."""

    TYPE: ClassVar[str] = "aivalue.cost.charged.v1"

    initiative: Name
    billed_cost: Decimal
    billing_currency: Currency
    charge_period_start: Instant
    charge_period_end: Instant
    charge_category: Name
    service_category: Name
    treatment: Literal["opex", "capex"]
    status: Literal["estimated", "billed"]
    category: Literal["model", "infra", "people", "licence", "change"]
    effective_cost: Decimal | None = None
    description: OptionalName = ""
    invoice_id: OptionalName = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        require_in_time("charge_period_start", self.charge_period_start)
        require_in_time("charge_period_end", self.charge_period_end)
        if not self.charge_period_start < self.charge_period_end:
            raise ValueError("charge_period_start must be before charge_period_end")
        require_storable("billed_cost", self.billed_cost)
        require_storable("effective_cost", self.effective_cost)


class RealizationRecorded(EventData, frozen=True, kw_only=True):
    """Proof that freed capacity became cash."""

    TYPE: ClassVar[str] = "aivalue.realization.recorded.v1"

    initiative: Name
    kind: Name
    cost_centre: Name
    amount: Decimal
    currency: Currency
    date: date
    document: Name

    def __post_init__(self) -> None:
        require_storable("amount", self.amount)


class EventRetracted(EventData, frozen=True, kw_only=True):
    """An event that should never have been sent."""

    TYPE: ClassVar[str] = "aivalue.event.retracted.v1"

    source: Name
    id: Name
    reason: Text


class BackfillReverted(EventData, frozen=True, kw_only=True):
    """A backfill that should not count: nothing that came with it alone holds any more.

    With `through_source` and `through_id` only its events up to that one, sources in the order in
    which they were first seen and each one's ids in the order of their bytes: a slice of a revert.
    """

    TYPE: ClassVar[str] = "aivalue.backfill.reverted.v1"

    backfill: Name
    reason: Text
    through_source: Name | None = None
    through_id: Name | None = None

    def __post_init__(self) -> None:
        if (self.through_source is None) != (self.through_id is None):
            raise ValueError("through_source and through_id stand together")
