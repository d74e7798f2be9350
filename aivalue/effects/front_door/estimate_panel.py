"""Estimate on a user's own table: choose, run, cross-check, grade, and write it down as JSON.

Every permitted estimator that can contradict the chosen one is run too. Where they differ by more
than their errors explain, the check fails, the grade falls, and the less favourable one is used.
"""

from dataclasses import dataclass

from aivalue.effects.checks.agreement import agreement
from aivalue.effects.checks.check import CheckResult
from aivalue.effects.choose import Choice
from aivalue.effects.effect import Effect, Interval, Verdict
from aivalue.effects.front_door.choice import ESTIMATORS, choose_for, counts_of
from aivalue.effects.front_door.run import run
from aivalue.effects.front_door.table import Matrices, PanelTable, matrices_of
from aivalue.effects.functional import average, relative, verdict_of
from aivalue.effects.grade import Graded, grade_of
from aivalue.effects.student_t import two_sided_p
from aivalue.errors import NotEstimable
from aivalue.kpis.definition import BetterWhen

_RIVALS = {
    "synthetic_difference_in_differences": ("imputation",),
    "synthetic_control": ("synthetic_difference_in_differences",),
    "imputation": ("callaway_santanna",),
    "callaway_santanna": ("imputation",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelEstimate:
    """What a table says about the effect.

    Attributes
    ----------
    figure : Interval
        Effect per treated unit and time, or its share of the level without AI.
    p_value : float
        Two-sided, of the level effect; below 1 - confidence exactly when its interval excludes 0.
    """

    effect: Effect
    figure: Interval
    p_value: float
    verdict: Verdict
    graded: Graded
    checks: tuple[CheckResult, ...]
    choice: Choice

    def document(self) -> dict[str, object]:
        """Write it as JSON carries it."""
        return {
            "design": self.choice.design,
            "estimator": self.effect.estimator,
            "estimator_version": self.effect.estimator_version,
            "reason": self.choice.reason,
            "effect": {
                "point": self.figure.point,
                "standard_error": self.figure.standard_error,
                "low": self.figure.low,
                "high": self.figure.high,
                "confidence": self.figure.confidence,
            },
            "p_value": self.p_value,
            "n_treated": self.effect.n_treated,
            "n_control": self.effect.n_control,
            "grade": self.graded.grade,
            "grade_reasons": list(self.graded.reasons),
            "verdict": self.verdict,
            "checks": [
                {
                    "name": check.name,
                    "status": check.status,
                    "p_value": check.p_value,
                    "detail": check.detail,
                }
                for check in self.checks
            ],
            "alternatives": [
                {"estimator": each.estimator, "why_not": each.why_not}
                for each in self.choice.alternatives
            ],
        }


def estimate_panel(
    table: PanelTable,
    *,
    estimator: str = "auto",
    confidence: float = 0.95,
    better_when: BetterWhen = "higher",
    is_relative: bool = False,
) -> PanelEstimate:
    """Estimate the effect of the AI on the treated rows' outcome.

    Raises
    ------
    NotEstimable
        The table cannot support the estimate; the message says which row or count is at fault.
    """
    panel = matrices_of(table)
    counts = counts_of(panel)
    choice = choose_for(counts, wanted=estimator)
    effect, checks = run(choice.estimator, panel, confidence=confidence)
    if estimator == "auto":
        effect, agreement = _cross_checked(
            effect, panel, choice, confidence=confidence, better_when=better_when
        )
        checks = (*checks, *agreement)
    level = average(effect)
    graded = grade_of(
        design=choice.design, estimator=effect.estimator, checks=checks, reconstructed=False
    )
    return PanelEstimate(
        effect=effect,
        figure=relative(effect) if is_relative else level,
        p_value=two_sided_p(level.point / level.standard_error, effect.degrees_of_freedom),
        verdict=verdict_of(level, better_when),
        graded=graded,
        checks=checks,
        choice=choice,
    )


def _cross_checked(
    effect: Effect,
    panel: Matrices,
    choice: Choice,
    *,
    confidence: float,
    better_when: BetterWhen,
) -> tuple[Effect, tuple[CheckResult, ...]]:
    """Return the effect to use, and whether permitted rivals agree with it."""
    refused = {
        each.estimator
        for each in choice.alternatives
        if not each.why_not.endswith("comes first here")
    }
    results = []
    for name in _RIVALS.get(choice.estimator, ()):
        if name in refused or name not in ESTIMATORS:
            continue
        try:
            rival, _ = run(name, panel, confidence=confidence)
        except NotEstimable:
            continue
        checked = agreement(effect, rival)
        results.append(checked)
        ours, theirs = average(effect), average(rival)
        sign = 1 if better_when == "higher" else -1
        if checked.status == "failed" and sign * theirs.point < sign * ours.point:
            effect = rival
    return effect, tuple(results)
