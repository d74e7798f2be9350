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

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    """One KPI's improvement and all the rules that price it.

    Attributes
    ----------
    allotted : rule -> month -> amount, or None
        What is credited instead of rate times quantity where initiatives share an effect: whole
        cents, so that shares sum to the total.
    parts :
        Which days of which period each rule prices, by rule and month.
    """

    improvement: Improvement
    rules: tuple[ValuationRule, ...]
    allotted: Mapping[str, Mapping[date, Decimal]] | None = None
    parts: tuple[tuple["Part", ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kpi = self.improvement.kpi
        for rule in self.rules:
            if rule.kpi != kpi:
                raise InvalidDefinition(f"rule {rule.key} prices {rule.kpi}, was given {kpi}")
        if len({rule.key for rule in self.rules}) != len(self.rules):
            raise InvalidDefinition(f"a rule of {kpi} is listed twice")
        parts = tuple(tuple(_parts(self.improvement.periods, rule)) for rule in self.rules)
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Share of a period's days that lie in one month and are priced by one rule."""

    month: date
    period: int
    days_share: Decimal


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
            quantity=quantity,
            value=_range_of([(pricing, {index})], {month: Decimal(1)}, rule.currency),
        )
        for pricing in pricings
        for index, rule in enumerate(pricing.rules)
        for month, quantity in _quantity_by_month(pricing, index).items()
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
        (
            pricing,
            {index for index, rule in enumerate(pricing.rules) if rule.category in categories},
        )
        for pricing in pricings
    ]
    return _range_of(chosen, weights, currency)


def rule_value(pricings: Sequence[Pricing], rule: ValuationRule) -> ValueRange:
    """Add up one rule's months."""
    chosen = [
        (pricing, {pricing.rules.index(rule)}) for pricing in pricings if rule in pricing.rules
    ]
    return _range_of(chosen, None, rule.currency)


def _range_of(
    chosen: Sequence[tuple[Pricing, Collection[int]]],
    weights: Mapping[date, Decimal] | None,
    currency: str,
) -> ValueRange:
    point, half_width, to_lower_bound, risk_adjustment = (Decimal(0),) * 4
    for pricing, rules in chosen:
        for index in rules:
            rule = pricing.rules[index]
            if rule.currency != currency:
                raise InvalidMoney(f"rule {rule.key} is in {rule.currency}, needs {currency}")
        value, standard_error = _moments(pricing, rules, weights)
        point += value
        # Standard errors of different KPIs add: the bound that holds for any correlation.
        half_width += pricing.improvement.two_sided * standard_error
        to_lower_bound += pricing.improvement.lower_bound * standard_error
        risk_adjustment += _risk_adjustment(pricing, rules, weights)
    return ValueRange(
        point=Money(point, currency),
        low=Money(point - half_width, currency),
        high=Money(point + half_width, currency),
        lower_bound=Money(point - to_lower_bound, currency),
        risk_adjusted=Money(point - risk_adjustment, currency),
    )


def _moments(
    pricing: Pricing, rules: Collection[int], weights: Mapping[date, Decimal] | None
) -> tuple[Decimal, Decimal]:
    """Value and its standard error, over the chosen rules of one KPI."""
    improvement = pricing.improvement
    together: dict[int, Decimal] = defaultdict(Decimal)
    variance, amount = Decimal(0), Decimal(0)
    for index in sorted(rules):
        rule = pricing.rules[index]
        per_rate: dict[int, Decimal] = defaultdict(Decimal)
        for part in pricing.parts[index]:
            factor = _factor(weights, part.month)
            per_rate[part.period] += factor * rule.share * part.days_share / rule.per
        for period, quantity in per_rate.items():
            together[period] += rule.rate * quantity
        if pricing.allotted is not None:
            months = pricing.allotted[rule.key].items()
            amount += sum((_factor(weights, month) * part for month, part in months), Decimal(0))
        if rule.rate_standard_error:
            quantity = _dot(per_rate, improvement.quantity)
            spread = quantity * quantity + _quadratic(per_rate, improvement.covariance)
            variance += rule.rate_standard_error**2 * spread
    variance += _quadratic(together, improvement.covariance)
    if pricing.allotted is None:
        amount = _dot(together, improvement.quantity)
    # A covariance estimated in floats may miss zero by its rounding error.
    return amount, max(variance, Decimal(0)).sqrt()


def _risk_adjustment(
    pricing: Pricing, rules: Collection[int], weights: Mapping[date, Decimal] | None
) -> Decimal:
    """Take the grade's part off each rule's gain of each month; a loss counts in full."""
    grade = pricing.improvement.grade
    if grade is None or not HAIRCUT[grade]:
        return Decimal(0)
    gains = Decimal(0)
    for index in sorted(rules):
        for month, amount in _amount_by_month(pricing, index).items():
            gains += _factor(weights, month) * max(amount, Decimal(0))
    return gains * HAIRCUT[grade]


def gross_by_month(pricing: Pricing, rule: int) -> dict[date, Decimal]:
    """Return rate times quantity of each month, nothing allotted and nothing rounded."""
    chosen = pricing.rules[rule]
    return {
        month: chosen.rate * chosen.share * quantity / chosen.per
        for month, quantity in _quantity_by_month(pricing, rule).items()
    }


def _amount_by_month(pricing: Pricing, rule: int) -> Mapping[date, Decimal]:
    if pricing.allotted is not None:
        return pricing.allotted[pricing.rules[rule].key]
    return gross_by_month(pricing, rule)


def _quantity_by_month(pricing: Pricing, rule: int) -> dict[date, Decimal]:
    quantities: dict[date, Decimal] = defaultdict(Decimal)
    for part in pricing.parts[rule]:
        quantities[part.month] += part.days_share * pricing.improvement.quantity[part.period]
    return quantities


def _parts(periods: Sequence[Period], rule: ValuationRule) -> Iterator[Part]:
    for index, period in enumerate(periods):
        start = max(period.start, rule.valid_from or period.start)
        end = min(period.end, rule.valid_to or period.end)
        n_days = (period.end - period.start).days
        for month in months_between(start, end):
            share = Decimal(days_shared(start, end, month=month)) / n_days
            yield Part(month=month, period=index, days_share=share)


def _factor(weights: Mapping[date, Decimal] | None, month: date) -> Decimal:
    return Decimal(1) if weights is None else weights.get(month, Decimal(0))


def _dot(weights: Mapping[int, Decimal], numbers: Sequence[Decimal]) -> Decimal:
    return sum((weight * numbers[index] for index, weight in weights.items()), Decimal(0))


def _quadratic(weights: Mapping[int, Decimal], covariance: Sequence[Sequence[Decimal]]) -> Decimal:
    # Most questions concern a few months: rows of weight zero are not visited.
    visited = {index: weight for index, weight in weights.items() if weight}
    return sum(
        (weight * _dot(visited, covariance[index]) for index, weight in visited.items()),
        Decimal(0),
    )
