"""The table shows every figure with its interval and a dash with a reason where there is none."""

from decimal import Decimal

from aivalue.reports.cfo_table import HEADER, Truth, cells, cfo_rows
from aivalue.reports.summary import InitiativeSummary, initiative_summary, kpi_summary
from tests.unit.reports.builders import (
    AS_OF,
    BASELINE,
    INITIATIVE,
    KPI,
    REFUSED,
    costs,
    evidence,
    interval,
    summary,
    value,
)


def test_one_kpi_is_one_line_with_all_of_it() -> None:
    page = summary(worth=value())

    (row,) = cfo_rows(page, truth={"handle-time": Truth(effect=-11.5, value=Decimal(950))})

    assert dict(zip(HEADER, cells(row), strict=True)) == {
        "KPI": "Handle time, min",
        "baseline": "7.4",
        "now": "6.6",
        "effect": "-12.0 % (-16.0 to -8.0) confirmed",
        "grade": "A",
        "value": "EUR 1.0 k (0.8 to 1.2)",
        "cost": "500",
        "ROI": "100%",
        "payback": "0.0 mo",
        "truth": "-11.5 %, 950",
    }


def test_several_kpis_have_a_line_each_and_cost_stands_on_the_initiatives_own() -> None:
    page = summary(worth=value())
    both = InitiativeSummary.model_validate(
        {**page.model_dump(), "kpis": (page.kpis[0], page.kpis[0])}
    )

    *kpis, whole = cfo_rows(both)

    assert [row.cost for row in kpis] == [None, None]
    assert (whole.kpi, whole.cost, whole.name) == (None, Decimal("500.00"), "Support assistant")
    assert page.value is not None
    assert whole.value == page.value.benefit


def test_a_share_is_shown_in_percentage_points_without_binary_noise() -> None:
    share = evidence(unit="share", average=interval(0.0023, 0.0002, 0.0044))
    kpi = kpi_summary(
        KPI.model_copy(update={"unit": "share"}),
        baseline=BASELINE,
        evidence=share,
        targets=[],
        judged={},
        as_of=AS_OF,
    )
    page = initiative_summary(
        INITIATIVE, kpis=[kpi], value=None, value_reason="no rule", cost=None, run_id="run-1"
    )

    (row,) = cfo_rows(page)

    assert row.effect is not None
    assert (row.effect.point, row.effect.low, row.effect.high) == (0.23, 0.02, 0.44)
    assert cells(row)[3] == "+0.23 pp (+0.02 to +0.44) confirmed"


def test_what_is_missing_is_a_dash_with_its_reason_and_never_a_zero() -> None:
    (row,) = cfo_rows(summary(found=REFUSED, cost=costs("200")))

    written = dict(zip(HEADER, cells(row), strict=True))

    assert written["effect"] == "- (12 events in the control arm, needs 100)"
    assert written["cost"] == "200"
    assert [written[name] for name in ("now", "grade", "value", "ROI", "payback", "truth")] == (
        ["-"] * 6
    )


def test_a_programme_that_has_not_paid_back_says_so() -> None:
    (row,) = cfo_rows(summary(worth=value(100)))

    assert cells(row)[8] == "- (not_paid_back)"
    assert cells(row)[7] == "-80%"


def test_a_kpi_that_may_be_zero_without_the_ai_is_shown_in_its_unit() -> None:
    (row,) = cfo_rows(summary(found=evidence(relative=None), worth=value(2_500_000)))

    assert cells(row)[3] == "-0.9 min (-1.2 to -0.6) confirmed"
    assert cells(row)[5] == "EUR 2.50 M (2.50 to 2.50)"
