"""Ratios, rates and times of an initiative's cash flow, each with its formula id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from aivalue.money.account import Account, cash_flows
from aivalue.money.cash_flow import (
    RUN_RATE_MONTHS,
    bcr,
    mirr,
    monthly_rate,
    payback_of_cumulative,
    roi_undiscounted,
    xirr,
)
from aivalue.money.figure import Figure, figure
from aivalue.money.money import Money
from aivalue.money.month import month_plus
from aivalue.money.value_range import ValueRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """What the money did.

    Attributes
    ----------
    payback_months, discounted_payback_months :
        From the last day of the first month; `low` is the earliest, `high` the latest, None if the
        low path of value has not paid back within the months measured.
    run_rate :
        Benefit per year, from the last three full months.
    """

    roi: Figure
    roi_present_value: Figure
    benefit_cost_ratio: Figure
    internal_rate: Figure
    modified_internal_rate: Figure
    payback_months: Figure
    discounted_payback_months: Figure
    peak_funding: Figure
    run_rate: Figure


def returns_of(
    account: Account, *, hurdle_rate: Decimal, cumulative_net: Sequence[ValueRange]
) -> Returns:
    """Compute every figure; what has no answer carries its reason."""
    undiscounted = dict.fromkeys(account.months, Decimal(1))
    discounted = account.discounted(hurdle_rate)
    benefit, cost = account.benefit(undiscounted), account.cost(undiscounted)
    benefit_now, cost_now = account.benefit(discounted), account.cost(discounted)
    net = [account.net({month: Decimal(1)}).point.amount for month in account.months]
    return Returns(
        roi=_ratio("roi.undiscounted", roi_undiscounted, benefit, cost),
        roi_present_value=_ratio("roi.pv", roi_undiscounted, benefit_now, cost_now),
        benefit_cost_ratio=_ratio("bcr.pv", bcr, benefit_now, cost_now),
        internal_rate=figure("xirr", lambda: xirr(cash_flows(account.months, net))),
        modified_internal_rate=figure(
            "mirr.monthly", lambda: _annual_mirr(account.months, net, hurdle_rate)
        ),
        payback_months=_payback("payback.last_crossing", cumulative_net),
        discounted_payback_months=_payback(
            "payback.discounted", account.cumulative_net(discounted)
        ),
        peak_funding=_peak_funding(cumulative_net),
        run_rate=_run_rate(account),
    )


def _ratio(formula: str, ratio: Callable[..., Decimal], benefit: ValueRange, cost: Money) -> Figure:
    def at(value: Money) -> Callable[[], Decimal]:
        return lambda: ratio(benefits=value.amount, costs=cost.amount)

    return figure(formula, at(benefit.point), low=at(benefit.low), high=at(benefit.high))


def _annual_mirr(months: Sequence[date], net: Sequence[Decimal], hurdle_rate: Decimal) -> Decimal:
    per_month = monthly_rate(hurdle_rate)
    amounts = [flow.amount for flow in cash_flows(months, net)]
    return (1 + mirr(amounts, finance_rate=per_month, reinvestment_rate=per_month)) ** 12 - 1


def _payback(formula: str, path: Sequence[ValueRange]) -> Figure:
    return figure(
        formula,
        lambda: payback_of_cumulative([net.point.amount for net in path]),
        low=lambda: payback_of_cumulative([net.high.amount for net in path]),
        high=lambda: payback_of_cumulative([net.low.amount for net in path]),
    )


def _peak_funding(path: Sequence[ValueRange]) -> Figure:
    return figure(
        "peak_funding",
        lambda: min(Decimal(0), *(net.point.amount for net in path)),
        low=lambda: min(Decimal(0), *(net.low.amount for net in path)),
        high=lambda: min(Decimal(0), *(net.high.amount for net in path)),
    )


def _run_rate(account: Account) -> Figure:
    formula = "run_rate.last_3m_x4"
    full = account.full_months()[-RUN_RATE_MONTHS:]
    if len(full) < RUN_RATE_MONTHS or full[0] != month_plus(full[-1], 1 - RUN_RATE_MONTHS):
        return Figure(formula=formula, value=None, reason="too_few_full_months")
    value = account.benefit(dict.fromkeys(full, Decimal(12 // RUN_RATE_MONTHS)))
    return Figure(
        formula=formula,
        value=value.point.amount,
        low=value.low.amount,
        high=value.high.amount,
    )
