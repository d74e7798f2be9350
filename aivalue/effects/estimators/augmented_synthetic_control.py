"""Augmented synthetic control: a ridge regression takes out what the donors' mix misses before.

Where no mix of donors follows the treated unit, synthetic control keeps the miss as if it were
effect. The ridge corrects for it, at the price of weights that may turn negative; how far it goes
is chosen by leaving out one period before the treatment at a time.

Source: Ben-Michael, Feller & Rothstein (2021), "The Augmented Synthetic Control Method", JASA
116(536) 1789-1803, section 3 with ridge regression, and the one-standard-error rule.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.donor_weights.simplex import simplex_weights
from aivalue.effects.estimators.synthetic_control import (
    SyntheticControl,
    require_estimable,
    synthetic_control,
)
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

VERSION = "2"
STEPS = 20
N_PENALTIES = STEPS + 1
SMALLEST_SHARE = 1e-8  # Of the largest penalty.


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentedControl:
    """The corrected fit, beside the plain one.

    Attributes
    ----------
    corrected : SyntheticControl
        With the ridge's weights, which sum to one and may be negative.
    plain : SyntheticControl
    penalty : float
        Of the ridge, in squared units of the outcome.
    """

    corrected: SyntheticControl
    plain: SyntheticControl
    penalty: float

    @property
    def effect(self) -> float:
        """Mean gap with the treatment."""
        return self.corrected.effect


def augmented_synthetic_control(
    treated: Floats, donors: Floats, n_before: int, *, penalty: float | None = None
) -> AugmentedControl:
    """Fit the treated unit by donors, and correct for the miss.

    Assumes that outcomes without AI follow, up to noise, a linear model of their past that all
    units share.

    Parameters
    ----------
    treated : shape (n_periods,), donors : shape (n_donors, n_periods)
    penalty : > 0
        None chooses it by leaving periods out.

    Raises
    ------
    NotEstimable
        As `synthetic_control`.
    """
    require_estimable(treated, donors, n_before)
    plain = synthetic_control(treated, donors, n_before)
    if penalty is None:
        penalty = _penalty(treated[:n_before], donors[:, :n_before])
    weights = _corrected(treated[:n_before], donors[:, :n_before], plain.weights, penalty)
    gap = treated - weights @ donors
    return AugmentedControl(
        corrected=SyntheticControl(
            weights=weights,
            gap=gap,
            squares_before=float(gap[:n_before] @ gap[:n_before]),
            certificate=plain.certificate,
            placebo_gaps=_placebo_gaps(donors, n_before, penalty),
            n_before=n_before,
        ),
        plain=plain,
        penalty=penalty,
    )


def _corrected(before: Floats, donors: Floats, weights: Floats, penalty: float) -> Floats:
    """Return the ridge-corrected weights; `before` and `donors` hold periods before alone."""
    centre = donors.mean(axis=0)
    past, miss = donors - centre, before - weights @ donors
    gram = past.T @ past
    gram[np.diag_indices_from(gram)] += penalty
    corrected: Floats = weights + past @ np.linalg.solve(gram, miss)
    return corrected


def _penalty(before: Floats, donors: Floats) -> float:
    """Choose the largest penalty within one standard error of the best."""
    n_before = len(before)
    past = donors - donors.mean(axis=0)
    largest = float(np.linalg.norm(past, 2) ** 2)
    if not largest > 0:
        raise NotEstimable("donors do not differ before go-live, so nothing can be told by them")
    grid = largest * SMALLEST_SHARE ** (np.arange(N_PENALTIES) / STEPS)
    squares = np.empty((n_before, N_PENALTIES))
    for left_out in range(n_before):
        kept = np.delete(np.arange(n_before), left_out)
        seen = donors[:, kept]
        weights = simplex_weights(seen @ seen.T, seen @ before[kept])
        # One decomposition serves all penalties.
        u, size, v = np.linalg.svd(past[:, kept], full_matrices=False)
        miss = v @ (before[kept] - weights @ seen)
        shrunk = (size / (size**2 + grid[:, None])) * miss
        corrected = weights + shrunk @ u.T
        squares[left_out] = (before[left_out] - corrected @ donors[:, left_out]) ** 2
    error = squares.mean(axis=0)
    best = int(np.argmin(error))
    margin = float(squares[:, best].std(ddof=1)) / np.sqrt(n_before)
    return float(grid[int(np.flatnonzero(error <= error[best] + margin)[0])])


def _placebo_gaps(donors: Floats, n_before: int, penalty: float) -> Floats:
    before = donors[:, :n_before]
    gram = before @ before.T
    gaps = np.empty_like(donors)
    for row in range(len(donors)):
        others = np.delete(np.arange(len(donors)), row)
        weights = simplex_weights(gram[np.ix_(others, others)], gram[others, row])
        weights = _corrected(before[row], before[others], weights, penalty)
        gaps[row] = donors[row] - weights @ donors[others]
    return gaps
