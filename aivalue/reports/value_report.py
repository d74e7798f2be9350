"""An initiative in money as JSON carries it: decimals as strings, rounded here and nowhere else.

Each figure is rounded on its own (money at the currency's minor unit, ratios and months at six
places), so a total may differ by a cent from the sum of its rounded parts.
"""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer

from aivalue.kpis.definition import Currency
from aivalue.money.cost import CostCategory, CostTotals, Treatment
from aivalue.money.figure import Figure
from aivalue.money.initiative_value import InitiativeValue, MonthValue, YearValue
from aivalue.money.money import Money
from aivalue.money.valuation_rule import Category
from aivalue.money.value_range import ValueRange

_SIX_PLACES = Decimal(1).scaleb(-6)

# Pydantic writes 0E-2 and 1E+3; a reader of money expects neither.
Exact = Annotated[
    Decimal, PlainSerializer(lambda number: format(number, "f"), return_type=str, when_used="json")
]


class Report(BaseModel):
    """A shape of our HTTP answers: immutable and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RangeReport(Report):
    """Value with its bounds; `point` is gross, `lower_bound` one-sided at 90 %."""

    point: Exact
    low: Exact
    high: Exact
    lower_bound: Exact
    risk_adjusted: Exact

    @classmethod
    def of(cls, value: ValueRange) -> Self:
        """Round a range of value."""
        return cls(
            point=_cash(value.point),
            low=_cash(value.low),
            high=_cash(value.high),
            lower_bound=_cash(value.lower_bound),
            risk_adjusted=_cash(value.risk_adjusted),
        )


class FigureReport(Report):
    """One figure by the formula it names; null with a reason where it has no answer."""

    formula: str
    value: Exact | None
    low: Exact | None
    high: Exact | None
    reason: str | None

    @classmethod
    def of(cls, figure: Figure) -> Self:
        """Round a ratio, a rate or a number of months."""
        return cls(
            formula=figure.formula,
            value=_ratio(figure.value),
            low=_ratio(figure.low),
            high=_ratio(figure.high),
            reason=figure.reason,
        )

    @classmethod
    def of_money(cls, figure: Figure, *, currency: str) -> Self:
        """Round a figure that is an amount."""
        return cls(
            formula=figure.formula,
            value=_amount(figure.value, currency),
            low=_amount(figure.low, currency),
            high=_amount(figure.high, currency),
            reason=figure.reason,
        )


class CostReport(Report):
    """Cash cost; `estimated` is the part that no invoice has confirmed."""

    currency: Currency
    total: Exact
    billed: Exact
    estimated: Exact
    by_category: dict[CostCategory, Exact]
    by_treatment: dict[Treatment, Exact]


class MonthReport(Report):
    """One month, named by its first day."""

    month: date
    benefit: RangeReport
    cost: Exact
    net: RangeReport
    cumulative_net: RangeReport

    @classmethod
    def of(cls, value: MonthValue) -> Self:
        """Round a month."""
        return cls(
            month=value.month,
            benefit=RangeReport.of(value.benefit),
            cost=_cash(value.cost),
            net=RangeReport.of(value.net),
            cumulative_net=RangeReport.of(value.cumulative_net),
        )


class YearReport(Report):
    """One fiscal year, named by the calendar year in which it ends."""

    year: int
    benefit: RangeReport
    cost: Exact
    net: RangeReport

    @classmethod
    def of(cls, value: YearValue) -> Self:
        """Round a fiscal year."""
        return cls(
            year=value.year,
            benefit=RangeReport.of(value.benefit),
            cost=_cash(value.cost),
            net=RangeReport.of(value.net),
        )


class ValueReport(Report):
    """What an initiative earned; fields as in `InitiativeValue` and `Returns`."""

    currency: Currency
    confidence: Exact
    hurdle_rate: Exact
    benefit: RangeReport
    pnl: RangeReport
    cost: CostReport
    net: RangeReport
    net_present_value: RangeReport
    roi: FigureReport
    roi_present_value: FigureReport
    benefit_cost_ratio: FigureReport
    internal_rate: FigureReport
    modified_internal_rate: FigureReport
    payback_months: FigureReport
    discounted_payback_months: FigureReport
    peak_funding: FigureReport
    run_rate: FigureReport
    by_category: dict[Category, RangeReport]
    by_kpi: dict[str, RangeReport]
    by_rule: dict[str, RangeReport]
    in_year: tuple[YearReport, ...]
    months: tuple[MonthReport, ...]


def value_report(value: InitiativeValue) -> ValueReport:
    """Round an initiative's value."""
    returns = value.returns
    return ValueReport(
        currency=value.currency,
        confidence=value.confidence,
        hurdle_rate=value.hurdle_rate,
        benefit=RangeReport.of(value.benefit),
        pnl=RangeReport.of(value.pnl),
        cost=cost_report(value.cost),
        net=RangeReport.of(value.net),
        net_present_value=RangeReport.of(value.net_present_value),
        roi=FigureReport.of(returns.roi),
        roi_present_value=FigureReport.of(returns.roi_present_value),
        benefit_cost_ratio=FigureReport.of(returns.benefit_cost_ratio),
        internal_rate=FigureReport.of(returns.internal_rate),
        modified_internal_rate=FigureReport.of(returns.modified_internal_rate),
        payback_months=FigureReport.of(returns.payback_months),
        discounted_payback_months=FigureReport.of(returns.discounted_payback_months),
        peak_funding=FigureReport.of_money(returns.peak_funding, currency=value.currency),
        run_rate=FigureReport.of_money(returns.run_rate, currency=value.currency),
        by_category={name: RangeReport.of(each) for name, each in value.by_category.items()},
        by_kpi={kpi: RangeReport.of(each) for kpi, each in value.by_kpi.items()},
        by_rule={rule: RangeReport.of(each) for rule, each in value.by_rule.items()},
        in_year=tuple(YearReport.of(year) for year in value.in_year),
        months=tuple(MonthReport.of(month) for month in value.months),
    )


def cost_report(totals: CostTotals) -> CostReport:
    """Round the totals of a cost ledger."""
    return CostReport(
        currency=totals.total.currency,
        total=_cash(totals.total),
        billed=_cash(totals.billed),
        estimated=_cash(totals.estimated),
        by_category={name: _cash(cost) for name, cost in totals.by_category.items()},
        by_treatment={name: _cash(cost) for name, cost in totals.by_treatment.items()},
    )


def _cash(money: Money) -> Decimal:
    # Adding 0 turns the "-0.00" of a small loss into "0.00".
    return money.rounded().amount + 0


def _amount(amount: Decimal | None, currency: str) -> Decimal | None:
    return None if amount is None else _cash(Money(amount, currency))


def _ratio(number: Decimal | None) -> Decimal | None:
    return None if number is None else number.quantize(_SIX_PLACES, ROUND_HALF_EVEN) + 0
