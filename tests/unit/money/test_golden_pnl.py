"""Fed with the truth, the engine reproduces the programme's profit and loss to the cent."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from aivalue.effects.effect import Period
from aivalue.kpis.definition import Design as DesignDefinition
from aivalue.kpis.definition import Initiative, Kpi, Portfolio, Process, Target
from aivalue.money.cash_flow import CashFlow, run_rate, xnpv
from aivalue.money.cost import CostEntry
from aivalue.money.initiative_value import InitiativeValue, initiative_value
from aivalue.money.month import month_end, month_of, next_month
from aivalue.money.valuation import Pricing, value_lines
from aivalue.money.valuation_rule import ValuationRule
from tests.unit.money.known import known_improvement

ROOT = Path(__file__).parents[3]
SCENARIO = ROOT / "examples/predictive-maintenance/data"
GO_LIVE = date(2024, 1, 1)
CENT = Decimal("0.01")
# The monthly file rounded binary floats, so 26,916.635 became 26,916.63 and not .64.
HALF_A_CENT = Decimal("0.005")
RULES_OF_GOLDEN_TYPE = {
    "revenue_margin": "downtime-margin",
    "overtime": "downtime-overtime",
    "penalty": "downtime-penalties",
    "repair": "failures-repair",
    "disbenefit_fp": "failures-false-alarms",
}


def rows(name: str) -> Iterator[dict[str, str]]:
    path = SCENARIO / name
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from csv.DictReader(file)


def definition() -> dict[str, Any]:
    path = ROOT / "examples/predictive-maintenance/predictive-maintenance.yaml"
    content = yaml.safe_load(path.read_text())
    assert isinstance(content, dict)
    return content


def rules() -> list[ValuationRule]:
    return [ValuationRule.model_validate(rule) for rule in definition()["valuation_rules"]]


def avoided_by_month(observed: str, without_ai: str) -> dict[date, Decimal]:
    """Sum over lines of what happened without the AI, less what happened."""
    months: dict[date, Decimal] = defaultdict(Decimal)
    seen = {(row["date"], row["line"]): row for row in rows("pdm_line_day.csv.gz")}
    for truth in rows("pdm_truth_line_day.csv.gz"):
        day = date.fromisoformat(truth["date"])
        avoided = Decimal(truth[without_ai]) - Decimal(seen[truth["date"], truth["line"]][observed])
        if day >= GO_LIVE:
            months[month_of(day)] += avoided
        else:
            assert avoided == 0, "before go-live there is nothing to avoid"
    return months


def pricing(kpi: str, avoided: dict[date, Decimal]) -> Pricing:
    months = sorted(avoided)
    return Pricing(
        improvement=known_improvement(
            kpi=kpi,
            periods=[Period(start=month, end=next_month(month)) for month in months],
            quantity=[avoided[month] for month in months],
        ),
        rules=tuple(rule for rule in rules() if rule.kpi == kpi),
    )


def cost(month: date, treatment: str, amount: Decimal) -> CostEntry:
    return CostEntry.model_validate(
        {
            "source": "urn:finance:erp",
            "id": f"{month}/{treatment}",
            "initiative": "predictive-maintenance",
            "billed_cost": amount,
            "billing_currency": "USD",
            "charge_period_start": f"{month}T00:00:00Z",
            "charge_period_end": f"{next_month(month)}T00:00:00Z",
            "charge_category": "Purchase",
            "service_category": "AI and Machine Learning",
            "treatment": treatment,
            "status": "billed",
            "category": "people" if treatment == "capex" else "infra",
        }
    )


def costs() -> list[CostEntry]:
    upfront = cost(date(2023, 12, 1), "capex", Decimal(1_200_000))
    monthly = [
        cost(date.fromisoformat(f"{row['ym']}-01"), treatment, -Decimal(row[treatment]))
        for row in rows("golden_finance_month.csv")
        for treatment in ("capex", "opex")
        if Decimal(row[treatment])
    ]
    return [upfront, *monthly]


@pytest.fixture(scope="module")
def pricings() -> list[Pricing]:
    return [
        pricing("downtime", avoided_by_month("downtime_min", "downtime_min_y0")),
        pricing("failures", avoided_by_month("failures", "failures_y0")),
    ]


@pytest.fixture(scope="module")
def value(pricings: list[Pricing]) -> InitiativeValue:
    return initiative_value(
        pricings=pricings, costs=costs(), currency="USD", hurdle_rate=Decimal("0.10")
    )


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    content = json.loads((SCENARIO / "golden_finance.json").read_text(), parse_float=Decimal)
    assert isinstance(content, dict)
    return content


def cents(amount: Decimal | None) -> Decimal:
    assert amount is not None
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def test_the_example_definition_is_valid_and_prices_what_the_scenario_prices(
    golden: dict[str, Any],
) -> None:
    content = definition()

    portfolio = Portfolio.model_validate(content.pop("portfolio"))
    initiative = Initiative.model_validate(content.pop("initiative"))
    processes = [Process.model_validate(body) for body in content.pop("processes")]
    kpis = [Kpi.model_validate(body) for body in content.pop("kpis")]
    targets = [Target.model_validate(body) for body in content.pop("targets")]
    design = DesignDefinition.model_validate(content.pop("design"))
    priced = {rule.key: rule for rule in rules()}
    content.pop("valuation_rules")

    assert not content
    assert initiative.portfolio == portfolio.key
    assert design.key == initiative.key
    assert {kpi.process for kpi in kpis} == {process.key for process in processes}
    assert set(design.kpis) == {kpi.key for kpi in kpis} >= {target.kpi for target in targets}
    assert {rule.currency for rule in priced.values()} == {portfolio.reporting_currency}
    known = golden["rules"]
    assert priced["downtime-margin"].rate == known["cm_per_hour"]
    assert priced["downtime-margin"].share == known["constrained"]
    assert priced["downtime-overtime"].rate == known["overtime_per_hour"]
    assert priced["downtime-overtime"].share == 1 - known["constrained"]
    assert priced["downtime-penalties"].rate == known["penalty_per_avoided_hour"]
    assert priced["failures-repair"].rate == known["repair_delta"]
    assert priced["failures-false-alarms"].rate == -known["fp_cost"]
    assert priced["failures-false-alarms"].share == known["fp_per_tp"]


def test_the_quantities_are_the_truth(pricings: list[Pricing], golden: dict[str, Any]) -> None:
    minutes, failures = (sum(one.improvement.quantity) for one in pricings)

    assert round(minutes / 60, 6) == round(golden["hours_avoided"], 6)
    assert failures == golden["failures_avoided"]


def test_benefit_in_total_and_by_rule(value: InitiativeValue, golden: dict[str, Any]) -> None:
    assert cents(value.benefit.point.amount) == cents(golden["benefit_total"])
    assert cents(value.benefit.point.amount) == Decimal("34093221.21")
    for golden_type, rule in RULES_OF_GOLDEN_TYPE.items():
        assert cents(value.by_rule[rule].point.amount) == cents(golden["by_type"][golden_type])


def test_benefit_by_category_keeps_avoidance_apart(
    value: InitiativeValue, golden: dict[str, Any]
) -> None:
    by_type = golden["by_type"]

    by_category = {
        category: cents(priced.point.amount) for category, priced in value.by_category.items()
    }
    assert by_category == {
        "revenue": cents(by_type["revenue_margin"]),
        "hard_cost": cents(by_type["overtime"] + by_type["repair"]),
        "cost_avoidance": cents(by_type["penalty"]),
        "disbenefit": cents(by_type["disbenefit_fp"]),
    }
    assert cents(value.pnl.point.amount) == cents(golden["benefit_total"] - by_type["penalty"])


def test_a_known_truth_has_no_interval_and_no_risk_adjustment(value: InitiativeValue) -> None:
    benefit = value.benefit

    assert {benefit.low, benefit.high, benefit.lower_bound, benefit.risk_adjusted} == {
        benefit.point
    }


def test_cost_and_returns(value: InitiativeValue, golden: dict[str, Any]) -> None:
    returns = value.returns

    assert value.cost.total.amount == golden["cost_total"] == 18_820_000
    assert returns.roi.value == pytest.approx(golden["roi_undiscounted"], rel=Decimal("1e-15"))
    assert cents(value.net_present_value.point.amount) == cents(golden["xnpv_10pct"])
    # The golden figures discount net flows that were rounded to the cent.
    assert returns.internal_rate.value == pytest.approx(golden["xirr"], abs=Decimal("1e-9"))
    assert returns.benefit_cost_ratio.value == pytest.approx(
        golden["bcr_10pct"], abs=Decimal("1e-9")
    )
    assert returns.roi_present_value.value == pytest.approx(
        golden["bcr_10pct"] - 1, abs=Decimal("1e-9")
    )
    assert cents(returns.peak_funding.value) == cents(golden["peak_funding"])
    assert cents(returns.run_rate.value) == cents(golden["run_rate_last3m_x4"])


def test_payback_falls_in_the_eighteenth_month(
    value: InitiativeValue, golden: dict[str, Any]
) -> None:
    months = value.returns.payback_months.value

    assert months is not None
    assert months.to_integral_value(ROUND_CEILING) == golden["payback_month"]
    assert round(months, 2) == Decimal("17.92")
    discounted = value.returns.discounted_payback_months.value
    assert discounted is not None
    assert discounted > months


def test_in_year_is_not_run_rate(value: InitiativeValue, golden: dict[str, Any]) -> None:
    in_year = {year.year: cents(year.benefit.point.amount) for year in value.in_year}

    assert in_year == {
        2023: 0,
        2024: cents(golden["in_year_2024"]),
        2025: cents(golden["in_year_2025"]),
    }
    assert sum(year.cost.amount for year in value.in_year) == golden["cost_total"]


def test_every_month_of_every_rule(pricings: list[Pricing], value: InitiativeValue) -> None:
    lines = {(line.month, line.rule): line.value.point.amount for line in value_lines(pricings)}
    months = {month.month: month for month in value.months}

    for row in rows("golden_finance_month.csv"):
        month = date.fromisoformat(f"{row['ym']}-01")
        for golden_type, rule in RULES_OF_GOLDEN_TYPE.items():
            assert abs(lines[month, rule] - Decimal(row[golden_type])) <= HALF_A_CENT
        assert abs(months[month].net.point.amount - Decimal(row["net"])) <= HALF_A_CENT


def test_present_value_is_that_of_month_end_flows(value: InitiativeValue) -> None:
    flows = [
        CashFlow(day=month_end(month.month), amount=month.net.point.amount)
        for month in value.months
    ]

    assert flows[0] == CashFlow(day=date(2023, 12, 31), amount=Decimal(-1_200_000))
    assert round(xnpv(Decimal("0.10"), flows), 10) == round(
        value.net_present_value.point.amount, 10
    )
    assert value.returns.run_rate.value == run_rate(
        [month.benefit.point.amount for month in value.months]
    )
