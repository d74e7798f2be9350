"""Permutation test and its inversion: who was treated is the only thing that was random.

Under an effect of exactly tau, treated units less tau are exchangeable with the others. The
interval holds every tau that the test does not reject, so p-value and interval always agree. All
assignments are counted; where that cannot be done the answer is a refusal, never a sample.

Source: Fisher (1935), "The Design of Experiments"; Rosenbaum (2002), "Observational Studies",
2.4, for the inversion; Conley & Taber (2011), REStat 93(1), for few treated units.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

ASSIGNMENTS_MAX = 200_000
REVERSE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Permutation:
    """Exact inference on a difference in means between few treated units and the others."""

    point: float
    low: float
    high: float
    p_value: float
    confidence: float
    n_assignments: int


def permutation_interval(
    treated: Floats, control: Floats, *, confidence: float = 0.95
) -> Permutation:
    """Invert the two-sided permutation test of the difference in means.

    Parameters
    ----------
    treated, control : shape (n_treated,), (n_control,)
        One number per unit, such as its change since before or its gap to a synthetic unit.

    Raises
    ------
    NotEstimable
        Too few assignments for this confidence, or too many to count.
    """
    n_treated, n = len(treated), len(treated) + len(control)
    n_assignments = comb(n, n_treated)
    if n_assignments > ASSIGNMENTS_MAX:
        raise NotEstimable(
            f"{n_assignments} assignments of {n_treated} among {n} units cannot all be counted"
        )
    alpha = 1 - confidence
    if n_assignments * alpha < 1:
        raise NotEstimable(
            f"{n_assignments} assignments cannot give {confidence:.0%} confidence, "
            f"needs {int(np.ceil(1 / alpha - 1e-9))}",
            verdict="below_sample_floor",
        )
    values = np.concatenate([treated, control])
    chosen = np.array(list(combinations(range(n), n_treated)))
    sums = values[chosen].sum(axis=1)
    overlap = (chosen < n_treated).sum(axis=1)
    n_control = n - n_treated
    difference = sums / n_treated - (values.sum() - sums) / n_control
    # Taking tau off the treated moves an assignment's difference by tau times this.
    moved = overlap / n_treated - (n_treated - overlap) / n_control
    point = float(treated.mean() - control.mean())
    low, high = _not_rejected(point, difference[1:], moved[1:], alpha * n_assignments)
    as_large = np.abs(difference) >= abs(point) * (1 - 1e-12)
    return Permutation(
        point=point,
        low=low,
        high=high,
        p_value=float(as_large.mean()),
        confidence=confidence,
        n_assignments=n_assignments,
    )


def _not_rejected(
    point: float, difference: Floats, moved: Floats, count_min: float
) -> tuple[float, float]:
    """Return the ends of the effects under which enough assignments are as extreme.

    An assignment is as extreme as the observed one for tau between two crossings; the observed
    one itself always counts.
    """
    # |d - tau m| >= |point - tau| between the crossings of its two branches; m is below 1.
    first = (point - difference) / (1 - moved)
    # With as many treated as not, the reverse assignment is always exactly as extreme.
    is_reverse = 1 + moved <= REVERSE
    second = (point + difference) / np.where(is_reverse, 1.0, 1 + moved)
    start, end = np.minimum(first, second), np.maximum(first, second)
    start, end = np.where(is_reverse, -np.inf, start), np.where(is_reverse, np.inf, end)
    # The effect is kept while more than count_min assignments are as extreme, itself included.
    needed = int(np.floor(count_min + 1e-9))
    edges = np.concatenate([start, end])
    steps = np.concatenate([np.ones(len(start)), -np.ones(len(end))])
    order = np.lexsort((-steps, edges))
    counts = np.cumsum(steps[order])
    kept = np.flatnonzero(counts >= needed)
    if kept.size == 0:
        return point, point
    ordered = edges[order]
    return float(ordered[kept[0]]), float(ordered[min(kept[-1] + 1, len(ordered) - 1)])
