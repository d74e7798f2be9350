"""Override: whether someone answers for an estimator that the facts do not permit."""

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.choose import Choice

NAME = "override"


def override(choice: Choice) -> CheckResult | None:
    """Fail where the estimator was forced against the facts and nobody is named; else say who."""
    if choice.overrides is None:
        return None
    who = "nobody is named as approver" if choice.approver is None else f"by {choice.approver}"
    return CheckResult(
        name=NAME,
        status="failed" if choice.approver is None else "passed",
        p_value=None,
        detail=f"{choice.estimator} was asked for although {choice.overrides}; {who}",
    )
