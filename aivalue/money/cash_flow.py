"""What finance asks of dated money: present values, rates of return, payback.

Conventions (docs/methods/cash_flow.md): Actual/365 Fixed for dates, as Excel's XNPV and XIRR; the
first flow of `npv_0` is undiscounted; a figure without an answer raises NotComputable, never 0.
Costs are negative flows, benefits positive ones, unless an argument is named costs.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from aivalue.errors import NotComputable
from aivalue.money.rate_of_return import rate_of_return

_DAYS_PER_YEAR = 365  # Fixed: leap years are not adjusted
_ONE = Decimal(1)
RUN_RATE_MONTHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CashFlow:
    """Money that moves on a day; negative is spent."""

    day: date
    amount: Decimal


def xnpv(rate: Decimal, flows: Sequence[CashFlow]) -> Decimal:
    """Sum the flows as of the first one's day; the first flow must be the earliest."""
    _years_since_first(flows)
    first = flows[0].day
    return sum(
        (flow.amount * discount_factor(rate, start=first, day=flow.day) for flow in flows),
        Decimal(0),
    )


def discount_factor(rate: Decimal, *, start: date, day: date) -> Decimal:
    """Return what 1 on a day is worth on the start day: Actual/365 Fixed."""
    _require_rate(rate)
    return _ONE / (1 + rate) ** (Decimal((day - start).days) / _DAYS_PER_YEAR)


def xirr(flows: Sequence[CashFlow]) -> Decimal:
    """Return the annual rate at which `xnpv` is zero.

    Raises
    ------
    NotComputable
        no_flows, flow_before_first_date, first_flow_is_zero, no_sign_change,
        multiple_irr_possible or no_root.
    """
    years = _years_since_first(flows)
    if not any(flow.amount for flow, year in zip(flows, years, strict=True) if not year):
        raise NotComputable("the first day moves no money", reason="first_flow_is_zero")
    # Flows of one day are one flow: spent and earned together they are no change of sign.
    by_year: dict[Decimal, Decimal] = defaultdict(Decimal)
    for flow, year in zip(flows, years, strict=True):
        by_year[year] += flow.amount
    in_order = sorted(by_year)
    return rate_of_return([by_year[year] for year in in_order], years=in_order)


def npv_excel(rate: Decimal, values: Sequence[Decimal]) -> Decimal:
    """Discount as Excel's NPV does: the first value already by one period."""
    return npv_0(rate, [Decimal(0), *values])


def npv_0(rate: Decimal, values: Sequence[Decimal]) -> Decimal:
    """Discount periods with the first value at once, the others at their period's end."""
    _require_rate(rate)
    return sum((value / (1 + rate) ** period for period, value in enumerate(values)), Decimal(0))


def npv_mid(rate: Decimal, values: Sequence[Decimal]) -> Decimal:
    """Discount periods with the first value at once, the others at mid-period."""
    later = npv_excel(rate, values[1:])
    return sum(values[:1], Decimal(0)) + later * (1 + rate).sqrt()


def irr(values: Sequence[Decimal]) -> Decimal:
    """Return the rate per period at which `npv_0` is zero; raises NotComputable as `xirr`."""
    return rate_of_return(values, years=[Decimal(period) for period in range(len(values))])


def irr_mid(values: Sequence[Decimal]) -> Decimal:
    """Return the rate per period at which `npv_mid` is zero; raises NotComputable as `xirr`."""
    half = Decimal("0.5")
    periods = [max(Decimal(period) - half, Decimal(0)) for period in range(len(values))]
    return rate_of_return(values, years=periods)


def mirr(
    values: Sequence[Decimal], *, finance_rate: Decimal, reinvestment_rate: Decimal
) -> Decimal:
    """Return the growth rate from the spent flows' present value to the earned ones' final value.

    It has one answer where IRR may have several.
    """
    _require_rate(finance_rate)
    _require_rate(reinvestment_rate)
    last = len(values) - 1
    spent = npv_0(finance_rate, [min(value, Decimal(0)) for value in values])
    earned = npv_0(reinvestment_rate, [max(value, Decimal(0)) for value in values])
    if not (spent < 0 < earned):
        raise NotComputable("MIRR needs money spent and money earned", reason="no_sign_change")
    final = earned * (1 + reinvestment_rate) ** last
    return (final / -spent) ** (_ONE / last) - 1


def roi_undiscounted(*, benefits: Decimal, costs: Decimal) -> Decimal:
    """Return (benefits - costs) / costs; on present values it is roi.pv. Never gain over cost."""
    return bcr(benefits=benefits, costs=costs) - 1


def bcr(*, benefits: Decimal, costs: Decimal) -> Decimal:
    """Return benefits / costs; disbenefits are negative benefits, not costs."""
    if costs <= 0:
        raise NotComputable(f"a ratio to costs needs costs > 0, got {costs}", reason="no_costs")
    return benefits / costs


def payback(values: Sequence[Decimal]) -> Decimal:
    """Return periods from the first flow until the cumulative sum reaches zero for good."""
    return payback_of_cumulative(list(accumulate(values)))


def discounted_payback(values: Sequence[Decimal], *, rate: Decimal) -> Decimal:
    """Return the payback of the flows discounted as by `npv_0`."""
    _require_rate(rate)
    return payback([value / (1 + rate) ** period for period, value in enumerate(values)])


def payback_of_cumulative(cumulative: Sequence[Decimal]) -> Decimal:
    """Return where a cumulative path crosses zero the last time, interpolated within the period.

    0 if it never was below zero.
    """
    if not cumulative:
        raise NotComputable("there are no flows", reason="no_flows")
    if cumulative[-1] < 0:
        raise NotComputable(f"{cumulative[-1]} is still missing", reason="not_paid_back")
    below = [period for period, total in enumerate(cumulative) if total < 0]
    if not below:
        return Decimal(0)
    before, after = cumulative[below[-1]], cumulative[below[-1] + 1]
    return below[-1] + before / (before - after)


def monthly_rate(annual: Decimal) -> Decimal:
    """Return the compounding rate per month, never annual / 12."""
    _require_rate(annual)
    return (1 + annual) ** (_ONE / 12) - 1


def peak_funding(values: Sequence[Decimal]) -> Decimal:
    """Return the lowest point of the cumulative sum, 0 if it never is below zero."""
    return min(accumulate(values, initial=Decimal(0)))


def run_rate(monthly: Sequence[Decimal]) -> Decimal:
    """Annualize the last three full months: formula run_rate.last_3m_x4."""
    if len(monthly) < RUN_RATE_MONTHS:
        raise NotComputable(
            f"a run-rate needs {RUN_RATE_MONTHS} full months, has {len(monthly)}",
            reason="too_few_full_months",
        )
    return sum(monthly[-RUN_RATE_MONTHS:], Decimal(0)) * 4


def _years_since_first(flows: Sequence[CashFlow]) -> list[Decimal]:
    if not flows:
        raise NotComputable("there are no flows", reason="no_flows")
    first = flows[0].day
    early = [flow.day for flow in flows if flow.day < first]
    if early:
        raise NotComputable(
            f"{min(early)} lies before the first date {first}", reason="flow_before_first_date"
        )
    return [Decimal((flow.day - first).days) / _DAYS_PER_YEAR for flow in flows]


def _require_rate(rate: Decimal) -> None:
    if rate <= -1:
        raise NotComputable(f"a rate must be above -1, got {rate}", reason="rate_out_of_range")
