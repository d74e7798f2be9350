"""Covariate not affected: what adjusts the estimate must not itself have moved with the AI.

A control series that the AI changed takes part of the effect away with it; a covariate that
differs between randomized arms was measured after the fact, or the draw was none. Each is read as
if it were the outcome; the smallest p-value counts, times their number.

Source: Rosenbaum (1984), "The Consequences of Adjustment for a Concomitant Variable That Has Been
Affected by the Treatment", JRSS A 147(5); Brodersen et al. (2015), AOAS 9(1), section 2, for why
control series must be exempt.
"""

from collections.abc import Sequence

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.student_t import t_quantile, two_sided_p
from aivalue.kpis.interval import Interval

NAME = "covariate_not_affected"
P_MIN = 0.01


def covariate_not_affected(
    changes: Sequence[tuple[str, Interval, float]],
) -> CheckResult:
    """Read each covariate's own "effect": its name, interval and degrees of freedom."""
    if not changes:
        return not_applicable(NAME, "there are no covariates")
    tests = [
        (two_sided_p(change.point / change.standard_error, freedom), name, change, freedom)
        for name, change, freedom in changes
    ]
    smallest, name, change, freedom = min(tests, key=lambda test: (test[0], test[1]))
    p_value = min(smallest * len(tests), 1.0)
    quantile = t_quantile(1 - P_MIN / (2 * len(tests)), freedom) + t_quantile(0.80, freedom)
    return CheckResult(
        name=NAME,
        status="failed" if p_value < P_MIN else "passed",
        p_value=p_value,
        detail=f"{name} moved {change.point:+.4g} ({change.low:.4g}, {change.high:.4g}) with the "
        f"AI, the most of {len(tests)}, p = {p_value:.2g}",
        power=f"a change of {quantile * change.standard_error:.4g} in it would be found in 80 % of "
        f"cases",
    )
