"""A page about an initiative or a portfolio hides nothing and invents nothing."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from aivalue.errors import InvalidMoney, NotComputable
from aivalue.reports.evidence import Evidence
from aivalue.reports.summary import (
    InitiativeSummary,
    PortfolioSummary,
    initiative_summary,
    portfolio_summary,
    portfolio_totals,
)
from tests.unit.reports.builders import (
    INITIATIVE,
    PORTFOLIO,
    REFUSED,
    costs,
    evidence,
    interval,
    summary,
    value,
)


def test_a_kpi_shows_before_after_effect_grade_and_target() -> None:
    (kpi,) = summary(worth=value()).kpis

    assert (kpi.before, kpi.after, kpi.without_ai) == (Decimal("7.4"), 6.6, 7.5)
    assert kpi.effect is not None
    assert (kpi.effect.low, kpi.effect.point, kpi.effect.high) == (-1.2, -0.9, -0.6)
    assert (kpi.grade, kpi.verdict, kpi.estimator) == ("A", "confirmed", "difference_in_means")
    assert (kpi.measured_start, kpi.measured_end) == (date(2024, 1, 1), date(2024, 3, 1))
    assert [target.status for target in kpi.targets] == ["met"]


def test_a_refused_kpi_keeps_its_line_with_the_reason() -> None:
    (kpi,) = summary(found=REFUSED).kpis

    assert (kpi.effect, kpi.relative_effect, kpi.after, kpi.grade) == (None, None, None, None)
    assert kpi.refusal == "12 events in the control arm, needs 100"
    assert kpi.targets[0].status == "unknown"


def test_an_effect_without_figure_and_without_reason_is_not_accepted() -> None:
    with pytest.raises(ValidationError, match="average effect or a refusal"):
        evidence(average=None)


def test_a_missing_value_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="value or the reason"):
        initiative_summary(
            INITIATIVE, kpis=[], value=None, value_reason=None, cost=None, run_id=None
        )


def test_json_reads_back_and_carries_decimals_as_strings() -> None:
    page = portfolio_summary(PORTFOLIO, [summary(worth=value())])

    text = page.model_dump_json()

    assert PortfolioSummary.model_validate_json(text) == page
    assert '"before":"7.4"' in text
    (initiative,) = page.initiatives
    assert InitiativeSummary.model_validate(initiative.model_dump(mode="json")) == initiative
    assert Evidence.model_validate(evidence().model_dump(mode="json")) == evidence()


def test_a_portfolio_adds_bounds_and_keeps_what_loses_money() -> None:
    gain, loss = summary(worth=value(1000)), summary("failed", worth=value(-300))

    totals = portfolio_totals([gain, loss], currency="EUR")

    assert [totals.benefit.low, totals.benefit.point, totals.benefit.high] == [300, 700, 1100]
    # Half to even: each initiative's 500.005 is 500.00.
    assert totals.cost == Decimal("1000.00")
    assert totals.net.point == -300
    assert totals.roi.value == Decimal("-0.3")
    assert totals.valued == ("support", "failed")


def sharing(initiative: str, sha256: str, *, with_: str) -> InitiativeSummary:
    """Return an initiative that shares an effect, as its newest run says."""
    joint = {
        "initiatives": sorted([initiative, with_]),
        "total": interval(-90.0, -120.0, -60.0),
        "inseparable": [],
        "sha256": sha256,
    }
    return summary(initiative, found=evidence(joint=joint), worth=value(500))


def test_shares_of_one_effect_add_up_and_say_when_they_are_of_different_data() -> None:
    first = sharing("support", "aa", with_="routing")
    same, older = (
        sharing("routing", "aa", with_="support"),
        sharing("routing", "bb", with_="support"),
    )

    settled = portfolio_totals([first, same], currency="EUR")
    unsettled = portfolio_totals([first, older, summary("alone", worth=value(1))], currency="EUR")

    assert settled.benefit.point == 1000
    assert settled.unsettled == ()
    assert unsettled.unsettled == ("routing", "support")
    assert first.kpis[0].joint is not None
    assert first.kpis[0].joint.initiatives == ("routing", "support")


def test_an_initiative_without_value_counts_with_its_cost_and_is_named() -> None:
    unknown = summary("new", found=REFUSED, cost=costs("200"))

    totals = portfolio_totals([summary(worth=value(1000)), unknown], currency="EUR")

    assert [totals.benefit.point, totals.cost] == [1000, 700]
    assert (totals.valued, totals.unvalued) == (("support",), ("new",))


def test_two_currencies_have_no_total() -> None:
    page = [summary(worth=value()), summary("abroad", worth=value(currency="USD"))]

    with pytest.raises(InvalidMoney, match="abroad is in USD, needs EUR"):
        portfolio_totals(page, currency="EUR")
    assert portfolio_summary(PORTFOLIO, page).totals is None
    assert portfolio_summary(PORTFOLIO, page).totals_reason == "abroad is in USD, needs EUR"


def test_a_portfolio_where_nothing_is_priced_has_no_total_of_zero() -> None:
    with pytest.raises(NotComputable):
        portfolio_totals([summary(found=REFUSED, cost=costs())], currency="EUR")
    assert portfolio_summary(PORTFOLIO, []).totals is None
