"""What a plan of dated money comes to: net, present value, rate of return, ratios and payback.

The conventions are those of docs/methods/cash_flow.md; nothing is put into months, each flow counts
on its own day.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from aivalue.errors import NotComputable
from aivalue.money.cash_flow import (
    CashFlow,
    bcr,
    discount_factor,
    peak_funding,
    roi_undiscounted,
    xirr,
    xnpv,
)
from aivalue.money.figure import Figure, figure


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCase:
    """The figures of flows, as of the day of the first one.

    Attributes
    ----------
    payback, discounted_payback :
        First day from which on the sum so far stays at or above zero; None where there is none.
    """

    start: date
    end: date
    net: Figure
    present_value: Figure
    internal_rate: Figure
    roi: Figure
    roi_present_value: Figure
    benefit_cost_ratio: Figure
    peak_funding: Figure
    payback: date | None
    discounted_payback: date | None


def business_case(flows: Sequence[CashFlow], *, rate: Decimal) -> BusinessCase:
    """Compute every figure; what has no answer carries its reason.

    Raises
    ------
    NotComputable
        There are no flows, or no such rate.
    """
    if not flows:
        raise NotComputable("there are no flows", reason="no_flows")
    in_order = sorted(flows, key=lambda flow: flow.day)
    start = in_order[0].day
    now = [
        CashFlow(
            day=flow.day,
            amount=flow.amount * discount_factor(rate, start=start, day=flow.day),
        )
        for flow in in_order
    ]
    return BusinessCase(
        start=start,
        end=in_order[-1].day,
        net=figure("net", lambda: sum((flow.amount for flow in in_order), Decimal(0))),
        present_value=figure("xnpv", lambda: xnpv(rate, in_order)),
        internal_rate=figure("xirr", lambda: xirr(in_order)),
        roi=_ratio("roi.undiscounted", roi_undiscounted, in_order),
        roi_present_value=_ratio("roi.pv", roi_undiscounted, now),
        benefit_cost_ratio=_ratio("bcr.pv", bcr, now),
        peak_funding=figure("peak_funding", lambda: peak_funding(list(_by_day(in_order).values()))),
        payback=_payback_day(in_order),
        discounted_payback=_payback_day(now),
    )


def _ratio(formula: str, ratio: Callable[..., Decimal], flows: Sequence[CashFlow]) -> Figure:
    benefits = sum((max(flow.amount, Decimal(0)) for flow in flows), Decimal(0))
    costs = -sum((min(flow.amount, Decimal(0)) for flow in flows), Decimal(0))
    return figure(formula, lambda: ratio(benefits=benefits, costs=costs))


def _by_day(flows: Sequence[CashFlow]) -> dict[date, Decimal]:
    days: dict[date, Decimal] = {}
    for flow in flows:
        days[flow.day] = days.get(flow.day, Decimal(0)) + flow.amount
    return days


def _payback_day(flows: Sequence[CashFlow]) -> date | None:
    days = _by_day(flows)
    paid_back: date | None = None
    for day, total in zip(days, accumulate(days.values()), strict=True):
        if total < 0:
            paid_back = None
        elif paid_back is None:
            paid_back = day
    return paid_back
