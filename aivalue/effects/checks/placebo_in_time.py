"""Placebo in time: an effect found before there was any AI is not one of the AI.

Source: Heckman & Hotz (1989), JASA 84(408) 862-874; Abadie, Diamond & Hainmueller (2015), AJPS.
"""

from aivalue.effects.checks.check import CheckResult
from aivalue.kpis.interval import Interval

NAME = "placebo_in_time"
NORMAL_80 = 0.8416  # Standard errors beyond the margin at which 80 % of estimates lie outside it.


def placebo_in_time(placebo: Interval, *, n_periods: int) -> CheckResult:
    """Read the same estimator's interval for an invented go-live that many periods earlier."""
    detectable = (placebo.high - placebo.low) / 2 + NORMAL_80 * placebo.standard_error
    return CheckResult(
        name=NAME,
        status="failed" if placebo.excludes_zero else "passed",
        p_value=None,
        detail=f"{placebo.point:.4g} ({placebo.low:.4g}, {placebo.high:.4g}) over the last "
        f"{n_periods} periods before go-live, where nothing can have happened",
        power=f"an effect of {detectable:.4g} there would be found in 80 % of cases",
    )
