"""Which interval of one series is published: that of a level that stands, or of one that wanders.

A walk of a tenth of the noise per step passes for a steady level in most series of a hundred
values, and moves the mean of the last thirty by more than their noise does. An interval that takes
the level to stand covers 84 to 91 % then. So the narrower one is published only where the series
itself says that the level stands; wherever that stays open, the wider one is, stretched until it
contains the narrower one too. Whoever reads the effect, its p-value or its money has one interval.

Somebody may answer for it, by name, that the level stands. That moves the burden of proof: the
narrower reading is then published unless the series speaks strongly against it.

Source: Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter", 4.2;
Stock & Watson (1998), JASA 93(441), for how little a series says of a slow walk; Jeffreys (1961),
"Theory of Probability", appendix B, and Kass & Raftery (1995), "Bayes Factors", JASA 90(430).
"""

from dataclasses import dataclass, replace

import numpy as np

from aivalue.effects.effect import Effect
from aivalue.effects.error_models.autoregression import CORRELATIONS, AveragedFit, averaged_fit
from aivalue.effects.error_models.random_walk import wandering_fit
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats

# Odds of a level that wanders against one that stands, in words of Jeffreys and Kass & Raftery.
EVEN, POSITIVE, STRONG, VERY_STRONG = 1.0, 3.0, 10.0, 150.0
# An average over speeds covers the faster walks less than it says; by this it makes up for it.
WIDER_ONCE_CLEAR = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """One series read with a level that stands, and with one that wanders.

    Attributes
    ----------
    stands, wanders : Effect
    odds : float
        How many times as likely as a level that stands the series makes one that wanders.
    steady_by : str or None
        Who answers for it that the level stands.
    """

    stands: Effect
    wanders: Effect
    odds: float
    steady_by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the published interval allows for a level that wanders.

        It does from even odds on: later would leave slow walks below the coverage that is promised,
        earlier would widen more of the series without memory (docs/validation.md has both). Where
        somebody answers for a level that stands, only strong evidence counts against it.
        """
        return self.odds > (EVEN if self.steady_by is None else STRONG)

    @property
    def published(self) -> Effect:
        """The effect to use: the narrower one, or the wider one, stretched."""
        return self.as_decided_for(self)

    def as_decided_for(self, others: "Levels") -> Effect:
        """Return the reading that was decided on for another regression of the same series."""
        return self.allowing(others.stretch) if others.is_open else self.stands

    def allowing(self, stretch: float) -> Effect:
        """Return the reading with a level that wanders, this many times as wide."""
        return replace(
            self.wanders,
            covariance=tuple(
                tuple(each * stretch**2 for each in row) for row in self.wanders.covariance
            ),
            estimator=self.stands.estimator,
        )

    @property
    def stretch(self) -> float:
        """How many times as wide as that of a walk the interval is where the level is left open.

        So wide that it contains the narrower one too, until that one is out of the question.
        """
        narrower, wider = average(self.stands), average(self.wanders)
        found = stretch_of(
            np.array(self.odds),
            gap=np.array(wider.point - narrower.point),
            narrower=np.array((narrower.high - narrower.low) / 2),
            wider=np.array((wider.high - wider.low) / 2),
        )
        return float(found)


def stretch_of(odds: Floats, *, gap: Floats, narrower: Floats, wider: Floats) -> Floats:
    """Return how many times as wide the reading with a walk is published, for many series at once.

    Parameters
    ----------
    gap
        Between the points of both readings.
    narrower, wider
        Half their widths.
    """
    least = np.where(odds > POSITIVE, WIDER_ONCE_CLEAR, 1.0)
    contains = np.maximum(least, (np.abs(gap) + narrower) / wider)
    stretch: Floats = np.where(odds > VERY_STRONG, least, contains)
    return stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class Fits:
    """One regression with errors that remember, and with a level that wanders.

    Attributes
    ----------
    odds : float
        As in `Levels`.
    """

    remembers: AveragedFit
    walks: AveragedFit
    odds: float


def fits(outcome: Floats, regressors: Floats, position: Floats) -> Fits:
    """Regress both ways; parameters as in `averaged_fit`."""
    remembers = averaged_fit(outcome, regressors, position)
    walks = wandering_fit(outcome, regressors, position)
    odds = odds_of(remembers.log_likelihood, walks.log_likelihood)
    return Fits(remembers=remembers, walks=walks, odds=float(odds))


def odds_of(remembers: Floats, walks: Floats) -> Floats:
    """Return how many times as likely as one that stands the series makes a level that wanders.

    Of log likelihoods, shape (n_models, ...), of one series or of many. Standing are
    autoregressions without noise over them. Wandering, in equal parts, are walks and the
    autoregressions under noise: slow to return, they pass for walks, and mislead as these do.
    """
    n_standing = len(CORRELATIONS)
    top = np.maximum(remembers.max(axis=0), walks.max(axis=0))
    stands, returns, walk = (
        np.exp(each - top).mean(axis=0)
        for each in (remembers[:n_standing], remembers[n_standing:], walks)
    )
    with np.errstate(divide="ignore"):
        odds: Floats = (returns + walk) / 2 / stands
    return odds
