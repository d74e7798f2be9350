"""Several KPIs of one initiative read together: guardrails, and p-values that know of each other.

A gain counts in full only while no guardrail got worse; and of several KPIs one looks significant
sooner or later, so each is given the p-value that holds the share of false findings.

Source: Benjamini & Hochberg (1995), JRSS B 57(1), through `aivalue.effects.multiple_testing`.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from aivalue.effects.arms.power import minimum_detectable
from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.guardrails import Guardrail, guardrails
from aivalue.effects.effect import Effect
from aivalue.effects.functional import average
from aivalue.effects.grade import capped
from aivalue.effects.multiple_testing import adjusted_p_values
from aivalue.effects.result import Estimate
from aivalue.effects.student_t import two_sided_p

TOGETHER_MIN = 2


def read_together(
    found: Mapping[str, Estimate], guardrail_kpis: frozenset[str]
) -> dict[str, Estimate]:
    """Return the estimates, by KPI, each with what the others say about it."""
    adjusted = _adjusted(found)
    guards = [_guardrail(kpi, found[kpi]) for kpi in sorted(guardrail_kpis & set(found))]
    together = {}
    for kpi, alone in found.items():
        known = alone.parameters
        if kpi in adjusted:
            known = (*known, ("p_value_of_several", f"{adjusted[kpi]:.6g}"))
        estimate = replace(alone, parameters=known)
        is_guarded = bool(guards) and kpi not in guardrail_kpis
        together[kpi] = with_check(estimate, guardrails(guards)) if is_guarded else estimate
    return together


def with_check(estimate: Estimate, check: CheckResult) -> Estimate:
    """Return the estimate with one more check, which lowers its grade if it failed."""
    if estimate.effect is None or estimate.grade is None:
        return estimate
    estimate = replace(estimate, checks=(*estimate.checks, check))
    if check.status != "failed" or estimate.grade is None:
        return estimate
    reason = f"check {check.name} failed: {check.in_words}"
    return replace(
        estimate, grade=capped(estimate.grade), grade_reasons=(*estimate.grade_reasons, reason)
    )


def p_value_of(effect: Effect) -> float:
    """Return the two-sided p-value of the average effect."""
    figure = average(effect)
    return two_sided_p(figure.point / figure.standard_error, effect.degrees_of_freedom)


def _adjusted(found: Mapping[str, Estimate]) -> dict[str, float]:
    kpis = sorted(kpi for kpi, estimate in found.items() if estimate.effect is not None)
    if len(kpis) < TOGETHER_MIN:
        return {}
    values = [p_value_of(effect) for kpi in kpis for effect in (found[kpi].effect,) if effect]
    return dict(zip(kpis, adjusted_p_values(np.array(values)).tolist(), strict=True))


def _guardrail(kpi: str, estimate: Estimate) -> Guardrail:
    effect = estimate.effect
    if effect is None:
        return Guardrail(kpi=kpi, verdict=estimate.verdict, figure=None, detectable=None)
    figure = average(effect)
    return Guardrail(
        kpi=kpi,
        verdict=estimate.verdict,
        figure=figure,
        detectable=minimum_detectable(
            figure.standard_error,
            degrees_of_freedom=effect.degrees_of_freedom,
            confidence=figure.confidence,
        ),
    )
