"""Synthetic control: the treated unit against the mix of donors that followed it before.

Weights are exact (see `donor_weights.simplex`), so the figure does not depend on a solver's
patience. Inference by placebo: every donor is treated in turn, all of them, never a sample.

Source: Abadie, Diamond & Hainmueller (2010), "Synthetic Control Methods for Comparative Case
Studies", JASA 105(490) 493-505; Ferman & Pinto (2021), Quantitative Economics 12(4), for the
version without levels.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.donor_weights.simplex import simplex_least_squares, simplex_weights
from aivalue.effects.error_models.scatter import Past
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

VERSION = "3"
DONORS_MIN = 2
PERIODS_BEFORE_MIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticControl:
    """The fit and what it implies.

    Attributes
    ----------
    weights : shape (n_donors,)
    gap : shape (n_periods,)
        Treated minus synthetic, in every period.
    squares_before : float
        Sum of squared gaps before the treatment.
    certificate : float
        No weights have squares lower by more than this.
    placebo_gaps : shape (n_donors, n_periods)
        The same gap with each donor in the treated unit's place, the treated unit left out.
    """

    weights: Floats
    gap: Floats
    squares_before: float
    certificate: float
    placebo_gaps: Floats
    n_before: int

    @property
    def effect(self) -> float:
        """Mean gap with the treatment."""
        return float(self.gap[self.n_before :].mean())

    @property
    def imbalance(self) -> float:
        """Euclidean length of the gap before the treatment."""
        return float(np.sqrt(self.squares_before))

    def past(self, n_treated: float = 1) -> Past:
        """Return the gaps before, by which the scatter of treated, fitted as their mean, shows.

        `n_treated` is of units alike in weight.
        """
        own, others = self.gap[: self.n_before], self.placebo_gaps[:, : self.n_before]
        return Past(own=own, others=others, n_treated=n_treated)

    def rank_p_value(self) -> float:
        """Return the share of units whose gap grew as much, by the ratio of after to before."""
        ratios = _error_ratio(np.vstack([self.gap, self.placebo_gaps]), self.n_before)
        return float((ratios >= ratios[0]).mean())


def synthetic_control(
    treated: Floats, donors: Floats, n_before: int, *, without_levels: bool = False
) -> SyntheticControl:
    """Fit the treated unit by donors on the periods before the treatment.

    Assumes that the mix which followed the treated unit before would have followed it after.

    Parameters
    ----------
    treated : shape (n_periods,)
    donors : shape (n_donors, n_periods)
    without_levels
        Compare movements around each unit's own mean before the treatment.

    Raises
    ------
    NotEstimable
        Fewer than two donors or periods before, no period after, or a value is missing.
    """
    require_estimable(treated, donors, n_before)
    if without_levels:
        treated = treated - treated[:n_before].mean()
        donors = donors - donors[:, :n_before].mean(axis=1, keepdims=True)
    before = donors[:, :n_before].T
    fit = simplex_least_squares(before, treated[:n_before])
    return SyntheticControl(
        weights=fit.weights,
        gap=treated - fit.weights @ donors,
        squares_before=fit.squares,
        certificate=fit.gap,
        placebo_gaps=_placebo_gaps(donors, n_before),
        n_before=n_before,
    )


def _placebo_gaps(donors: Floats, n_before: int) -> Floats:
    before = donors[:, :n_before]
    gram = before @ before.T
    gaps = np.empty_like(donors)
    for row in range(len(donors)):
        others = np.delete(np.arange(len(donors)), row)
        weights = simplex_weights(gram[np.ix_(others, others)], gram[others, row])
        gaps[row] = donors[row] - weights @ donors[others]
    return gaps


def _error_ratio(gaps: Floats, n_before: int) -> Floats:
    before = np.sqrt((gaps[:, :n_before] ** 2).mean(axis=1))
    after = np.sqrt((gaps[:, n_before:] ** 2).mean(axis=1))
    ratio: Floats = np.divide(after, before, out=np.full_like(after, np.inf), where=before > 0)
    return ratio


def require_estimable(treated: Floats, donors: Floats, n_before: int) -> None:
    """Refuse too few donors or periods, and missing values."""
    if len(donors) < DONORS_MIN:
        raise NotEstimable(f"{len(donors)} donors, needs {DONORS_MIN}")
    if not PERIODS_BEFORE_MIN <= n_before < len(treated):
        n_after = len(treated) - n_before
        raise NotEstimable(
            f"{n_before} periods before and {n_after} after, needs {PERIODS_BEFORE_MIN} and 1"
        )
    if not (np.isfinite(treated).all() and np.isfinite(donors).all()):
        raise NotEstimable("a unit is missing in a period: synthetic control needs them all")
