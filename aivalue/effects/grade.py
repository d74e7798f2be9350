"""Evidence grade A to D: computed from the design and its checks, never typed.

A: randomized. B: staggered rollout with at least ten treated units, or a synthetic control of
fewer. C: few treated units without one, or a series; a reconstructed baseline; any failed check.
D is for claims without measurement, which no estimator returns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Design, Grade

_EARNED: dict[str, tuple[Grade, str]] = {
    "difference_in_means": ("A", "events were randomized"),
    "cuped": ("A", "events were randomized"),
    "regression_adjustment": ("A", "events were randomized"),
    "difference_in_means_by_unit": ("A", "units were randomized"),
    "cluster_randomized": ("A", "clusters were randomized"),
    "switchback": ("A", "the order of stretches with and without AI was randomized"),
    "difference_in_differences": ("B", "phased rollout with controls, ten or more treated units"),
    "imputation": ("B", "phased rollout with controls, ten or more treated units"),
    "callaway_santanna": ("B", "phased rollout with controls, ten or more treated units"),
    "joint_model": ("B", "several initiatives in one model with controls, ten or more units"),
    "synthetic_difference_in_differences": ("B", "synthetic control of few treated units"),
    "synthetic_control": ("B", "synthetic control of few treated units"),
    "augmented_synthetic_control": ("B", "synthetic control of few treated units"),
    "conformal_synthetic_control": ("C", "one treated unit beside few donors, read over time"),
    "interrupted_time_series": ("C", "one series with control series"),
    "autoregressive_bootstrap": ("C", "one series with control series"),
    "local_level": ("C", "one series with control series"),
    "before_after": ("C", "one series without controls"),
}
_FEW_TREATED = "fewer than ten treated units, without a synthetic control"
_NEEDS_MANY_TREATED = {
    "difference_in_differences",
    "imputation",
    "callaway_santanna",
    "joint_model",
}
_BASELINE_FREE = {
    "difference_in_means",
    "difference_in_means_by_unit",
    "cuped",
    "regression_adjustment",
    "cluster_randomized",
    "switchback",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """A grade and, in words, what earned it or lowered it."""

    grade: Grade
    reasons: tuple[str, ...]


def grade_of(
    *, design: Design, estimator: str, checks: Sequence[CheckResult], reconstructed: bool
) -> Graded:
    """Return the grade; a failed check or a reconstructed baseline caps it at C."""
    grade, earned = _EARNED[estimator]
    reasons = [earned]
    if estimator in _NEEDS_MANY_TREATED and design == "few_treated":
        grade, reasons = "C", [_FEW_TREATED]
    doubts = [f"check {check.name} failed: {check.in_words}" for check in checks if _fails(check)]
    if reconstructed and estimator not in _BASELINE_FREE:
        doubts.append("the baseline was not frozen before go-live")
    return Graded(grade=capped(grade) if doubts else grade, reasons=(*reasons, *doubts))


def capped(grade: Grade) -> Grade:
    """Return what a failed check leaves of a grade."""
    return "C" if grade in {"A", "B"} else grade


def _fails(check: CheckResult) -> bool:
    return check.status == "failed"
