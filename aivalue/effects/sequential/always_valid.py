"""Intervals that hold at every look, for dashboards that are watched daily.

A 95 % interval read every day for a month is wrong once in 28 % of experiments without effect.
These are wider, and right at all times together. For the one pre-registered reading use the
fixed interval, or `group_sequential` for a handful of planned looks; the asymptotic sequence has
a module of its own.

Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory
and asymptotic confidence sequences", Annals of Statistics 52(6); Howard, Ramdas, McAuliffe &
Sekhon (2021), Annals of Statistics 49(2), for the normal mixture; Johari, Koomen, Pekelis & Walsh
(2022), Operations Research 70(3), for the mixture sequential probability ratio test.
"""

import numpy as np
from scipy import special

from aivalue.effects.panel import Floats

TOLERANCE = 1e-13


def iterated_logarithm_margin(n: Floats, alpha: float) -> Floats:
    """Return a half width that needs no tuning, of the order of the iterated logarithm."""
    margin: Floats = 1.7 * np.sqrt((np.log(np.log(2 * n)) + 0.72 * np.log(10.4 / alpha)) / n)
    return margin


def ratio_test_margin(standard_error: Floats, *, prior_scale: float, alpha: float = 0.05) -> Floats:
    """Return the half width of the mixture sequential probability ratio test.

    Parameters
    ----------
    prior_scale : > 0
        Standard deviation of effects one expects, in the estimate's unit.
    """
    variance = standard_error**2
    total = variance + prior_scale**2
    evidence = 2 * np.log(1 / alpha) + np.log(total / variance)
    margin: Floats = np.sqrt(variance * total / prior_scale**2 * evidence)
    return margin


def anytime_regression_margin(
    standard_error: float, n: int, *, n_coefficients: int, tuning: float, alpha: float = 0.05
) -> float:
    """Return the half width around a regression coefficient, valid at all sample sizes.

    Lindon, Ham, Tingley & Bojinov (2022), "Anytime-Valid Linear Models".
    """
    freedom = n - n_coefficients
    share = tuning / (tuning + n)
    root = (share * alpha**2) ** (1 / (freedom + 1))
    return float(standard_error * np.sqrt(freedom * (1 - root) / max(root - share, 1e-300)))


def best_regression_tuning(n: int, *, n_coefficients: int, alpha: float = 0.05) -> float:
    """Return the tuning that makes `anytime_regression_margin` narrowest at n subjects."""
    low, high = np.log(1e-6), np.log(1e6)
    golden = (np.sqrt(5) - 1) / 2

    def width(log_tuning: float) -> float:
        return anytime_regression_margin(
            1.0, n, n_coefficients=n_coefficients, tuning=float(np.exp(log_tuning)), alpha=alpha
        )

    for _ in range(100):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if width(left) < width(right) else (left, high)
    return float(np.exp((low + high) / 2))


def best_mixture_precision(variance_best: float, alpha: float, *, one_sided: bool = False) -> float:
    """Return the normal mixture's tuning for an intrinsic variance, near enough in closed form."""
    log_inverse = 2 * np.log(1 / (2 * alpha if one_sided else alpha))
    return float(variance_best / (log_inverse + np.log1p(log_inverse)))


def log_mixture(
    total: float, variance: float, precision: float, *, one_sided: bool = False
) -> float:
    """Return the log of the normal mixture martingale at a sum with this intrinsic variance."""
    both = variance + precision
    if one_sided:
        return float(
            np.log(4 * precision / both) / 2
            + total**2 / (2 * both)
            + special.log_ndtr(total / np.sqrt(both))
        )
    return float(np.log(precision / both) / 2 + total**2 / (2 * both))


def mixture_bound(
    variance: float, precision: float, alpha: float, *, one_sided: bool = False
) -> float:
    """Return the sum that the martingale calls significant, at this intrinsic variance."""
    both = variance + precision
    if not one_sided:
        return float(np.sqrt(both * (np.log(both / precision) + 2 * np.log(1 / alpha))))
    low, high = 0.0, float(np.sqrt(both) * 40)
    while high - low > TOLERANCE * high:
        middle = (low + high) / 2
        is_below = log_mixture(middle, variance, precision, one_sided=True) < np.log(1 / alpha)
        low, high = (middle, high) if is_below else (low, middle)
    return (low + high) / 2


def share_interval(
    successes: int, n: int, *, n_best: float, alpha: float = 0.05
) -> tuple[float, float]:
    """Return an always-valid interval for a share, without any approximation.

    The beta-binomial mixture of Howard et al. (2021), inverted on each side of the observed share.
    """
    observed = successes / n
    low = 0.0 if successes == 0 else _crossing(successes, n, n_best, alpha, (0.0, observed))
    high = 1.0 if successes == n else _crossing(successes, n, n_best, alpha, (1.0, observed))
    return low, high


def _crossing(
    successes: int, n: int, n_best: float, alpha: float, bounds: tuple[float, float]
) -> float:
    rejected, kept = bounds
    while abs(rejected - kept) > TOLERANCE:
        middle = (rejected + kept) / 2
        if _share_evidence(middle, successes, n, n_best) > np.log(1 / alpha):
            rejected = middle
        else:
            kept = middle
    return (rejected + kept) / 2


def _share_evidence(share: float, successes: int, n: int, n_best: float) -> float:
    other = 1 - share
    product = share * other
    tuned = best_mixture_precision(n_best * product, 0.05) - product
    precision = max(tuned, 1e-3 * product)
    log_likelihood = successes * np.log(share) + (n - successes) * np.log(other)
    mixture = special.betaln(precision / share + n - successes, precision / other + successes)
    return float(mixture - special.betaln(precision / share, precision / other) - log_likelihood)
