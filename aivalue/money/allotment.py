"""What initiatives that share an effect are each worth, in whole cents that sum to what all are.

A rule prices what all of them brought in a month; the amount is rounded to the cent once and then
parted, so no cent appears or is lost, however often a share is rounded.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from aivalue.effects.overlap.cents import in_cents
from aivalue.money.improvement import Improvement
from aivalue.money.valuation import Pricing, gross_by_month
from aivalue.money.valuation_rule import ValuationRule

Cents = Mapping[str, Mapping[date, Mapping[str, int]]]


def cents_of(improvements: Mapping[str, Improvement], rules: Sequence[ValuationRule]) -> Cents:
    """Part each rule's amount of each month among initiatives, by what each improved.

    Initiatives whose rules are the same compute the same cents.

    Returns
    -------
    rule -> month -> initiative -> cents
    """
    names = sorted(improvements)
    cents: dict[str, dict[date, dict[str, int]]] = {}
    for rule in rules:
        by_month: dict[date, dict[str, Decimal]] = {}
        for name in names:
            pricing = Pricing(improvement=improvements[name], rules=(rule,))
            for month, amount in gross_by_month(pricing, 0).items():
                by_month.setdefault(month, {})[name] = amount
        cents[rule.key] = {
            month: in_cents(amounts, round(100 * sum(amounts.values(), Decimal(0))))
            for month, amounts in sorted(by_month.items())
        }
    return cents


def allotted_to(initiative: str, cents: Cents) -> dict[str, dict[date, Decimal]]:
    """Return one initiative's amounts by rule and month, in the currency's major unit."""
    return {
        rule: {
            month: Decimal(parts[initiative]).scaleb(-2)
            for month, parts in months.items()
            if initiative in parts
        }
        for rule, months in cents.items()
    }


def totals_of(months: Mapping[date, Mapping[str, int]]) -> dict[str, Decimal]:
    """Return each initiative's amount over all months of one rule."""
    totals: dict[str, int] = {}
    for parts in months.values():
        for name, cents in parts.items():
            totals[name] = totals.get(name, 0) + cents
    return {name: Decimal(cents).scaleb(-2) for name, cents in sorted(totals.items())}
