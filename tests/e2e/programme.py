"""A small programme with an answer known by arithmetic: what the whole system is asked to find."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from aivalue.cli.demo.case import Addressed
from aivalue.events.business import CostCharged, InterventionAssigned, MeasurementRecorded
from aivalue.events.encode import kafka_message
from aivalue.events.topics import BUSINESS

INITIATIVE = "triage"
FIRST_DAY = date(2024, 1, 1)
GO_LIVE = date(2025, 1, 1)
DAYS = 500
UNITS = tuple(f"team-{number:02d}" for number in range(12))
TREATED = UNITS[:6]
EFFECT = -3.0  # minutes a case
N_EVENTS = len(UNITS) * (DAYS + 1) + 1

DEFINITIONS = """\
portfolio: {key: service, name: Service desk, owner: Head of service, reporting_currency: EUR}
initiative:
  {key: triage, portfolio: service, name: Ticket triage, owner: Service owner, stage: scale,
   go_live: 2025-01-01}
processes: [{key: tickets, name: Ticket handling, unit_of_analysis: team}]
kpis:
  - {key: handle-time, process: tickets, name: Handle time, unit: min, better_when: lower,
     aggregation: mean}
targets:
  - {key: triage-10, initiative: triage, kpi: handle-time, kind: relative, amount: 0.10,
     due: 2025-12-31}
design:
  key: triage
  kpis: [handle-time]
  assignment: phased
  baseline: {start: 2024-01-01, end: 2025-01-01}
valuation_rules:
  - {key: minutes, initiative: triage, kpi: handle-time, name: Paid minutes, rate: 0.75,
     currency: EUR, category: hard_cost}
"""


@dataclass(frozen=True)
class Expected:
    """What the series must say, added up without any of our code."""

    n: int
    total: Decimal
    squares: Decimal


def write_definitions(directory: Path) -> Path:
    """Put the definition file in a directory and return it."""
    path = directory / "triage.yaml"
    path.write_text(DEFINITIONS)
    return path


def values() -> Iterator[tuple[str, date, Decimal]]:
    """Make unit, day and measured value; the same every time."""
    rng = np.random.default_rng(5)
    level = dict(zip(UNITS, 30 + rng.normal(0, 2, len(UNITS)), strict=True))
    for offset in range(DAYS):
        day = FIRST_DAY + timedelta(days=offset)
        noise = rng.normal(0, 1.5, len(UNITS))
        for unit, each in zip(UNITS, noise, strict=True):
            effect = EFFECT if unit in TREATED and day >= GO_LIVE else 0.0
            yield unit, day, Decimal(f"{level[unit] + each + effect:.3f}")


def expected() -> Expected:
    """Add up what the events carry."""
    measured = [value for _, _, value in values()]
    zero = Decimal(0)
    squares = sum((value * value for value in measured), zero)
    return Expected(n=len(measured), total=sum(measured, zero), squares=squares)


def events(*, namespace: str = "urn:test") -> Iterator[Addressed]:
    """Make the programme's events, in business order."""
    start = datetime(GO_LIVE.year, GO_LIVE.month, GO_LIVE.day, tzinfo=UTC)
    for unit in UNITS:
        assigned = InterventionAssigned(
            initiative=INITIATIVE,
            unit=unit,
            arm="treatment" if unit in TREATED else "control",
            start=start,
            assignment="phased",
        )
        yield Addressed(
            BUSINESS, kafka_message(assigned, source=namespace, event_id=f"a/{unit}", time=start)
        )
    for unit, day, value in values():
        measured = MeasurementRecorded(kpi="handle-time", unit=unit, value=value)
        at = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
        yield Addressed(
            BUSINESS,
            kafka_message(measured, source=namespace, event_id=f"m/{unit}/{day}", time=at),
        )
    charged = CostCharged(
        initiative=INITIATIVE,
        billed_cost=Decimal("1200.00"),
        billing_currency="EUR",
        charge_period_start=start,
        charge_period_end=start + timedelta(days=31),
        charge_category="Usage",
        service_category="AI and Machine Learning",
        treatment="opex",
        status="billed",
        category="model",
    )
    yield Addressed(
        BUSINESS, kafka_message(charged, source=namespace, event_id="c/2025-01", time=start)
    )
