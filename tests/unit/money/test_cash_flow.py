"""Financial figures match published examples, and figures without an answer are refused."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.errors import NotComputable
from aivalue.money.cash_flow import (
    CashFlow,
    bcr,
    discounted_payback,
    irr,
    irr_mid,
    mirr,
    monthly_rate,
    npv_0,
    npv_excel,
    npv_mid,
    payback,
    payback_of_cumulative,
    peak_funding,
    roi_undiscounted,
    run_rate,
    xirr,
    xnpv,
)

EXCEL_AMOUNTS = (-10000, 2750, 4250, 3250, 2750)
EXCEL_2008 = ("2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01")
DAX_2014 = ("2014-01-01", "2014-03-01", "2014-10-30", "2015-02-15", "2015-04-01")


def numbers(*values: float | str) -> list[Decimal]:
    return [Decimal(str(value)) for value in values]


def flows(days: tuple[str, ...], amounts: tuple[int, ...]) -> list[CashFlow]:
    return [
        CashFlow(day=date.fromisoformat(day), amount=Decimal(amount))
        for day, amount in zip(days, amounts, strict=True)
    ]


def near(value: float | str | Decimal, places: int) -> object:
    return pytest.approx(Decimal(str(value)), abs=Decimal(1).scaleb(-places) / 2, rel=0)


@pytest.mark.parametrize(
    ("days", "value", "rate"),
    [
        # Microsoft VBA reference, WorksheetFunction.Xnpv and Xirr: 2086.6476, 37.34 %.
        (EXCEL_2008, "2086.647602", "0.373362535"),
        # Microsoft DAX reference, XNPV and XIRR: 2089.50, 37.49 %. One leap day away from the
        # former, so an engine that counts 30/360 or Act/Act fails one of them.
        (DAX_2014, "2089.501636", "0.374858598"),
    ],
)
def test_dated_flows_match_excel(days: tuple[str, ...], value: str, rate: str) -> None:
    dated = flows(days, EXCEL_AMOUNTS)

    assert xnpv(Decimal("0.09"), dated) == near(value, 6)
    # Excel stops searching within 0.000001 %; the root of the first row is 0.3733625335.
    assert xirr(dated) == near(rate, 8)


def test_xirr_matches_the_onlyoffice_example() -> None:
    dated = flows(
        ("2018-01-01", "2018-04-01", "2018-08-01", "2018-12-01"), (-40000, 10000, 15000, 20000)
    )

    assert xirr(dated) == near("0.199062424", 9)


@pytest.mark.parametrize(
    ("rate", "values", "expected", "places"),
    [
        # Adobe FormCalc reference, Npv.
        ("0.065", (5000,), "4694.83568075117", 9),
        ("0.10", (500, 1500, 4000, 10000), "11529.60863329007", 9),
        # MESCIUS Spread reference, NPV: 2055.38.
        ("0.065", (-10000, 3000, 3400, 7700), "2055.381199", 6),
        ("0.10", (50, 70, 80), "163.410969", 6),
        ("0.10", (-10000, 3000, 4200, 6800), "1188.443412", 6),
        ("0.0625", (-70000, 22000, 25000, 28000, 31000), "19312.57", 2),
    ],
)
def test_npv_excel_discounts_the_first_value(
    rate: str, values: tuple[int, ...], expected: str, places: int
) -> None:
    assert npv_excel(Decimal(rate), numbers(*values)) == near(expected, places)


def test_npv_excel_takes_a_rate_per_period() -> None:
    per_month = Decimal("0.0275") / 12

    value = npv_excel(per_month, numbers(50, 60, 40, 100, 25))

    assert value == near("273.14193838457", 9)


def test_npv_0_is_six_percent_above_npv_excel_where_the_first_flow_is_at_once() -> None:
    # Microsoft VBA reference, NPV function.
    assert npv_0(Decimal("0.0625"), numbers(-70000, 22000, 25000, 28000, 31000)) == near(
        "20519.61", 2
    )


def test_mid_year_flows_are_worth_more_than_year_end_flows() -> None:
    values = numbers(-985, 75, 120, 100, 1200)

    assert npv_0(Decimal("0.10"), values) == near("77.10", 2)
    assert npv_mid(Decimal("0.10"), values) == near("128.94", 2)
    assert irr(values) == near("0.1237", 4)
    assert irr_mid(values) == near("0.1455", 4)
    assert npv_mid(Decimal("0.10"), numbers(0, 50, 70, 80)) == near("171.386870", 6)


def test_end_mid_and_beginning_of_year_differ_by_half_years() -> None:
    rate, values = Decimal("0.05"), numbers(-10000, 5000, 5000, 5000)

    assert npv_0(rate, values) == near("3616.24", 2)
    assert npv_mid(rate, values) == near("3952.49", 2)
    assert npv_0(rate, numbers(-5000, 5000, 5000)) == near("4297.05", 2)


def test_the_forrester_table_is_reproduced() -> None:
    # Forrester, The Total Economic Impact of SalesLoft, p. 20; thousands are dollars.
    costs = numbers(53150, 666715, 636772, 647783)
    benefits = numbers(0, 1606511, 3061331, 4229760)
    net = [gain - cost for gain, cost in zip(benefits, costs, strict=True)]
    rate = Decimal("0.10")

    assert npv_0(rate, costs) == near(1672201, 0)
    assert npv_0(rate, benefits) == near(7168371, 0)
    assert npv_0(rate, net) == near(5496170, 0)
    earned, spent = npv_0(rate, benefits), npv_0(rate, costs)
    assert roi_undiscounted(benefits=earned, costs=spent) == near("3.28679", 5)
    assert bcr(benefits=earned, costs=spent) == near("4.28679", 5)
    assert payback(net) * 12 == near("0.68", 2)


def test_payback_is_interpolated_within_the_period() -> None:
    values = numbers(-1000, 400, 400, 400, 400)

    assert payback(values) == Decimal("2.5")
    assert discounted_payback(values, rate=Decimal("0.10")) == near("3.01925", 5)


def test_payback_is_the_last_crossing_if_the_sum_dips_again() -> None:
    # Cumulative: -100, +50, -50, +50.
    assert payback(numbers(-100, 150, -100, 100)) == Decimal("2.5")


def test_nothing_to_pay_back_takes_no_time() -> None:
    assert payback(numbers(0, 5)) == 0
    assert payback(numbers(5, -5)) == 0


def test_no_flows_are_worth_nothing() -> None:
    rate = Decimal("0.10")

    assert npv_0(rate, []) == npv_excel(rate, []) == npv_mid(rate, []) == peak_funding([]) == 0


def test_irr_may_be_negative() -> None:
    values = numbers(-70000, 12000, 15000, 18000, 21000)

    assert irr(values) == near("-0.0212448", 7)
    assert irr([*values, Decimal(26000)]) == near("0.0866309", 7)


def test_mirr_matches_excel() -> None:
    values = numbers(-120000, 39000, 30000, 21000, 37000, 46000)

    rate = mirr(values, finance_rate=Decimal("0.10"), reinvestment_rate=Decimal("0.12"))

    assert rate == near("0.1260941", 7)


def test_several_roots_are_refused_and_mirr_still_answers() -> None:
    # 25 % and 400 % both solve it, and two well-known libraries return one each.
    values = numbers(-1600, 10000, -10000)

    with pytest.raises(NotComputable) as refusal:
        irr(values)

    assert refusal.value.reason == "multiple_irr_possible"
    assert npv_0(Decimal("0.25"), values) == npv_0(Decimal(4), values) == 0
    assert mirr(values, finance_rate=Decimal("0.1"), reinvestment_rate=Decimal("0.1")) > -1


def test_a_programme_that_invests_in_stages_has_one_rate_if_its_sum_crosses_zero_once() -> None:
    # Flows change sign three times; cumulative -100, -80, -130, +70 once.
    values = numbers(-100, 20, -50, 200)

    assert npv_0(irr(values), values) == near(0, 9)


def test_flows_of_one_day_are_netted_before_signs_are_counted() -> None:
    days = ("2024-01-01", "2024-01-01", "2025-01-01", "2025-01-01")

    assert xirr(flows(days, (-150, 50, 120, -10))) == near(
        Decimal("1.1") ** (Decimal(365) / 366) - 1, 9
    )


@pytest.mark.parametrize(
    ("days", "amounts", "reason"),
    [
        (("2024-01-01", "2025-01-01"), (100, 200), "no_sign_change"),
        (("2024-01-01", "2025-01-01"), (-100, -200), "no_sign_change"),
        (("2024-01-01", "2024-01-01"), (-100, 100), "no_sign_change"),
        (("2024-01-01", "2024-01-02"), (-100, 200), "no_root"),
        (("2024-01-01", "2025-01-01", "2026-01-01"), (0, -100, 200), "first_flow_is_zero"),
        (("2024-01-01", "2023-12-31"), (-100, 200), "flow_before_first_date"),
        ((), (), "no_flows"),
    ],
)
def test_dated_flows_without_a_rate_are_refused(
    days: tuple[str, ...], amounts: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(NotComputable) as refusal:
        xirr(flows(days, amounts))

    assert refusal.value.reason == reason


def test_order_of_dates_is_free_after_the_first() -> None:
    in_order = flows(EXCEL_2008, EXCEL_AMOUNTS)
    shuffled = [in_order[0], *reversed(in_order[1:])]

    assert xnpv(Decimal("0.09"), shuffled) == near(xnpv(Decimal("0.09"), in_order), 20)
    assert xirr(shuffled) == xirr(in_order)


def test_figures_without_an_answer_are_refused_with_a_reason() -> None:
    refusals: dict[str, Callable[[], Decimal]] = {
        "not_paid_back": lambda: payback(numbers(-100, 50)),
        "no_flows": lambda: payback([]),
        "no_costs": lambda: roi_undiscounted(benefits=Decimal(1), costs=Decimal(0)),
        "too_few_full_months": lambda: run_rate(numbers(1, 2)),
        "rate_out_of_range": lambda: npv_0(Decimal(-1), numbers(1)),
        "no_sign_change": lambda: mirr(
            numbers(1, 2), finance_rate=Decimal(0), reinvestment_rate=Decimal(0)
        ),
    }

    for reason, refused in refusals.items():
        with pytest.raises(NotComputable) as refusal:
            refused()
        assert refusal.value.reason == reason


def test_a_monthly_rate_compounds_to_the_annual_one() -> None:
    assert (1 + monthly_rate(Decimal("0.10"))) ** 12 == near("1.10", 20)


def test_the_run_rate_is_four_times_the_last_three_months() -> None:
    assert run_rate(numbers(1000, 10, 20, 30)) == 240


def test_peak_funding_is_the_deepest_point_and_never_positive() -> None:
    assert peak_funding(numbers(-10, 4, -20, 50)) == -26
    assert peak_funding(numbers(10, 4)) == 0


cents = st.integers(-10_000_000, 10_000_000).map(lambda value: Decimal(value) / 100)
gains = st.lists(
    st.integers(0, 10_000_000).map(lambda value: Decimal(value) / 100), min_size=1, max_size=40
)
annual = st.decimals("-0.5", "3", places=4)
# The machine that runs this may be busy; time is no property of a figure.
unhurried = settings(deadline=None)


@unhurried
@given(annual, st.lists(cents, min_size=1, max_size=40))
def test_excel_mid_and_end_conventions_differ_by_known_factors(
    rate: Decimal, values: list[Decimal]
) -> None:
    end = npv_0(rate, values)

    assert npv_excel(rate, values) * (1 + rate) == pytest.approx(end, rel=Decimal("1e-15"))
    assert npv_mid(rate, values) - values[0] == pytest.approx(
        (end - values[0]) * (1 + rate).sqrt(), rel=Decimal("1e-15"), abs=Decimal("1e-15")
    )


@unhurried
@given(
    gains.filter(any),
    st.decimals("0.001", "1000", places=3),
    st.sampled_from([Decimal(10), Decimal("0.001")]),
)
def test_the_rate_of_a_conventional_programme_makes_it_worth_nothing(
    later: list[Decimal], multiple: Decimal, factor: Decimal
) -> None:
    values = [-sum(later, Decimal(0)) / multiple, *later]

    rate = irr(values)

    scale = max(abs(value) / (1 + rate) ** period for period, value in enumerate(values))
    assert abs(npv_0(rate, values)) / scale < Decimal("1e-10")
    assert (rate > 0) == (multiple > 1)
    assert irr([value * factor for value in values]) == pytest.approx(
        rate, rel=Decimal("1e-9"), abs=Decimal("1e-12")
    )


@unhurried
@given(st.lists(cents, min_size=1, max_size=40))
def test_payback_lies_where_the_cumulative_sum_stops_being_negative(values: list[Decimal]) -> None:
    paid_back = [*values, max(Decimal(0), -sum(values, Decimal(0)))]

    period = payback(paid_back)

    assert 0 <= period <= len(values)
    from_then_on = [sum(paid_back[: end + 1]) for end in range(len(paid_back)) if end >= period]
    assert all(total >= 0 for total in from_then_on)


@unhurried
@given(st.lists(cents, min_size=1, max_size=40))
def test_peak_funding_bounds_every_cumulative_sum(values: list[Decimal]) -> None:
    lowest = peak_funding(values)

    assert lowest <= min(sum(values[: end + 1]) for end in range(len(values)))
    assert payback_of_cumulative([lowest, Decimal(0)]) == (1 if lowest else 0)


def test_the_order_of_flows_of_the_first_day_does_not_decide_whether_there_is_a_rate() -> None:
    start, end = date(2023, 1, 1), date(2024, 1, 1)
    nothing = CashFlow(day=start, amount=Decimal(0))
    spent, earned = (
        CashFlow(day=day, amount=Decimal(amount)) for day, amount in ((start, -100), (end, 110))
    )

    assert xirr([nothing, spent, earned]) == xirr([spent, nothing, earned])
