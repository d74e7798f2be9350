"""A plan of dated money: Microsoft's example, and what has no answer says so."""

from datetime import date
from decimal import Decimal

import pytest

from aivalue.errors import NotComputable
from aivalue.money.business_case import business_case
from aivalue.money.cash_flow import CashFlow

TEN_PERCENT = Decimal("0.1")


def flows(*pairs: tuple[str, str]) -> list[CashFlow]:
    return [CashFlow(day=date.fromisoformat(day), amount=Decimal(text)) for day, text in pairs]


# The flows of Microsoft's pages on XNPV and XIRR, which give 2,086.65 at 9 % and 37.34 %.
MICROSOFT = flows(
    ("2008-01-01", "-10000"), ("2008-03-01", "2750"), ("2008-10-30", "4250"),
    ("2009-02-15", "3250"), ("2009-04-01", "2750"),
)  # fmt: skip


def test_the_published_example_comes_out_whatever_the_order_of_its_rows() -> None:
    case = business_case(MICROSOFT[::-1], rate=Decimal("0.09"))

    assert (case.start, case.end) == (date(2008, 1, 1), date(2009, 4, 1))
    assert case.net.value == 3000
    assert round(case.present_value.value or 0, 2) == Decimal("2086.65")
    assert round(case.internal_rate.value or 0, 4) == Decimal("0.3734")
    # Thirteen thousand come back for ten.
    assert case.roi.value == Decimal("0.3")
    assert case.peak_funding.value == -10_000
    # -10000 + 2750 + 4250 + 3250 = 250 on 15 February; discounted, the last flow is needed.
    assert (case.payback, case.discounted_payback) == (date(2009, 2, 15), date(2009, 4, 1))


def test_money_that_is_lost_again_has_not_paid_back() -> None:
    case = business_case(
        flows(("2024-01-01", "-100"), ("2024-06-01", "150"), ("2024-09-01", "-80")),
        rate=TEN_PERCENT,
    )

    assert case.payback is None
    assert (case.internal_rate.value, case.internal_rate.reason) == (None, "multiple_irr_possible")


def test_flows_of_one_day_are_one() -> None:
    case = business_case(flows(("2024-01-01", "-100"), ("2024-01-01", "100")), rate=TEN_PERCENT)

    assert case.payback == date(2024, 1, 1)
    assert case.peak_funding.value == 0


def test_only_gains_have_no_rate_and_no_ratio() -> None:
    case = business_case(flows(("2024-01-01", "5"), ("2025-01-01", "5")), rate=TEN_PERCENT)

    assert (case.internal_rate.reason, case.roi.reason) == ("no_sign_change", "no_costs")


def test_nothing_and_a_rate_that_is_none_are_refused() -> None:
    with pytest.raises(NotComputable, match="no flows"):
        business_case([], rate=TEN_PERCENT)
    with pytest.raises(NotComputable, match="above -1, got -1"):
        business_case(MICROSOFT, rate=Decimal(-1))
