"""Regression to the mean: whether the AI went where the last months had been unusual.

Units in a bad spell recover without any AI. The estimator leaves the last three months before
go-live out (a donut) where the history allows it; then a bad quarter costs precision but does not
bias, and the check only says what was found. Without the donut a bad quarter fails the check.

Source: Barnett, van der Pols & Dobson (2005), "Regression to the mean", International Journal of
Epidemiology 34(1) 215-220.
"""

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.effect import Scale
from aivalue.effects.panel import Floats, Integers
from aivalue.effects.parallel_trends.leads import leads_differ
from aivalue.errors import NotEstimable

NAME = "regression_to_the_mean"
P_MIN = 0.05
MONTHS = 3


def regression_to_the_mean(
    y: Floats,
    x: Floats,
    months_to_start: Integers,
    *,
    scale: Scale,
    left_out: bool,
    width: int = MONTHS,
) -> CheckResult:
    """Test the last months before go-live; `left_out` says that the estimate skips them.

    `width` is how many periods are the last ones, where those are not months.
    """
    lead = ((months_to_start >= 1) & (months_to_start <= width)).astype(float)[None]
    try:
        test = leads_differ(y, x, lead, scale=scale)
    except NotEstimable as refusal:
        return not_applicable(NAME, str(refusal))
    if test.rank == 0:
        return not_applicable(NAME, "too short a history before")
    change = float(test.change[0])
    size = f"{change:+.1%}" if scale == "proportional" else f"{change:+.4g}"
    detectable = f"{test.detectable:.1%}" if scale == "proportional" else f"{test.detectable:.4g}"
    remedy = "those months are left out" if left_out else "the estimate rests on those months"
    is_unusual = test.p_value < P_MIN
    return CheckResult(
        name=NAME,
        status="failed" if is_unusual and not left_out else "passed",
        p_value=test.p_value,
        detail=f"last {width} periods before go-live {size} against the units' own level, "
        f"p = {test.p_value:.2g}; {remedy}",
        power=f"a dip of {detectable} would be found in 80 % of cases",
    )
