"""What an experiment can detect: minimum detectable effect, sample, power.

Shown beside every "inconclusive": no finding means "could not have seen less than this".

Source: Bloom (1995), "Minimum Detectable Effects", Evaluation Review 19(5) 547-556; Hayes &
Bennett (1999), International Journal of Epidemiology 28(2), for randomized units.
"""

import math

from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable

POWER = 0.80
UNITS_MAX = 10**12


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
    # A quarter of a second to import, which a service that only estimates should not pay.
    from scipy import special

    ratio = abs(effect) / standard_error
    if math.isinf(degrees_of_freedom):
        return float(special.ndtr(ratio - margin) + special.ndtr(-ratio - margin))
    below = special.nctdtr(degrees_of_freedom, ratio, margin)
    far_below = special.nctdtr(degrees_of_freedom, ratio, -margin)
    return float(1 - below + far_below)


def subjects_needed(
    effect: float,
    standard_deviation: float,
    *,
    share_treated: float = 0.5,
    confidence: float = 0.95,
    power: float = POWER,
) -> int:
    """Return how many subjects, both arms together, find this effect this often."""
    if effect == 0:
        raise NotEstimable("no sample detects an effect of zero")

    def finds(n: int) -> bool:
        variance = standard_deviation**2 / n * (1 / share_treated + 1 / (1 - share_treated))
        freedom = float(max(n - 2, 1))
        reached = minimum_detectable(
            math.sqrt(variance), degrees_of_freedom=freedom, confidence=confidence, power=power
        )
        return reached <= abs(effect)

    low, high = 3, 4
    while not finds(high):
        low, high = high, high * 2
        if high > UNITS_MAX:
            raise NotEstimable(f"more than {UNITS_MAX} subjects would be needed")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return high


def design_effect(events_per_unit: float, correlation_within_unit: float) -> float:
    """Return by how much the variance grows because units, not events, were randomized."""
    return 1 + (events_per_unit - 1) * correlation_within_unit
