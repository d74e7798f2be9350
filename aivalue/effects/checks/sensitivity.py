"""Sensitivity to drifts: how much of what the past shows may go on before the claim falls.

Parallel trends are never exactly true. If the treated may go on drifting apart by at most M times
the largest step that they drifted apart by before go-live, the effect lies within its interval
plus M times that step times the mean distance from go-live. The check fails where a claim does not
survive M = 1 for the drift that the data prove; the largest M that it does survive is reported for
the drift as estimated, noise included. Beside it stand the effects that M of a half, one and two
leave possible, by the test of `parallel_trends.relative_magnitudes`, and the effect if the drift is
smooth (`parallel_trends.smoothness`): if it goes straight on, and the bend up to which it is told
from zero.

Source: Rambachan & Roth (2023), "A More Credible Approach to Parallel Trends", REStud 90(5)
2555-2591, restrictions on relative magnitudes and smoothness; for the breakdown of the former the
identified set is added to the interval as it is, which is wider than their conditional one.
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.panel import Floats
from aivalue.effects.parallel_trends.drift import Bends, UnderDrift
from aivalue.effects.parallel_trends.leads import LeadTest
from aivalue.effects.student_t import t_quantile
from aivalue.kpis.interval import Interval

NAME = "sensitivity"


def sensitivity(
    figure: Interval,
    leads: LeadTest,
    *,
    steps_after: float,
    under_drift: UnderDrift | None = None,
) -> CheckResult:
    """Bound the effect by the drift between adjoining blocks before go-live.

    Parameters
    ----------
    figure : Interval
        In the unit in which the leads' changes are.
    leads : LeadTest
        Adjoining blocks of equal length, the nearest to go-live first.
    steps_after : > 0
        Mean distance of treated periods from go-live, in lengths of a block.
    under_drift : UnderDrift or None
        What to report beside the breakdown.
    """
    if leads.rank < len(leads.change):
        return not_applicable(NAME, "too short a history before to see steps in")
    step, error = _steps(leads)
    shown = float(np.abs(step).max())
    quantile = t_quantile(1 - (1 - figure.confidence) / (2 * len(step)), leads.free)
    proven = float(np.maximum(np.abs(step) - quantile * error, 0.0).max())
    margin = min(abs(figure.low), abs(figure.high)) if figure.low * figure.high > 0 else 0.0
    is_claimed = margin > 0
    breakdown = margin / (shown * steps_after) if shown > 0 else np.inf
    is_overturned = is_claimed and proven * steps_after >= margin
    claim = f"survives {breakdown:.2g} times that" if is_claimed else "claims nothing"
    return CheckResult(
        name=NAME,
        status="failed" if is_overturned else "passed",
        p_value=None,
        detail=f"largest step apart before go-live {shown:.4g} ({proven:.4g} beyond noise); going "
        f"on for {steps_after:.2g} steps, the effect {claim}{_in_words(under_drift)}",
        power=f"a step of {float(quantile * error.max()):.4g} would be told from noise",
    )


def _in_words(found: UnderDrift | None) -> str:
    if found is None:
        return ""
    if found.why_not is not None:
        return f"; its range under drift is not known: {found.why_not}"
    times = ", ".join(f"{each.times:g}" for each in found.ranges)
    ranges = ", ".join(f"({each.low:.4g}, {each.high:.4g})" for each in found.ranges)
    steps = f"; with {times} times the largest step from block to block it is in {ranges}"
    return steps + ("" if found.bends is None else _smooth_in_words(found.bends))


def _smooth_in_words(bends: Bends) -> str:
    straight = f"; if the drift goes straight on it is in ({bends.low:.4g}, {bends.high:.4g})"
    if bends.breakdown is None:
        return straight
    return (
        f"{straight}, and told from zero while a step changes by at most {bends.breakdown:.4g} "
        f"from block to block ({bends.seen:.4g} at most before go-live, noise included)"
    )


def _steps(leads: LeadTest) -> tuple[Floats, Floats]:
    """Return the steps from the time before all blocks to the farthest, and on to the nearest."""
    n = len(leads.change)
    difference = np.eye(n)
    difference[np.arange(n - 1), np.arange(1, n)] = -1.0
    variance = difference @ leads.covariance @ difference.T
    return difference @ leads.change, np.sqrt(np.maximum(np.diag(variance), 0.0))
