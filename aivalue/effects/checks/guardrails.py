"""Guardrails: whether the gain was paid for by a KPI that must not get worse.

Source: Kohavi, Tang & Xu (2020), "Trustworthy Online Controlled Experiments", chapters 2 and 21.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.effect import Verdict
from aivalue.kpis.interval import Interval

NAME = "guardrails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """What a guardrail KPI's own estimate says; `figure` is None where it was refused."""

    kpi: str
    verdict: Verdict
    figure: Interval | None
    detectable: float | None


def guardrails(found: Sequence[Guardrail]) -> CheckResult:
    """Fail where a guardrail got worse; one that could not be estimated is said so."""
    if not found:
        return not_applicable(NAME, "no KPI is declared a guardrail")
    worse = [each.kpi for each in found if each.verdict == "negative"]
    unknown = [each.kpi for each in found if each.figure is None]
    parts = [
        f"{each.kpi} {each.figure.point:+.4g} ({each.figure.low:.4g}, {each.figure.high:.4g})"
        for each in found
        if each.figure is not None
    ]
    parts += [f"{kpi} could not be estimated" for kpi in unknown]
    if worse:
        parts.append(f"got worse: {', '.join(worse)}")
    sizes = [
        f"{each.detectable:.4g} in {each.kpi}" for each in found if each.detectable is not None
    ]
    status = "failed" if worse else "not_applicable" if len(unknown) == len(found) else "passed"
    return CheckResult(
        name=NAME,
        status=status,  # type: ignore[arg-type]  # one of the three literals
        p_value=None,
        detail="; ".join(parts),
        power=f"would find {', '.join(sizes)} in 80 % of cases" if sizes else None,
    )
