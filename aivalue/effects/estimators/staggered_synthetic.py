"""Several treated units with different starts, each against its own mix of donors.

Every cohort is read by a synthetic difference of its own against units that never get the AI; a
calendar period's effect is the mean over the units treated in it. A donor stands in for one
treated unit at its start, all donors in turn, never a sample; the units' own noise adds up, times
how much more or less than donors they vary before.

Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), AER 111(12), appendix on staggered
adoption; Clarke, Pailanir, Athey & Imbens (2024), "On Synthetic Difference-in-Differences and
Related Estimation Methods", Stata Journal 24(4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aivalue.effects.effect import Effect, Period
from aivalue.effects.error_models.scatter import stretch_of, studentized
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    SyntheticDifference,
    synthetic_difference_in_differences,
)
from aivalue.effects.panel import Floats, Integers
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Units that started together, read against the donors."""

    start: int
    found: SyntheticDifference


@dataclass(frozen=True, slots=True, kw_only=True)
class StaggeredDifference:
    """One reading per cohort, earliest first.

    Attributes
    ----------
    n_periods : int
        Of the whole panel.
    """

    cohorts: tuple[Cohort, ...]
    n_periods: int

    @property
    def counts(self) -> Floats:
        """Treated units per period, from the first start on."""
        first = self.cohorts[0].start
        counts = np.zeros(self.n_periods - first)
        for cohort in self.cohorts:
            counts[cohort.start - first :] += cohort.found.n_treated
        return counts

    def per_period(self) -> tuple[Floats, Floats]:
        """Return the mean effect in each period from the first start on, and its covariance."""
        first, counts = self.cohorts[0].start, self.counts
        effect = np.zeros(len(counts))
        covariance = np.zeros((len(counts), len(counts)))
        for cohort in self.cohorts:
            found, at = cohort.found, cohort.start - first
            effect[at:] += found.n_treated * found.effect
            noise = found.placebos.T @ found.placebos / len(found.placebos)
            covariance[at:, at:] += found.n_treated * noise
        return effect / counts, covariance / np.outer(counts, counts)

    def fitted(self, treated: Floats, start: Integers, donors: Floats) -> Floats:
        """Return the mean level of all treated without the AI, at every time."""
        level = np.zeros(self.n_periods)
        for cohort in self.cohorts:
            mean = treated[start == cohort.start].mean(axis=0)
            level += cohort.found.n_treated * cohort.found.fitted(mean, donors)
        mean_level: Floats = level / len(treated)
        return mean_level


def staggered_synthetic_difference(
    treated: Floats, start: Integers, donors: Floats
) -> StaggeredDifference:
    """Read each cohort.

    Assumes, for each, what `synthetic_difference_in_differences` assumes.

    Parameters
    ----------
    treated : shape (n_treated, n_periods), start : shape (n_treated,)
        Position of each unit's first period with AI.
    donors : shape (n_donors, n_periods)

    Raises
    ------
    NotEstimable
        As `synthetic_difference_in_differences`, for the cohort that is at fault.
    """
    cohorts = []
    for first in np.unique(start):
        try:
            found = synthetic_difference_in_differences(treated[start == first], donors, int(first))
        except NotEstimable as refusal:
            raise NotEstimable(f"cohort from period {int(first)} on: {refusal}") from refusal
        cohorts.append(Cohort(start=int(first), found=found))
    return StaggeredDifference(cohorts=tuple(cohorts), n_periods=donors.shape[1])


def staggered_effect(
    found: StaggeredDifference,
    observed: Floats,
    *,
    periods: Sequence[Period],
    confidence: float = 0.95,
) -> Effect:
    """Return the effect per period; `observed` is the treated's mean level in each of them."""
    point, covariance = found.per_period()
    stretch = stretch_of([cohort.found.past() for cohort in found.cohorts])
    n_donors = len(found.cohorts[0].found.placebos)
    vector = Vector(
        periods=periods,
        point=point,
        covariance=covariance * stretch.variance,
        volume=found.counts,
        observed=observed,
        degrees_of_freedom=studentized(n_donors, stretch),
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=int(sum(cohort.found.n_treated for cohort in found.cohorts)),
        n_control=n_donors,
        design="few_treated",
        scale="additive",
        estimator=("synthetic_difference_in_differences", VERSION),
    )
