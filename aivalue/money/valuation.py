"""Improvement to money, with the interval carried through and nothing clipped.

Every figure (a rule's month, a year, a discounted total) is a weighted sum w'q of the improvements
q with variance w'Vw. What is assumed about variances that nobody estimated:

* Rules on one KPI are ONE weight vector: they rise and fall together, perfectly correlated.
* Different KPIs are estimated apart, so their covariance is unknown. Their standard errors are
  added, which no correlation can exceed (Cauchy-Schwarz); intervals are wide rather than wrong.
* The error of a rule's rate is the same in all its months, and independent of the effect and of
  other rates: Var(rate x quantity) = rate^2 Var(q) + s^2 (q^2 + Var(q)).

A period that crosses months, or a rule's first or last day, is divided by days.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from aivalue.effects.effect import Grade, Period
from aivalue.errors import InvalidDefinition, InvalidMoney
from aivalue.money.improvement import Improvement
from aivalue.money.money import Money
from aivalue.money.month import days_shared, months_between
from aivalue.money.valuation_rule import Category, ValuationRule
from aivalue.money.value_range import ValueRange

# Cash that was not spent or was earned, and its negative: the profit and loss total.
PNL_CATEGORIES: frozenset[Category] = frozenset({"hard_cost", "revenue", "disbenefit"})
# With spend that would have happened. Freed capacity, strategic value and released working
# capital are shown by category and never enter a total.
BENEFIT_CATEGORIES: frozenset[Category] = PNL_CATEGORIES | {"cost_avoidance", "risk_reduction"}
HAIRCUT: Mapping[Grade, Decimal] = {
    "A": Decimal(0),
    "B": Decimal("0.10"),
    "C": Decimal("0.30"),
    "D": Decimal(1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """One KPI's improvement and all the rules that price it."""

    improvement: Improvement
    rules: tuple[ValuationRule, ...]

    def __post_init__(self) -> None:
        for rule in self.rules:
            if rule.kpi != self.improvement.kpi:
                kpi = self.improvement.kpi
                raise InvalidDefinition(f"rule {rule.key} prices {rule.kpi}, was given {kpi}")
        if len({rule.key for rule in self.rules}) != len(self.rules):
            raise InvalidDefinition(f"a rule of {self.improvement.kpi} is listed twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueLine:
    """What one rule makes of one month; `quantity` is what it prices, in the KPI's unit."""

    rule: str
    kpi: str
    category: Category
    month: date
    quantity: Decimal
    value: ValueRange


def value_lines(pricings: Sequence[Pricing]) -> tuple[ValueLine, ...]:
    """Price every rule and month, in order of month, KPI and rule."""
    lines = [
        ValueLine(
            rule=rule.key,
            kpi=rule.kpi,
            category=rule.category,
            month=month,
            quantity=_quantity(pricing.improvement, rule, month),
            value=_range_of([(pricing, (rule,))], {month: Decimal(1)}, rule.currency),
        )
        for pricing in pricings
        for rule in pricing.rules
        for month in priced_months(pricing.improvement.periods, rule)
    ]
    return tuple(sorted(lines, key=lambda line: (line.month, line.kpi, line.rule)))


def total_value(
    pricings: Sequence[Pricing],
    *,
    currency: str,
    categories: Collection[Category] = BENEFIT_CATEGORIES,
    weights: Mapping[date, Decimal] | None = None,
) -> ValueRange:
    """Add up over rules and months, with the covariance between months.

    Parameters
    ----------
    weights : factor >= 0 of each month
        1 for the months of a year, a discount factor for a present value. A month that is absent
        counts nothing; None counts every month once.
    """
    chosen = [
        (pricing, tuple(rule for rule in pricing.rules if rule.category in categories))
        for pricing in pricings
    ]
    return _range_of(chosen, weights, currency)


def priced_months(periods: Sequence[Period], rule: ValuationRule) -> list[date]:
    """List the months in which a rule has days to price."""
    windows = (_valid_window(period, rule) for period in periods)
    return sorted({month for start, end in windows for month in months_between(start, end)})


def _range_of(
    chosen: Sequence[tuple[Pricing, tuple[ValuationRule, ...]]],
    weights: Mapping[date, Decimal] | None,
    currency: str,
) -> ValueRange:
    point, half_width, to_lower_bound, risk_adjustment = (Decimal(0),) * 4
    for pricing, rules in chosen:
        for rule in rules:
            if rule.currency != currency:
                raise InvalidMoney(f"rule {rule.key} is in {rule.currency}, needs {currency}")
        value, standard_error = _moments(pricing.improvement, rules, weights)
        point += value
        # Standard errors of different KPIs add: the bound that holds for any correlation.
        half_width += pricing.improvement.two_sided * standard_error
        to_lower_bound += pricing.improvement.lower_bound * standard_error
        risk_adjustment += _risk_adjustment(pricing.improvement, rules, weights)
    return ValueRange(
        point=Money(point, currency),
        low=Money(point - half_width, currency),
        high=Money(point + half_width, currency),
        lower_bound=Money(point - to_lower_bound, currency),
        risk_adjusted=Money(point - risk_adjustment, currency),
    )


def _moments(
    improvement: Improvement,
    rules: Sequence[ValuationRule],
    weights: Mapping[date, Decimal] | None,
) -> tuple[Decimal, Decimal]:
    """Value and its standard error, over all the rules of one KPI."""
    together = [Decimal(0)] * len(improvement.periods)
    variance = Decimal(0)
    for rule in rules:
        per_rate = [_weight(period, rule, weights) for period in improvement.periods]
        together = [
            total + rule.rate * part for total, part in zip(together, per_rate, strict=True)
        ]
        if rule.rate_standard_error:
            quantity = _dot(per_rate, improvement.quantity)
            spread = quantity * quantity + _quadratic(per_rate, improvement.covariance)
            variance += rule.rate_standard_error**2 * spread
    variance += _quadratic(together, improvement.covariance)
    # A covariance estimated in floats may miss zero by its rounding error.
    return _dot(together, improvement.quantity), max(variance, Decimal(0)).sqrt()


def _risk_adjustment(
    improvement: Improvement,
    rules: Sequence[ValuationRule],
    weights: Mapping[date, Decimal] | None,
) -> Decimal:
    """Take the grade's part off each rule's gain of each month; a loss counts in full."""
    gains = Decimal(0)
    for rule in rules:
        for month in priced_months(improvement.periods, rule):
            factor = Decimal(1) if weights is None else weights.get(month, Decimal(0))
            price = factor * rule.rate * rule.share / rule.per
            gains += max(price * _quantity(improvement, rule, month), Decimal(0))
    return gains * HAIRCUT[improvement.grade] if improvement.grade else Decimal(0)


def _quantity(improvement: Improvement, rule: ValuationRule, month: date) -> Decimal:
    in_month = {month: Decimal(1)}
    parts = [_days_share(period, rule, in_month) for period in improvement.periods]
    return _dot(parts, improvement.quantity)


def _weight(period: Period, rule: ValuationRule, weights: Mapping[date, Decimal] | None) -> Decimal:
    return rule.share * _days_share(period, rule, weights) / rule.per


def _days_share(
    period: Period, rule: ValuationRule, weights: Mapping[date, Decimal] | None
) -> Decimal:
    """Weighted share of the period's days that the rule prices."""
    start, end = _valid_window(period, rule)
    days = Decimal(0)
    for month in months_between(start, end):
        factor = Decimal(1) if weights is None else weights.get(month, Decimal(0))
        days += factor * days_shared(start, end, month=month)
    return days / (period.end - period.start).days


def _valid_window(period: Period, rule: ValuationRule) -> tuple[date, date]:
    start = max(period.start, rule.valid_from or period.start)
    return start, max(start, min(period.end, rule.valid_to or period.end))


def _dot(left: Sequence[Decimal], right: Sequence[Decimal]) -> Decimal:
    return sum((one * other for one, other in zip(left, right, strict=True)), Decimal(0))


def _quadratic(weights: Sequence[Decimal], covariance: Sequence[Sequence[Decimal]]) -> Decimal:
    # Most questions concern a few months: rows of weight zero are not visited.
    return sum(
        (
            weight * _dot(weights, row)
            for weight, row in zip(weights, covariance, strict=True)
            if weight
        ),
        Decimal(0),
    )
