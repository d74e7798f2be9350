"""Asymptotic confidence sequence: half widths that hold at every look together.

Kept apart from its relatives because a service that only estimates should not pay for scipy.

Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory
and asymptotic confidence sequences", Annals of Statistics 52(6).
"""

import math

import numpy as np

from aivalue.effects.panel import Floats

ROUNDS = 60


def best_rho_squared(n: float, alpha: float) -> float:
    """Return the tuning that makes the sequence narrowest at n subjects, exactly."""
    return (-_lower_branch(-(alpha**2) / math.e) - 1) / n


def mixture_margin(n: Floats, rho_squared: float, alpha: float) -> Floats:
    """Return the half width per unit of standard deviation, valid at all n together."""
    grown = n * rho_squared + 1
    margin: Floats = np.sqrt(grown * np.log(grown / alpha**2) / (n**2 * rho_squared))
    return margin


def anytime_margin(
    standard_error: Floats, n: Floats, *, n_best: float, alpha: float = 0.05
) -> Floats:
    """Return the half width around an estimate with this standard error after n subjects.

    Parameters
    ----------
    n_best : > 0
        Subjects at which the interval is to be narrowest, e.g. the planned sample.
    """
    return standard_error * np.sqrt(n) * mixture_margin(n, best_rho_squared(n_best, alpha), alpha)


def _lower_branch(z: float) -> float:
    """Return Lambert's W below -1, for z in (-1/e, 0): the w with w exp(w) = z, by Newton."""
    log_z = math.log(-z)
    w = log_z - math.log(-log_z)
    for _ in range(ROUNDS):
        step = (math.log(-w) + w - log_z) / (1 / w + 1)
        w -= step
        if abs(step) <= 1e-16 * abs(w):
            break
    return w
