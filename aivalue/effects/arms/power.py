"""What an experiment can detect: minimum detectable effect, sample, power.

Shown beside every "inconclusive": no finding means "could not have seen less than this".

Source: Bloom (1995), "Minimum Detectable Effects", Evaluation Review 19(5) 547-556; Hayes &
Bennett (1999), International Journal of Epidemiology 28(2), for randomized units.
"""

import math

from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable

POWER = 0.80


def minimum_detectable(
    standard_error: float,
    *,
    degrees_of_freedom: float = math.inf,
    confidence: float = 0.95,
    power: float = POWER,
) -> float:
    """Return the effect that a two-sided interval would exclude zero for, this often."""
    margin = t_quantile((1 + confidence) / 2, degrees_of_freedom)
    return (margin + t_quantile(power, degrees_of_freedom)) * standard_error


def power_of(
    effect: float,
    standard_error: float,
    *,
    degrees_of_freedom: float = math.inf,
    confidence: float = 0.95,
) -> float:
    """Return how often the interval would exclude zero, on either side, under this effect."""
    if not standard_error > 0:
        raise NotEstimable(f"a standard error must be positive, got {standard_error}")
    margin = t_quantile((1 + confidence) / 2, degrees_of_freedom)
    return share_beyond(margin, abs(effect) / standard_error, degrees_of_freedom)


def share_beyond(margin: float, ratio: float, degrees_of_freedom: float) -> float:
    """Return how often Student's t about a ratio >= 0 lies beyond the margin, on either side."""
    # A quarter of a second to import, which a service that only estimates should not pay.
    from scipy import special

    if math.isinf(degrees_of_freedom):
        return float(special.ndtr(ratio - margin) + special.ndtr(-ratio - margin))
    below = float(special.nctdtr(degrees_of_freedom, ratio, margin))
    far_below = float(special.nctdtr(degrees_of_freedom, ratio, -margin))
    # Far out the noncentral t is not summed up: there t lies beyond for certain, and never on the
    # other side.
    if math.isnan(below):
        return 1.0
    return 1 - below + (0.0 if math.isnan(far_below) else far_below)
