"""What an initiative earned net of its cost, month by month and as the figures finance asks for.

All flows of a month are dated on its last day. Cost is known, so it moves every bound of the value
alike; the interval of a sum comes from the covariance between months, not from adding bounds.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from aivalue.money.account import Account
from aivalue.money.cost import CostEntry, CostTotals, cash_by_month, cost_totals
from aivalue.money.money import Money
from aivalue.money.month import fiscal_year
from aivalue.money.returns import Returns, returns_of
from aivalue.money.valuation import PNL_CATEGORIES, Pricing, rule_value, total_value
from aivalue.money.valuation_rule import Category
from aivalue.money.value_range import ValueRange


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthValue:
    """One calendar month, named by its first day."""

    month: date
    benefit: ValueRange
    cost: Money
    net: ValueRange
    cumulative_net: ValueRange


@dataclass(frozen=True, slots=True, kw_only=True)
class YearValue:
    """What fell in one fiscal year, named by the calendar year in which it ends."""

    year: int
    benefit: ValueRange
    cost: Money
    net: ValueRange


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiativeValue:
    """An initiative in money.

    Attributes
    ----------
    months :
        Without gaps, from the first with a cost or a measured day to the last.
    benefit, pnl :
        Totals over `BENEFIT_CATEGORIES` and `PNL_CATEGORIES`.
    by_kpi :
        Splits `benefit`: totals over `BENEFIT_CATEGORIES`.
    by_category, by_rule :
        Include what no total includes, such as freed capacity.
    net_present_value :
        XNPV at the hurdle rate, as of the last day of the first month.
    """

    currency: str
    confidence: Decimal
    hurdle_rate: Decimal
    months: tuple[MonthValue, ...]
    in_year: tuple[YearValue, ...]
    by_category: Mapping[Category, ValueRange]
    by_kpi: Mapping[str, ValueRange]
    by_rule: Mapping[str, ValueRange]
    benefit: ValueRange
    pnl: ValueRange
    cost: CostTotals
    net: ValueRange
    net_present_value: ValueRange
    returns: Returns


def initiative_value(
    *,
    pricings: Sequence[Pricing],
    costs: Sequence[CostEntry],
    currency: str,
    hurdle_rate: Decimal,
    fiscal_year_start_month: int = 1,
) -> InitiativeValue:
    """Bring value and cost together.

    Parameters
    ----------
    costs :
        Every charge to count. Ask for those up to the last measured month, or later months carry
        cost whose value has not been measured.

    Raises
    ------
    NotComputable
        nothing_priced: no effect has a rule, and an unknown value is not a value of zero.
    """
    account = Account.of(pricings, cash_by_month(costs, currency=currency), currency=currency)
    every_month = dict.fromkeys(account.months, Decimal(1))
    cumulative = account.cumulative_net(every_month)
    return InitiativeValue(
        currency=currency,
        confidence=min(pricing.improvement.confidence for pricing in pricings),
        hurdle_rate=hurdle_rate,
        months=_months(account, cumulative),
        in_year=_in_year(account, fiscal_year_start_month),
        by_category=_by_category(pricings, currency),
        by_kpi=_by_kpi(pricings, currency),
        by_rule={
            rule.key: rule_value(pricings, rule) for pricing in pricings for rule in pricing.rules
        },
        benefit=account.benefit(every_month),
        pnl=total_value(pricings, currency=currency, categories=PNL_CATEGORIES),
        cost=cost_totals(costs, currency=currency),
        net=account.net(every_month),
        net_present_value=account.net(account.discounted(hurdle_rate)),
        returns=returns_of(account, hurdle_rate=hurdle_rate, cumulative_net=cumulative),
    )


def _months(account: Account, cumulative: Sequence[ValueRange]) -> tuple[MonthValue, ...]:
    return tuple(
        MonthValue(
            month=month,
            benefit=account.benefit({month: Decimal(1)}),
            cost=account.cost({month: Decimal(1)}),
            net=account.net({month: Decimal(1)}),
            cumulative_net=so_far,
        )
        for month, so_far in zip(account.months, cumulative, strict=True)
    )


def _in_year(account: Account, start_month: int) -> tuple[YearValue, ...]:
    years: dict[int, dict[date, Decimal]] = defaultdict(dict)
    for month in account.months:
        years[fiscal_year(month, start_month=start_month)][month] = Decimal(1)
    return tuple(
        YearValue(
            year=year,
            benefit=account.benefit(months),
            cost=account.cost(months),
            net=account.net(months),
        )
        for year, months in years.items()
    )


def _by_category(pricings: Sequence[Pricing], currency: str) -> dict[Category, ValueRange]:
    seen = {rule.category for pricing in pricings for rule in pricing.rules}
    return {
        category: total_value(pricings, currency=currency, categories={category})
        for category in sorted(seen)
    }


def _by_kpi(pricings: Sequence[Pricing], currency: str) -> dict[str, ValueRange]:
    kpis = sorted({pricing.improvement.kpi for pricing in pricings})
    return {
        kpi: total_value(
            [pricing for pricing in pricings if pricing.improvement.kpi == kpi], currency=currency
        )
        for kpi in kpis
    }
