"""Synthetic difference-in-differences: donors and past periods that matter, levels differenced out.

Unit weights make donors move like the treated before; period weights pick the past that resembles
the time after. Both are exact solutions, so the figure does not depend on a solver's patience.
Its spread comes from every single-donor placebo, never from a random sample of them.

Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), "Synthetic Difference-in-
Differences", AER 111(12) 4088-4118, algorithms 1 and 4.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.donor_weights.simplex import simplex_weights
from aivalue.effects.error_models.scatter import Past
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

VERSION = "3"
DONORS_MIN = 3
PERIODS_BEFORE_MIN = 3
PERIOD_PENALTY = 1e-6  # Of the noise level: only to make period weights unique.


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDifference:
    """The fit and what it implies.

    Attributes
    ----------
    effect : shape (n_after,)
        Per period with the treatment, mean over the treated units.
    placebos : shape (n_donors, n_after)
        The same with each donor in the place of one treated unit, the treated units left out.
    before : shape (n_before,), placebos_before : shape (n_donors, n_before)
        What the same fits left over before, about its mean.
    unit_weights, period_weights : shape (n_donors,), (n_before,)
    penalty : float
        Ridge on unit weights, in the outcome's unit (zeta in the paper).
    noise : float
        Standard deviation of donors' first differences before the treatment.
    n_treated : float
        Treated units, alike in weight, that the effect is the mean of.
    """

    effect: Floats
    placebos: Floats
    before: Floats
    placebos_before: Floats
    unit_weights: Floats
    period_weights: Floats
    penalty: float
    noise: float
    n_treated: float

    @property
    def average(self) -> float:
        """Mean effect over the periods with the treatment."""
        return float(self.effect.mean())

    def covariance(self) -> Floats:
        """Return the covariance of the effect: donors' placebos, spread over the treated units."""
        return self.placebos.T @ self.placebos / (len(self.placebos) * self.n_treated)

    def past(self) -> Past:
        """Return what is left over before, by which the treated's scatter shows."""
        return Past(own=self.before, others=self.placebos_before, n_treated=self.n_treated)

    def standard_error(self) -> float:
        """Return the paper's placebo standard error of the average, over all placebos."""
        return float(self.placebos.mean(axis=1).std() / np.sqrt(self.n_treated))

    def fitted(self, treated: Floats, donors: Floats) -> Floats:
        """Return the level without the AI, of the mean of the treated, at every time.

        Parameters
        ----------
        treated : shape (n_periods,)
        donors : shape (n_donors, n_periods)
        """
        synthetic = self.unit_weights @ donors
        n_before = len(self.period_weights)
        fitted: Floats = synthetic + self.period_weights @ (treated - synthetic)[:n_before]
        return fitted

    def rank_p_value(self) -> float:
        """Return the share of units, the treated included, with an effect as large."""
        sizes = np.abs(self.placebos.mean(axis=1))
        return float((1 + (sizes >= abs(self.average)).sum()) / (len(sizes) + 1))


def synthetic_difference_in_differences(
    treated: Floats, donors: Floats, n_before: int
) -> SyntheticDifference:
    """Estimate the effect on units that were all treated from the same period on.

    Assumes that donors, weighted to follow the treated before, would have moved like them after,
    up to a constant.

    Parameters
    ----------
    treated : shape (n_treated, n_periods)
    donors : shape (n_donors, n_periods)

    Raises
    ------
    NotEstimable
        Fewer than three donors or periods before, no period after, or a value is missing.
    """
    _require_estimable(treated, donors, n_before)
    n_after = donors.shape[1] - n_before
    noise = float(np.diff(donors[:, :n_before], axis=1).std(ddof=1))
    penalty = float((len(treated) * n_after) ** 0.25 * noise)
    one_penalty = float(n_after**0.25 * noise)
    effect, before, unit_weights, period_weights = _fit(
        treated.mean(axis=0), donors, n_before, penalty=penalty, noise=noise
    )
    placebos = [
        _fit(
            donors[row], np.delete(donors, row, axis=0), n_before, penalty=one_penalty, noise=noise
        )
        for row in range(len(donors))
    ]
    return SyntheticDifference(
        effect=effect,
        placebos=np.stack([placebo[0] for placebo in placebos]),
        before=before,
        placebos_before=np.stack([placebo[1] for placebo in placebos]),
        unit_weights=unit_weights,
        period_weights=period_weights,
        penalty=penalty,
        noise=noise,
        n_treated=len(treated),
    )


def average_without(
    treated: Floats, donors: Floats, n_before: int, donor: int, *, like: SyntheticDifference
) -> float:
    """Return the average effect estimated without one donor, everything else as in `like`."""
    effect, _, _, _ = _fit(
        treated.mean(axis=0),
        np.delete(donors, donor, axis=0),
        n_before,
        penalty=like.penalty,
        noise=like.noise,
    )
    return float(effect.mean())


def _fit(
    treated: Floats, donors: Floats, n_before: int, *, penalty: float, noise: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the effect per period, what is left before, and the weights of units and periods."""
    before, after = donors[:, :n_before], donors[:, n_before:]
    by_period = _weights(
        before, after.mean(axis=1), penalty=(PERIOD_PENALTY * noise) ** 2 * len(donors)
    )
    by_unit = _weights(before.T, treated[:n_before], penalty=penalty**2 * n_before)
    synthetic = by_unit @ donors
    gap = treated - synthetic
    effect = gap[n_before:] - by_period @ gap[:n_before]
    return effect, gap[:n_before] - gap[:n_before].mean(), by_unit, by_period


def _weights(matrix: Floats, target: Floats, *, penalty: float) -> Floats:
    # A free intercept is the same as taking column means off.
    matrix = matrix - matrix.mean(axis=0)
    gram = matrix.T @ matrix
    gram[np.diag_indices_from(gram)] += penalty
    return simplex_weights(gram, matrix.T @ (target - target.mean()))


def _require_estimable(treated: Floats, donors: Floats, n_before: int) -> None:
    if len(treated) < 1 or len(donors) < DONORS_MIN:
        raise NotEstimable(
            f"{len(treated)} treated units and {len(donors)} donors, needs 1 and {DONORS_MIN}"
        )
    n_after = donors.shape[1] - n_before
    if n_before < PERIODS_BEFORE_MIN or n_after < 1:
        raise NotEstimable(
            f"{n_before} periods before and {n_after} after, needs {PERIODS_BEFORE_MIN} and 1"
        )
    if not (np.isfinite(treated).all() and np.isfinite(donors).all()):
        raise NotEstimable("a unit is missing in a period: this estimator needs them all")
    if not np.ptp(donors) > 0:
        raise NotEstimable("donors do not vary, so the uncertainty cannot be estimated")
