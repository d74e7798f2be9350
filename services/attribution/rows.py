"""An outcome as rows, so that SQL can read what the outputs hold as text."""

from datetime import date
from typing import Any, cast

from services.attribution.decide import Outcome, Result
from services.attribution.inputs import Inputs
from services.attribution.queries.results import Benefit
from services.attribution.queries.runs import Run

TOGETHER = ""


def effect_rows(tenant: str, run: Run, outcome: Outcome) -> list[dict[str, Any]]:
    """One row for each KPI and scope, refused ones included."""
    return [
        {
            **_key(tenant, run, result),
            "initiative": run.initiative,
            "verdict": result.estimate.verdict,
            "grade": result.estimate.grade,
            "refusal": result.estimate.refusal,
            "estimator": document["estimator"],
            "estimator_version": document["estimator_version"],
            "confidence": document["confidence"],
            "n_treated": document["n_treated"],
            "n_control": document["n_control"],
            "degrees_of_freedom": document["degrees_of_freedom"],
            "covariance": (
                None
                if result.estimate.effect is None
                else [list(row) for row in result.estimate.effect.covariance]
            ),
        }
        for result, document in zip(outcome.results, outcome.documents, strict=True)
    ]


def month_rows(tenant: str, run: Run, outcome: Outcome) -> list[dict[str, Any]]:
    """One row for each month of each effect."""
    return [
        {
            **_key(tenant, run, result),
            "start": date.fromisoformat(month["start"]),
            "end": date.fromisoformat(month["end"]),
            "point": month["point"],
            "low": month["low"],
            "high": month["high"],
            "standard_error": month["standard_error"],
            "volume": month["volume"],
            "observed": month["observed"],
        }
        for result, document in zip(outcome.results, outcome.documents, strict=True)
        for month in cast("list[dict[str, Any]]", document["months"])
    ]


def check_rows(tenant: str, run: Run, outcome: Outcome) -> list[dict[str, Any]]:
    """One row for each check of each estimate."""
    return [
        {
            **_key(tenant, run, result),
            "name": check.name,
            "status": check.status,
            "p_value": check.p_value,
            "detail": check.in_words,
        }
        for result in outcome.results
        for check in result.estimate.checks
    ]


def benefit_rows(run: Run, inputs: Inputs, outcome: Outcome) -> list[Benefit]:
    """One row for each rule and month."""
    by_key = {priced_by.rule.key: priced_by for priced_by in inputs.rules}
    grades = {
        result.kpi.key: result.estimate.grade for result in outcome.results if result.scope is None
    }
    return [
        Benefit(
            initiative=run.initiative,
            run_id=run.run_id,
            rule=line.rule,
            rule_version=by_key[line.rule].version,
            kpi=line.kpi,
            month=line.month,
            category=line.category,
            lever=by_key[line.rule].rule.lever,
            recurrence=by_key[line.rule].rule.recurrence,
            currency=line.value.point.currency,
            quantity=line.quantity,
            point=line.value.point.amount,
            low=line.value.low.amount,
            high=line.value.high.amount,
            lower_bound=line.value.lower_bound.amount,
            risk_adjusted=line.value.risk_adjusted.amount,
            grade=str(grades[line.kpi]),
            status="attributed",
        )
        for line in outcome.value.lines
    ]


def _key(tenant: str, run: Run, result: Result) -> dict[str, str]:
    scope = TOGETHER if result.scope is None else result.scope
    return {
        "tenant_id": tenant,
        "run_id": run.run_id,
        "kpi": result.kpi.key,
        "scope": scope,
    }
