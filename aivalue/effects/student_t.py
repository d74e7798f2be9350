"""Tail probabilities and quantiles: Student's t, F, chi-square; infinite freedom is the normal.

Written out because `scipy.special` takes longer to import than an estimate takes to compute, and
a worker imports before it estimates. The tests hold it to scipy's values.

Source: Press et al., "Numerical Recipes", 6.2 and 6.4 (continued fractions by Lentz's method).
"""

import math
from functools import lru_cache
from statistics import NormalDist

ROUNDS_MAX = 100_000
TOLERANCE = 1e-16
TINY = 1e-300
CLOSE = 1e-13  # Of a quantile: beyond it, rounding of the tail decides.
STEPS_MAX = 200
NORMAL = NormalDist()
NORMAL_FROM = 1e8  # Degrees of freedom; beyond, t and normal agree to eight digits.


@lru_cache(maxsize=1024)  # The figures of one effect, and its placebos, ask for the same one.
def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Return the value that t stays below with this probability."""
    if probability < 0.5:  # noqa: PLR2004 - the distribution is symmetric
        return -t_quantile(1 - probability, degrees_of_freedom)
    if degrees_of_freedom > NORMAL_FROM:
        return NORMAL.inv_cdf(probability)
    tail = 1 - probability
    low, high = 0.0, math.inf
    value = NORMAL.inv_cdf(probability)
    for _ in range(STEPS_MAX):
        miss = _t_upper(value, degrees_of_freedom) - tail
        low, high = (value, high) if miss > 0 else (low, value)
        # Newton's step where it stays inside the bracket, halving where it does not.
        following = value + miss / _t_density(value, degrees_of_freedom)
        if not low <= following <= high:
            following = 2 * value + 1 if math.isinf(high) else (low + high) / 2
        if abs(following - value) <= CLOSE * following:
            return following
        value = following
    return value


def two_sided_p(statistic: float, degrees_of_freedom: float) -> float:
    """Return the probability that |t| is at least as large as `statistic`."""
    if degrees_of_freedom > NORMAL_FROM:
        return math.erfc(abs(statistic) / math.sqrt(2))
    return 2 * _t_upper(abs(statistic), degrees_of_freedom)


def f_upper(statistic: float, numerator_free: float, denominator_free: float) -> float:
    """Return the probability that F exceeds `statistic`."""
    if statistic <= 0:
        return 1.0
    part = numerator_free * statistic
    share, rest = denominator_free / (denominator_free + part), part / (denominator_free + part)
    return incomplete_beta(share, rest, denominator_free / 2, numerator_free / 2)


def chi_square_upper(statistic: float, degrees_of_freedom: float) -> float:
    """Return the probability that chi-square exceeds `statistic`."""
    shape, x = degrees_of_freedom / 2, statistic / 2
    if x <= 0:
        return 1.0
    log_front = shape * math.log(x) - x - math.lgamma(shape)
    if x < shape + 1:
        term = total = 1 / shape
        for step in range(1, ROUNDS_MAX):
            term *= x / (shape + step)
            total += term
            if term < total * TOLERANCE:
                break
        return 1 - total * math.exp(log_front)
    b = x + 1 - shape
    c, d = 1 / TINY, 1 / b
    fraction = d
    for step in range(1, ROUNDS_MAX):
        weight = -step * (step - shape)
        b += 2
        d = 1 / _away_from_zero(weight * d + b)
        c = _away_from_zero(b + weight / c)
        fraction *= c * d
        if abs(c * d - 1) < TOLERANCE * 10:
            break
    return math.exp(log_front) * fraction


def incomplete_beta(x: float, other: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function at x; `other` is 1 - x, unrounded."""
    if x <= 0 or other <= 0:
        return 0.0 if x <= 0 else 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log_front + a * math.log(x) + b * math.log(other))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(other, b, a) / b


def _t_upper(statistic: float, degrees_of_freedom: float) -> float:
    square = statistic * statistic  # A power of a float overflows with an error, a product to inf.
    both = degrees_of_freedom + square
    share, rest = degrees_of_freedom / both, square / both
    return incomplete_beta(share, rest, degrees_of_freedom / 2, 0.5) / 2


def _t_density(value: float, degrees_of_freedom: float) -> float:
    half = (degrees_of_freedom + 1) / 2
    log_front = math.lgamma(half) - math.lgamma(degrees_of_freedom / 2)
    log_front -= math.log(degrees_of_freedom * math.pi) / 2
    return math.exp(log_front - half * math.log1p(value**2 / degrees_of_freedom))


def _beta_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for step in range(1, ROUNDS_MAX):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        d = 1 / _away_from_zero(1 + even * d)
        c = _away_from_zero(1 + even / c)
        fraction *= c * d
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        d = 1 / _away_from_zero(1 + odd * d)
        c = _away_from_zero(1 + odd / c)
        fraction *= c * d
        if abs(c * d - 1) < TOLERANCE * 10:
            break
    return fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
