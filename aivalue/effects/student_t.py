"""Quantiles and tail probabilities of Student's t; infinite degrees of freedom are the normal.

`scipy.special` holds the same functions as `scipy.stats` and imports in a tenth of the time.
"""

import math

from scipy import special


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Return the value that t stays below with this probability."""
    if math.isinf(degrees_of_freedom):
        return float(special.ndtri(probability))
    return float(special.stdtrit(degrees_of_freedom, probability))


def two_sided_p(statistic: float, degrees_of_freedom: float) -> float:
    """Return the probability that |t| is at least as large as `statistic`."""
    if math.isinf(degrees_of_freedom):
        return float(2 * special.ndtr(-abs(statistic)))
    return float(2 * special.stdtr(degrees_of_freedom, -abs(statistic)))
