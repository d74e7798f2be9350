"""Residual autocorrelation: whether the error model left memory that the interval does not know of.

Source: Ljung & Box (1978), "On a Measure of Lack of Fit in Time Series Models", Biometrika 65(2).
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import chi_square_upper, t_quantile

NAME = "residual_autocorrelation"
P_MIN = 0.01
LAGS_MAX = 10
OBSERVATIONS_PER_LAG = 5
PARAMETERS = 2  # Of the error model: they bend the residuals towards no memory.


def residual_autocorrelation(surprise: Floats) -> CheckResult:
    """Test what the most probable error model could not foresee, in time order."""
    n = len(surprise)
    n_lags = min(LAGS_MAX, n // OBSERVATIONS_PER_LAG)
    if n_lags <= PARAMETERS:
        return not_applicable(NAME, f"{n} observations are too few to test for memory")
    centred = surprise - surprise.mean()
    squares = float(centred @ centred)
    if not squares > 0:
        return not_applicable(NAME, "nothing is left over")
    correlation = np.array(
        [float(centred[lag:] @ centred[:-lag]) / squares for lag in range(1, n_lags + 1)]
    )
    statistic = n * (n + 2) * float((correlation**2 / (n - np.arange(1, n_lags + 1))).sum())
    p_value = chi_square_upper(statistic, n_lags - PARAMETERS)
    size = (t_quantile(0.995, np.inf) + t_quantile(0.80, np.inf)) / np.sqrt(n)
    return CheckResult(
        name=NAME,
        status="failed" if p_value < P_MIN else "passed",
        p_value=p_value,
        detail=f"correlation {correlation[0]:+.2f} from one observation to the next, p = "
        f"{p_value:.2g} over {n_lags} lags",
        power=f"a correlation of {float(size):.2f} at one lag would be found in 80 % of cases",
    )
