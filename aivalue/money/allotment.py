"""What initiatives that share an effect are each worth, in whole cents that sum to what all are.

A rule prices what all of them brought in a month; the amount is rounded to the currency's minor
unit once and then parted, so no cent appears or is lost, however often a share is rounded.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from aivalue.effects.overlap.cents import in_cents
from aivalue.money.improvement import Improvement
from aivalue.money.money import minor_digits
from aivalue.money.valuation import Pricing, gross_by_month
from aivalue.money.valuation_rule import ValuationRule

Allotment = Mapping[str, Mapping[date, Mapping[str, Decimal]]]
_CENT_DIGITS = 2  # `in_cents` takes hundredths; other minor units are moved there and back.


def allotment_of(
    improvements: Mapping[str, Improvement], rules: Sequence[ValuationRule]
) -> Allotment:
    """Part each rule's amount of each month among initiatives, by what each improved.

    Initiatives whose rules are the same compute the same parts.

    Returns
    -------
    rule -> month -> initiative -> amount, in whole minor units
    """
    parts: dict[str, dict[date, dict[str, Decimal]]] = {}
    for rule in rules:
        by_month: dict[date, dict[str, Decimal]] = {}
        for name in sorted(improvements):
            pricing = Pricing(improvement=improvements[name], rules=(rule,))
            for month, amount in gross_by_month(pricing, 0).items():
                by_month.setdefault(month, {})[name] = amount
        digits = minor_digits(rule.currency)
        parts[rule.key] = {
            month: _parted(amounts, digits) for month, amounts in sorted(by_month.items())
        }
    return parts


def allotted_to(initiative: str, allotment: Allotment) -> dict[str, dict[date, Decimal]]:
    """Return one initiative's amounts by rule and month."""
    return {
        rule: {month: parts[initiative] for month, parts in months.items() if initiative in parts}
        for rule, months in allotment.items()
    }


def totals_of(months: Mapping[date, Mapping[str, Decimal]]) -> dict[str, Decimal]:
    """Return each initiative's amount over all months of one rule."""
    totals: dict[str, Decimal] = {}
    for parts in months.values():
        for name, amount in parts.items():
            totals[name] = totals.get(name, Decimal(0)) + amount
    return dict(sorted(totals.items()))


def _parted(amounts: Mapping[str, Decimal], digits: int) -> dict[str, Decimal]:
    moved = {name: amount.scaleb(digits - _CENT_DIGITS) for name, amount in amounts.items()}
    total = round(sum(amounts.values(), Decimal(0)).scaleb(digits))
    return {name: Decimal(units).scaleb(-digits) for name, units in in_cents(moved, total).items()}
