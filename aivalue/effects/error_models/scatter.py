"""How many times the others' deviation that of treated units is, from before anybody had the AI.

Placebos of other units say how far figures err only if treated units vary as the others do. Their
own past tells: its mean square over the others', which has as many degrees of freedom as the
residuals hold independent values. Every ratio from a quarter to four is as likely as any other
beforehand, on the scale of logarithms; then an interval that averages over what the past leaves
possible is the studentized placebo's, Student's t with the past's degrees of freedom, and covers
what it claims whatever the ratio is.

Source: Hagemann (2025), "Inference with a Single Treated Cluster", REStud, and Ferman & Pinto
(2019), "Inference in Differences-in-Differences with Few Treated Groups and Heteroskedasticity",
REStat 101(3), for why placebos of units unlike the treated mislead; Bartlett (1946), JRSS Suppl. 8,
for what residuals with memory are worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.effects.student_t import NORMAL

KURTOSIS_FREEDOM = 4  # Student's t has a fourth moment above four degrees of freedom.
RATIOS = 2.0 ** np.arange(-2.0, 2.01, 0.25)
FREEDOM_MIN = 2.0
MEMORY_MAX = 0.95
POWER = 0.80


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """What the past says of the ratio of deviations, treated over others.

    Attributes
    ----------
    ratio, low, high : float
        Middle and ends, with 95 % between them, if any ratio was as likely beforehand.
    p_value : float
        Two-sided, of the past if the ratio were one.
    detectable : float
        Ratio above one that would be found in 80 % of cases.
    """

    ratio: float
    low: float
    high: float
    p_value: float
    detectable: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What to make of the others' variance and of a normal, as the treated may vary more.

    Attributes
    ----------
    variance : float
        Factor of the variance, as Student's t with `freedom` degrees of freedom reads it.
    """

    variance: float
    freedom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Residuals of treated units and of others, alike in how they came about.

    Attributes
    ----------
    own : shape (n_periods,)
        Of the mean of `n_treated` units.
    others : shape (n_others, n_periods)
        Of each of the others in the place of one treated unit.
    """

    own: Floats
    others: Floats
    n_treated: float = 1.0


def scatter_of(pasts: Sequence[Past]) -> Scatter:
    """Weigh the ratios by cohorts' pasts, one for each, or the only one."""
    weight = _likelihood(pasts)
    return scatter_from(RATIOS, weight / weight.sum())


def stretch_of(pasts: Sequence[Past]) -> Stretch:
    """Return what not knowing whether the treated vary more than the others does to an interval.

    Fits miss by as much however little a unit varies, so no error is taken for less than the
    others': that the treated vary no more is as likely beforehand as that they do, by any factor.
    """
    more = RATIOS > 1
    prior = np.where(more, 0.5 / more.sum(), np.where(RATIOS == 1, 0.5, 0.0))
    weight = prior * _likelihood(pasts)
    probability, times = weight / weight.sum(), RATIOS**2
    variance = float(probability @ times)
    kurtosis = 3 * float(probability @ times**2) / variance**2
    freedom = KURTOSIS_FREEDOM + 6 / max(kurtosis - 3, 1e-9)
    return Stretch(variance=variance * (freedom - 2) / freedom, freedom=freedom)


def _likelihood(pasts: Sequence[Past]) -> Floats:
    likelihood = np.zeros(len(RATIOS))
    for past in pasts:
        spread = float((past.others**2).mean())
        if not spread > 0:
            continue
        seen = past.n_treated * float((past.own**2).mean()) / spread
        own = freedom_of(past)
        n_others = len(past.others)
        # The others' mean square has its own degrees of freedom, and is averaged over.
        likelihood -= own * np.log(RATIOS)
        likelihood -= own * (1 + n_others) / 2 * np.log1p(seen / (n_others * RATIOS**2))
    weight: Floats = np.exp(likelihood - likelihood.max())
    return weight


def studentized(n_donors: int, stretch: Stretch) -> float:
    """Return degrees of freedom of a figure whose error is known from donors and this ratio."""
    return 1 / (1 / max(n_donors - 1, 1) + 1 / stretch.freedom)


def scatter_from(ratios: Floats, probability: Floats) -> Scatter:
    """Summarize probabilities of ratios, ascending."""
    log_ratio = np.log(ratios)
    middle = float(probability @ log_ratio)
    error = float(probability @ (log_ratio - middle) ** 2) ** 0.5
    # Half of a ratio's probability lies on either side of it.
    cumulative = np.cumsum(probability) - probability / 2
    low, at_one, high = (
        float(np.interp(0.025, cumulative, log_ratio)),
        float(np.interp(0.0, log_ratio, cumulative)),
        float(np.interp(0.975, cumulative, log_ratio)),
    )
    reach = NORMAL.inv_cdf(0.975) + NORMAL.inv_cdf(POWER)
    return Scatter(
        ratio=float(np.exp(middle)),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        p_value=2 * min(at_one, 1 - at_one),
        detectable=float(np.exp(reach * error)),
    )


def freedom_of(past: Past) -> float:
    """Return how many independent values a mean square of the treated's residuals is worth."""
    n_periods = past.others.shape[1]
    memory = _memory(past.others)
    lag = np.arange(1, n_periods)
    shared = float(((1 - lag / n_periods) * memory ** (2 * lag)).sum())
    return float(np.maximum((n_periods - 1) / (1 + 2 * shared), FREEDOM_MIN))


def _memory(residuals: Floats) -> float:
    """Return the correlation from one period to the next, its bias by taking levels off mended."""
    n_periods = residuals.shape[1]
    if n_periods <= KURTOSIS_FREEDOM:
        return 0.0
    centred = residuals - residuals.mean(axis=1, keepdims=True)
    squares = float((centred**2).sum())
    plain = float((centred[:, 1:] * centred[:, :-1]).sum()) / max(squares, np.finfo(float).tiny)
    return float(np.clip((n_periods * plain + 1) / (n_periods - 3), 0.0, MEMORY_MAX))
