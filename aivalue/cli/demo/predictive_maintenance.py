"""A simulated programme whose truth is known: predictive maintenance on 24 lines, three years.

Rolled out in phases, with the traps of real ones planted in it: season, a common shock, a pilot
line chosen after a bad quarter, drift in one plant, two lines that never get the AI. The truth
file says what each line would have done without the AI; only the comparison reads it.
"""

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from aivalue.cli.demo.case import Addressed, Case, Truth, example
from aivalue.events.business import CostCharged, InterventionAssigned, MeasurementRecorded
from aivalue.events.encode import kafka_message
from aivalue.events.topics import BUSINESS

INITIATIVE = "predictive-maintenance"
FIRST_MONTH = date(2024, 1, 1)
LATE = ("2025-10-01", "2026-01-01")
_LINE_DAYS = 26_304
# Spent before go-live, hence in none of the monthly rows.
_PREPARATION_MONTH = "2023-12"
_PREPARATION_COST = Decimal(1_200_000)


def predictive_maintenance() -> Case:
    """Describe the case."""
    home = example("predictive-maintenance")
    data = home / "data"
    rollout: dict[str, int | None] = json.loads((data / "truth.json").read_text())["pdm"][
        "rollout_month"
    ]
    return Case(
        name="predictive-maintenance",
        title="Predictive maintenance: 24 lines, phased rollout (simulated, truth known)",
        definitions=home,
        events=lambda: _events(data, rollout),
        n_events=2 * _LINE_DAYS + len(rollout) + _cost_rows(data),
        truth=_truth(data, rollout),
        late_window=LATE,
    )


def month_start(months: int) -> date:
    """Return the first day of the month so many months after the programme's first."""
    index = FIRST_MONTH.month - 1 + months
    return date(FIRST_MONTH.year + index // 12, index % 12 + 1, 1)


def _events(data: Path, rollout: Mapping[str, int | None]) -> Iterator[Addressed]:
    yield from _interventions(rollout)
    yield from _measurements(data / "pdm_line_day.csv.gz")
    yield from _costs(data / "golden_finance_month.csv")


def _interventions(rollout: Mapping[str, int | None]) -> Iterator[Addressed]:
    for line, month in rollout.items():
        start = _midnight(FIRST_MONTH if month is None else month_start(month))
        assigned = InterventionAssigned(
            initiative=INITIATIVE,
            unit=line,
            arm="control" if month is None else "treatment",
            start=start,
            assignment="phased",
        )
        message = kafka_message(
            assigned, source="urn:demo:programme", event_id=f"rollout/{line}", time=start
        )
        yield Addressed(BUSINESS, message)


def _measurements(path: Path) -> Iterator[Addressed]:
    with gzip.open(path, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            day, line = row["date"], row["line"]
            for kpi, numerator in (("downtime", "downtime_min"), ("failures", "failures")):
                measured = MeasurementRecorded(
                    kpi=kpi,
                    unit=line,
                    numerator=Decimal(row[numerator]),
                    denominator=Decimal(row["sched_h"]),
                )
                message = kafka_message(
                    measured,
                    source="urn:demo:mes",
                    event_id=f"{kpi}/{line}/{day}",
                    time=_midnight(date.fromisoformat(day)),
                )
                yield Addressed(BUSINESS, message)


def _costs(path: Path) -> Iterator[Addressed]:
    for month, treatment, amount in _charges(path):
        start = date.fromisoformat(month + "-01")
        end = date(start.year + start.month // 12, start.month % 12 + 1, 1)
        charged = CostCharged(
            initiative=INITIATIVE,
            billed_cost=amount,
            billing_currency="USD",
            charge_period_start=_midnight(start),
            charge_period_end=_midnight(end),
            charge_category="Purchase" if treatment == "capex" else "Usage",
            service_category="AI and Machine Learning",
            treatment=treatment,
            status="billed",
            category="infra" if treatment == "capex" else "model",
        )
        message = kafka_message(
            charged, source="urn:demo:erp", event_id=f"{treatment}/{month}", time=_midnight(start)
        )
        yield Addressed(BUSINESS, message)


def _charges(path: Path) -> Iterator[tuple[str, Literal["capex", "opex"], Decimal]]:
    """Read month, treatment and amount; the file keeps costs as negative flows."""
    yield _PREPARATION_MONTH, "capex", _PREPARATION_COST
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            treatments: tuple[Literal["capex", "opex"], ...] = ("capex", "opex")
            for treatment in treatments:
                amount = -Decimal(row[treatment])
                if amount:
                    yield row["ym"], treatment, amount


def _cost_rows(data: Path) -> int:
    return sum(1 for _ in _charges(data / "golden_finance_month.csv"))


def _truth(data: Path, rollout: Mapping[str, int | None]) -> Truth:
    golden = json.loads((data / "golden_finance.json").read_text())
    starts = {
        line: month_start(month).isoformat() for line, month in rollout.items() if month is not None
    }
    # KPI -> with AI, without AI; first over everything, then over the late window.
    sums = {kpi: [0.0] * 4 for kpi in ("downtime", "failures")}
    with (
        gzip.open(data / "pdm_line_day.csv.gz", "rt", newline="") as actual_lines,
        gzip.open(data / "pdm_truth_line_day.csv.gz", "rt", newline="") as truth_lines,
    ):
        pairs = zip(csv.DictReader(actual_lines), csv.DictReader(truth_lines), strict=True)
        for actual, without in pairs:
            if actual["date"] < starts.get(actual["line"], "9999"):
                continue
            for kpi, column in (("downtime", "downtime_min"), ("failures", "failures")):
                pair = float(actual[column]), float(without[column + "_y0"])
                late = LATE[0] <= actual["date"] < LATE[1]
                for offset in (0, 2) if late else (0,):
                    sums[kpi][offset] += pair[0]
                    sums[kpi][offset + 1] += pair[1]
    return Truth(
        relative={kpi: each[0] / each[1] - 1 for kpi, each in sums.items()},
        late={kpi: each[2] / each[3] - 1 for kpi, each in sums.items()},
        value=f"{golden['benefit_total']:.2f}",
        roi=f"{golden['roi_undiscounted']:.4f}",
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
