"""Contamination of controls: whether a unit without the AI moved with the go-live all the same.

Controls that borrow the AI, take over the cases it sheds, or are hit by something else at that very
time are no picture of what would have been. Each control's change across the go-live is compared
with the others' changes, in which common shocks cancel; the farthest is judged as the farthest.
An outlier counts where it moves the estimate, by its weight, by half a standard error or more.

Source: Grubbs (1950), "Sample Criteria for Testing Outlying Observations", Annals of Mathematical
Statistics 21(1) 27-58.
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.effect import Scale
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile, two_sided_p

NAME = "contamination"
P_MIN = 0.01
CONTROLS_MIN = 5
SHARE_OF_ERROR_MIN = 0.5


def contamination(
    before: Floats,
    after: Floats,
    names: tuple[str, ...],
    *,
    standard_error: float,
    weights: Floats | None = None,
    scale: Scale = "additive",
) -> CheckResult:
    """Test the controls' levels before and after the (first) go-live.

    Parameters
    ----------
    before, after : shape (n_controls,)
        Mean level of each control on either side, NaN where it was not measured on both.
    standard_error
        Of the estimate: in the outcome's unit, or as a share where the scale is proportional.
    weights : shape (n_controls,), or None
        With which each enters the estimate; None is all alike.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        change = after - before if scale == "additive" else np.log(after / before)
    kept = np.isfinite(change)
    n = int(kept.sum())
    if n < CONTROLS_MIN:
        return not_applicable(NAME, f"{n} controls measured on both sides, needs {CONTROLS_MIN}")
    weight = np.full(n, 1 / n) if weights is None else weights[kept]
    named = [name for name, keep in zip(names, kept, strict=True) if keep]
    gap = change[kept] - change[kept].mean()
    spread = float(gap.std(ddof=1))
    if not spread > 1e-12 * max(float(np.abs(change[kept]).max()), 1e-300):
        return not_applicable(NAME, "all controls moved alike")
    farthest = int(np.argmax(np.abs(gap)))
    grubbs = min(float(abs(gap[farthest])) / spread, (n - 1) / n**0.5 * (1 - 1e-12))
    # The studentized deviation of the farthest, and its probability among n (Bonferroni).
    square = n * (n - 2) * grubbs**2 / ((n - 1) ** 2 - n * grubbs**2)
    p_value = min(n * two_sided_p(float(np.sqrt(max(square, 0.0))), n - 2), 1.0)
    quantile = t_quantile(1 - P_MIN / (2 * n), n - 2) + t_quantile(0.80, n - 2)
    detectable = quantile * spread * (1 + 1 / n) ** 0.5
    size = f"{detectable:.4g}" if scale == "additive" else f"{detectable:.1%}"
    moved = abs(float(weight[farthest] * gap[farthest]))
    matters = moved >= SHARE_OF_ERROR_MIN * standard_error
    return CheckResult(
        name=NAME,
        status="failed" if p_value < P_MIN and matters else "passed",
        p_value=p_value,
        detail=f"{named[farthest]} moved {float(gap[farthest]):+.4g} against the other controls "
        f"across the go-live, the most of {n}, p = {p_value:.2g}; by its weight it moves the "
        f"estimate by {moved:.4g}, a standard error is {standard_error:.4g}",
        power=f"a jump of {size} in one control would be found in 80 % of cases",
    )
