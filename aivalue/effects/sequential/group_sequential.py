"""A few planned looks that together reject as rarely as one: O'Brien-Fleming boundaries.

Early looks need overwhelming evidence, the last look nearly the usual one; with 30 looks the last
interval is a tenth wider than a fixed one, where an anytime-valid sequence is half as wide again.

Source: O'Brien & Fleming (1979), Biometrics 35(3) 549-556; Armitage, McPherson & Rowe (1969),
JRSS A 132(2), for the recursion that integrates over the looks.
"""

import numpy as np
from scipy import special

from aivalue.effects.panel import Floats

GRID_STEP = 0.1  # In standard deviations of a look's increment; Simpson's rule does the rest.
TOLERANCE = 1e-6


def obrien_fleming(n_looks: int, *, alpha: float = 0.05) -> Floats:
    """Return the |z| that each of the equally spaced looks must exceed, two-sided.

    Parameters
    ----------
    n_looks : >= 1
    alpha : in (0, 1)
        Probability that any look rejects without an effect.
    """
    look = np.arange(1, n_looks + 1)
    low, high = float(special.ndtri(1 - alpha / 2)) - TOLERANCE, 5.0
    while high - low > TOLERANCE:
        constant = (low + high) / 2
        rejects = probability_of_rejecting(constant * np.sqrt(n_looks / look))
        low, high = (constant, high) if rejects > alpha else (low, constant)
    boundaries: Floats = high * np.sqrt(n_looks / look)
    return boundaries


def probability_of_rejecting(boundaries: Floats, *, drift: float = 0.0) -> float:
    """Return how often |z| exceeds its boundary at some look.

    Parameters
    ----------
    drift
        Mean of the increment between looks, in its standard deviations.
    """
    limit = float(boundaries[0])
    score = _grid(limit)
    density = _normal_density(score - drift)
    kept = float(density @ _simpson(score))
    for look, boundary in enumerate(boundaries[1:], start=2):
        limit = float(boundary) * np.sqrt(look)
        following = _grid(limit)
        moved = _normal_density(following[:, None] - score - drift)
        density = moved @ (density * _simpson(score))
        score = following
        kept = float(density @ _simpson(score))
    return 1 - kept


def _grid(limit: float) -> Floats:
    return np.linspace(-limit, limit, 2 * int(np.ceil(limit / GRID_STEP)) + 1)


def _simpson(grid: Floats) -> Floats:
    weight = np.full(len(grid), 2.0)
    weight[1::2] = 4.0
    weight[[0, -1]] = 1.0
    weight *= float(grid[1] - grid[0]) / 3
    return weight


def _normal_density(value: Floats) -> Floats:
    density: Floats = np.exp(-(value**2) / 2) / np.sqrt(2 * np.pi)
    return density
