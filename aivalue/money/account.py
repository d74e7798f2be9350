"""Value and cost of one initiative, ready to be asked for any set of weighted months."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from aivalue.errors import NotComputable
from aivalue.money.cash_flow import CashFlow, discount_factor
from aivalue.money.money import Money
from aivalue.money.month import days_shared, month_end, months_between, next_month
from aivalue.money.valuation import Pricing, total_value
from aivalue.money.value_range import ValueRange

Weights = Mapping[date, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Benefit and cash cost by month.

    Attributes
    ----------
    months :
        Without gaps, from the first with a cost or a measured day to the last.
    """

    pricings: Sequence[Pricing]
    cost_by_month: Mapping[date, Money]
    months: tuple[date, ...]
    currency: str

    @classmethod
    def of(
        cls, pricings: Sequence[Pricing], cost_by_month: Mapping[date, Money], *, currency: str
    ) -> Self:
        """Line up the months.

        Raises
        ------
        NotComputable
            nothing_priced: no effect has a rule, and an unknown value is not a value of zero.
        """
        if not any(pricing.rules for pricing in pricings):
            raise NotComputable("no estimated effect has a rule", reason="nothing_priced")
        periods = [period for pricing in pricings for period in pricing.improvement.periods]
        start = min([*cost_by_month, *(period.start for period in periods)])
        end = max(
            [*(next_month(month) for month in cost_by_month), *(period.end for period in periods)]
        )
        return cls(
            pricings=pricings,
            cost_by_month=cost_by_month,
            months=tuple(months_between(start, end)),
            currency=currency,
        )

    def benefit(self, weights: Weights) -> ValueRange:
        """Add up benefits, each month times its weight."""
        return total_value(self.pricings, currency=self.currency, weights=weights)

    def cost(self, weights: Weights) -> Money:
        """Add up costs, each month times its weight."""
        amounts = (
            cost.amount * weights.get(month, Decimal(0))
            for month, cost in self.cost_by_month.items()
        )
        return Money(sum(amounts, Decimal(0)), self.currency)

    def net(self, weights: Weights) -> ValueRange:
        """Add up benefit less cost, each month times its weight."""
        return self.benefit(weights) - self.cost(weights)

    def discounted(self, rate: Decimal) -> dict[date, Decimal]:
        """Weigh each month as XNPV does: by its last day, as of the first month's last day."""
        first = month_end(self.months[0])
        return {
            month: discount_factor(rate, start=first, day=month_end(month)) for month in self.months
        }

    def cumulative_net(self, weights: Weights) -> tuple[ValueRange, ...]:
        """Sum up to and with each month; the interval is that of the sum, not a sum of bounds."""
        return tuple(
            self.net({month: weights[month] for month in self.months[: n_months + 1]})
            for n_months in range(len(self.months))
        )

    def full_months(self) -> tuple[date, ...]:
        """List the months of which every priced KPI has measured every day."""
        priced = [pricing.improvement.periods for pricing in self.pricings if pricing.rules]
        return tuple(
            month
            for month in self.months
            if all(
                sum(days_shared(period.start, period.end, month=month) for period in periods)
                == (next_month(month) - month).days
                for periods in priced
            )
        )


def cash_flows(months: Iterable[date], amounts: Iterable[Decimal]) -> list[CashFlow]:
    """Date each month's amount on its last day, from the first that moves money."""
    flows = [
        CashFlow(day=month_end(month), amount=amount)
        for month, amount in zip(months, amounts, strict=True)
    ]
    first = next((index for index, flow in enumerate(flows) if flow.amount), len(flows))
    return flows[first:]
