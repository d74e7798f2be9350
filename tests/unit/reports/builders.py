"""One small initiative, as the services hand it to the reports."""

from datetime import date
from decimal import Decimal
from typing import Any

from aivalue.effects.effect import Effect, Grade, Period
from aivalue.kpis.definition import Initiative, Kpi, Portfolio, Target
from aivalue.money.cost import CostEntry, cost_totals
from aivalue.money.improvement import Quantiles, improvement_of
from aivalue.money.initiative_value import initiative_value
from aivalue.money.valuation import Pricing
from aivalue.money.valuation_rule import ValuationRule
from aivalue.reports.evidence import BaselineEvidence, Evidence
from aivalue.reports.summary import InitiativeSummary, initiative_summary, kpi_summary
from aivalue.reports.value_report import CostReport, ValueReport, cost_report, value_report

AS_OF = date(2024, 7, 15)

PORTFOLIO = Portfolio(
    key="operations", name="Operations", owner="Chief operating officer", reporting_currency="EUR"
)
INITIATIVE = Initiative(
    key="support",
    portfolio="operations",
    name="Support assistant",
    owner="Head of support",
    stage="pilot",
    go_live=date(2024, 1, 1),
)
KPI = Kpi(
    key="handle-time",
    process="support",
    name="Handle time",
    unit="min",
    better_when="lower",
    aggregation="mean",
)
BASELINE = BaselineEvidence(
    baseline_id="bl-1",
    version=1,
    start=date(2023, 1, 1),
    end=date(2024, 1, 1),
    level=Decimal("7.4"),
    reconstructed=False,
    sha256="ab" * 32,
)


def target(key: str = "faster", **fields: Any) -> Target:
    return Target(
        **{
            "key": key,
            "initiative": "support",
            "kpi": "handle-time",
            "kind": "relative",
            "amount": Decimal("0.10"),
            "due": date(2024, 7, 1),
            **fields,
        }
    )


def interval(point: float, low: float, high: float) -> dict[str, float]:
    return {"point": point, "low": low, "high": high, "standard_error": 1, "confidence": 0.95}


def evidence(**fields: Any) -> Evidence:
    return Evidence.model_validate(
        {
            "kpi": "handle-time",
            "unit": "min",
            "better_when": "lower",
            "verdict": "confirmed",
            "grade": "A",
            "average": interval(-0.9, -1.2, -0.6),
            "relative": interval(-0.12, -0.16, -0.08),
            "observed": 6.6,
            "without_ai": 7.5,
            "months": [
                {"start": "2024-01-01", "end": "2024-02-01", "point": -0.9},
                {"start": "2024-02-01", "end": "2024-03-01", "point": -0.9},
            ],
            "estimator": "difference_in_means",
            "a_column_added_later": True,
            **fields,
        }
    )


REFUSED = evidence(
    verdict="below_sample_floor",
    grade=None,
    average=None,
    relative=None,
    observed=None,
    without_ai=None,
    months=[],
    refusal="12 events in the control arm, needs 100",
)


def charge(amount: str, *, currency: str = "EUR") -> CostEntry:
    return CostEntry.model_validate(
        {
            "source": "urn:billing",
            "id": amount,
            "initiative": "support",
            "billed_cost": amount,
            "billing_currency": currency,
            "charge_period_start": "2024-01-01T00:00:00Z",
            "charge_period_end": "2024-02-01T00:00:00Z",
            "charge_category": "Usage",
            "service_category": "AI and Machine Learning",
            "treatment": "opex",
            "status": "billed",
            "category": "model",
        }
    )


def costs(amount: str = "500.005", *, currency: str = "EUR") -> CostReport:
    return cost_report(cost_totals([charge(amount, currency=currency)], currency=currency))


def value(
    point: float = 1000.125, *, grade: Grade = "B", currency: str = "EUR", cost: str = "500.005"
) -> ValueReport:
    """Build a value with one KPI, one month and a standard error of 100."""
    effect = Effect(
        periods=(Period(start=date(2024, 1, 1), end=date(2024, 2, 1)),),
        point=(-point,),
        covariance=((10_000.0,),),
        volume=(1.0,),
        observed=(6.6,),
        degrees_of_freedom=30.0,
        confidence=0.95,
        n_treated=20,
        n_control=20,
        design="randomized",
        scale="additive",
        estimator="difference_in_means",
        estimator_version="1",
    )
    rule = ValuationRule(
        key="minutes",
        initiative="support",
        kpi="handle-time",
        name="Minutes",
        rate=Decimal(1),
        currency=currency,
        category="hard_cost",
    )
    improvement = improvement_of(
        effect,
        kpi="handle-time",
        better_when="lower",
        grade=grade,
        quantiles=Quantiles(two_sided=2.0, lower_bound=1.5),
    )
    return value_report(
        initiative_value(
            pricings=[Pricing(improvement=improvement, rules=(rule,))],
            costs=[charge(cost, currency=currency)],
            currency=currency,
            hurdle_rate=Decimal("0.10"),
        )
    )


def summary(
    key: str = "support",
    *,
    found: Evidence | None = None,
    worth: ValueReport | None = None,
    cost: CostReport | None = None,
) -> InitiativeSummary:
    kpi = kpi_summary(
        KPI,
        baseline=BASELINE,
        evidence=found or evidence(),
        targets=[target()],
        judged={},
        as_of=AS_OF,
    )
    return initiative_summary(
        INITIATIVE.model_copy(update={"key": key}),
        kpis=[kpi],
        value=worth,
        value_reason=None if worth else "handle-time was refused",
        cost=cost,
        run_id="run-1",
    )
