"""What AI costs: rows in the columns of FOCUS, billed before estimated, cash apart from amortized.

Cash (`billed_cost`, in the month its charge period begins) is what return and present value use.
The amortized view (`effective_cost`, spread over the charge period by days) is for a profit and
loss statement. A total uses one or the other, never both, or capital would be counted twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from aivalue.errors import InvalidMoney
from aivalue.kpis.definition import Currency, Text
from aivalue.money.money import Money
from aivalue.money.month import days_shared, month_of, months_between

CostCategory = Literal["model", "infra", "people", "licence", "change"]
Treatment = Literal["opex", "capex"]


class CostEntry(BaseModel):
    """One charge. A credit is negative; what is not known is absent, never 0."""

    # Rows arrive from another service, which may add columns before we read them.
    model_config = ConfigDict(frozen=True, extra="ignore")

    source: Text
    id: Text
    initiative: Text
    billed_cost: Decimal
    billing_currency: Currency
    charge_period_start: AwareDatetime
    charge_period_end: AwareDatetime = Field(description="Exclusive.")
    charge_category: Text
    service_category: Text
    treatment: Treatment
    status: Literal["estimated", "billed"]
    category: CostCategory
    effective_cost: Decimal | None = Field(default=None, description="Amortized; null if unknown.")
    description: str = ""
    invoice_id: str = ""
    tags: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _period_is_not_empty(self) -> Self:
        if not self.charge_period_start < self.charge_period_end:
            raise ValueError("charge_period_start must be before charge_period_end")
        return self

    @property
    def month(self) -> date:
        """Month in which the cash is counted."""
        return month_of(_utc_day(self.charge_period_start))


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTotals:
    """Cash cost in one currency; `estimated` is the part of `total` that no invoice confirmed."""

    total: Money
    billed: Money
    estimated: Money
    by_category: Mapping[CostCategory, Money]
    by_treatment: Mapping[Treatment, Money]


def settled(entries: Iterable[CostEntry]) -> tuple[CostEntry, ...]:
    """Drop the estimates of charges whose invoice has arrived.

    Telemetry estimates a charge, the invoice bills it: two events, one cost. They are the same
    charge if initiative, service, category, treatment and charge period agree.
    """
    rows = tuple(entries)
    invoiced = {_charge(row) for row in rows if row.status == "billed"}
    return tuple(row for row in rows if row.status == "billed" or _charge(row) not in invoiced)


def cost_totals(entries: Iterable[CostEntry], *, currency: str) -> CostTotals:
    """Add up the settled charges as cash."""
    rows = _in_currency(settled(entries), currency)
    by_category: dict[CostCategory, Money] = defaultdict(lambda: Money.zero(currency))
    by_treatment: dict[Treatment, Money] = defaultdict(lambda: Money.zero(currency))
    by_status = {"billed": Money.zero(currency), "estimated": Money.zero(currency)}
    for row in rows:
        cost = Money(row.billed_cost, currency)
        by_category[row.category] += cost
        by_treatment[row.treatment] += cost
        by_status[row.status] += cost
    return CostTotals(
        total=by_status["billed"] + by_status["estimated"],
        billed=by_status["billed"],
        estimated=by_status["estimated"],
        by_category=dict(sorted(by_category.items())),
        by_treatment=dict(sorted(by_treatment.items())),
    )


def cash_by_month(entries: Iterable[CostEntry], *, currency: str) -> dict[date, Money]:
    """Count each settled charge in full in the month its charge period begins."""
    months: dict[date, Money] = defaultdict(lambda: Money.zero(currency))
    for row in _in_currency(settled(entries), currency):
        months[row.month] += Money(row.billed_cost, currency)
    return dict(sorted(months.items()))


def amortized_by_month(entries: Iterable[CostEntry], *, currency: str) -> dict[date, Money]:
    """Spread each settled charge's effective cost over its charge period, by days."""
    months: dict[date, Money] = defaultdict(lambda: Money.zero(currency))
    for row in _in_currency(settled(entries), currency):
        cost = row.billed_cost if row.effective_cost is None else row.effective_cost
        start = _utc_day(row.charge_period_start)
        # A charge within one day has that day.
        end = max(_utc_day(row.charge_period_end), date.fromordinal(start.toordinal() + 1))
        for month in months_between(start, end):
            share = Decimal(days_shared(start, end, month=month)) / (end - start).days
            months[month] += Money(cost * share, currency)
    return dict(sorted(months.items()))


def _charge(row: CostEntry) -> tuple[object, ...]:
    period = row.charge_period_start, row.charge_period_end
    return row.initiative, row.service_category, row.category, row.treatment, *period


def _in_currency(rows: tuple[CostEntry, ...], currency: str) -> tuple[CostEntry, ...]:
    for row in rows:
        if row.billing_currency != currency:
            raise InvalidMoney(f"cost {row.id} is in {row.billing_currency}, needs {currency}")
    return rows


def _utc_day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()
