"""Subjects drawn into two arms: a mean, a share, or a ratio of two sums.

Source: Welch (1947) and the noncentral t for means; Fleiss, Levin & Paik (2003), 4.2, for shares;
Deng, Knoblich & Lu (2018), KDD, for ratios; Deng et al. (2013), WSDM, for what is known before.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from aivalue.effects.planning.trial import (
    Lever,
    Noise,
    Trial,
    require_correlation,
    require_positive,
    require_share,
    same,
)
from aivalue.errors import NotEstimable

SUBJECTS_MOST = 10**12
SUBJECTS_LEAST = 4

Noises = Callable[[int, float], Noise]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A ratio's numerator and denominator, subject by subject.

    Attributes
    ----------
    level : float
        Ratio of the means.
    correlation : float
        Of a subject's numerator with its denominator.
    """

    level: float
    deviation: float
    denominator_mean: float
    denominator_deviation: float
    correlation: float

    @property
    def linear_deviation(self) -> float:
        """Deviation of (numerator - level x denominator) / mean denominator."""
        require_positive(denominator_mean=abs(self.denominator_mean), deviation=self.deviation)
        require_correlation(correlation=self.correlation)
        scaled = self.level * self.denominator_deviation
        variance = self.deviation**2 + scaled**2 - 2 * self.correlation * self.deviation * scaled
        return math.sqrt(variance) / abs(self.denominator_mean)


def by_subject(
    deviation: float,
    *,
    subjects: int | None = None,
    level: float | None = None,
    share_treated: float = 0.5,
    share_explained: float = 0.0,
) -> Trial:
    """Plan the difference in means between randomized subjects; a ratio through its `Parts`.

    Parameters
    ----------
    share_explained : in [0, 1)
        Of the variance, by what is known before (the squared correlation of CUPED).
    """
    require_positive(deviation=deviation)
    require_share(share_treated=share_treated)
    if not 0 <= share_explained < 1:
        raise NotEstimable(f"share_explained must lie in [0, 1), got {share_explained:g}")
    variance = deviation**2 * (1 - share_explained)
    arms = 1 / share_treated + 1 / (1 - share_treated)
    # What is known before is one coefficient more.
    spent = 2 if share_explained == 0 else 3

    def noise(size: int, _: float) -> Noise:
        return same(math.sqrt(variance * arms / size), float(size - spent))

    return Trial(
        kind="subjects",
        estimator="cuped" if share_explained else "difference_in_means",
        level=level,
        levers=(_lever(subjects, noise, share_treated),),
        effect_max=math.inf,
        assumes=("subjects do not influence each other", "both arms vary alike"),
    )


def by_share(level: float, *, subjects: int | None = None, share_treated: float = 0.5) -> Trial:
    """Plan the difference between two shares, such as conversion."""
    require_share(level=level, share_treated=share_treated)

    def noise(size: int, effect: float) -> Noise:
        treated, control = size * share_treated, size * (1 - share_treated)
        with_ai = level + effect
        pooled = share_treated * with_ai + (1 - share_treated) * level
        variance = with_ai * (1 - with_ai) / treated + level * (1 - level) / control
        null = pooled * (1 - pooled) * (1 / treated + 1 / control)
        # At a share of nothing or all, only the other arm varies.
        return Noise(
            standard_error=math.sqrt(variance),
            null_error=math.sqrt(null),
            degrees_of_freedom=math.inf,
        )

    return Trial(
        kind="subjects",
        estimator="difference_in_means",
        level=level,
        levers=(_lever(subjects, noise, share_treated),),
        effect_max=1 - level,
        assumes=("subjects do not influence each other",),
    )


def _lever(subjects: int | None, noise: Noises, share_treated: float) -> Lever:
    smaller = min(share_treated, 1 - share_treated)
    least = max(SUBJECTS_LEAST, math.ceil(2 / smaller))
    return Lever(name="subjects", planned=subjects, least=least, most=SUBJECTS_MOST, noise=noise)
