"""Synthetic control of one unit with few donors, whose interval comes from time instead of space.

Eight donors in the treated unit's place give p-values of a ninth at best. Here the mix of donors is
fitted under every supposed effect, to all periods alike and up to a constant, and the stretch with
the AI is compared with every other stretch as long: the interval holds the effects that are not
rejected, and reaches as far as a steady drift from so few donors may have moved them. Each period
has the like interval of its own, against the periods before.

Source: Chernozhukov, Wuethrich & Zhu (2021), JASA 116(536) 1849-1864; Ferman & Pinto (2021),
Quantitative Economics 12(4), for leaving a constant free.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from aivalue.effects.effect import Effect, Period
from aivalue.effects.estimators.synthetic_control import require_estimable
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.conformal import (
    Conformal,
    allowing_for_drift,
    conformal,
    require_history,
)
from aivalue.effects.student_t import t_quantile
from aivalue.effects.vector import Vector, effect_of

VERSION = "2"
NAME = "conformal_synthetic_control"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformalControl:
    """The readings over time.

    Attributes
    ----------
    average : Conformal
        Of one effect for all periods with the AI.
    pointwise : length n_after
        Of each period by itself, against those before.
    gap : shape (n_after,)
        Treated less synthetic; its weighted mean is the average's point.
    weights : shape (n_after,)
        What each period counts in the average; they sum to one.
    """

    average: Conformal
    pointwise: tuple[Conformal, ...]
    gap: Floats
    weights: Floats

    def covariance(self, confidence: float) -> Floats:
        """Return the normal covariance whose intervals reach as far as these, on either side.

        Periods share one correlation, which makes the average as wide as it is found to be.
        """
        quantile = t_quantile((1 + confidence) / 2, inf)
        reach = np.array(
            [
                _reach(own, point, confidence)
                for own, point in zip(self.pointwise, self.gap, strict=True)
            ]
        )
        wanted = _reach(self.average, self.average.point, confidence)
        own = self.weights * reach
        apart, together = float(own @ own), float(own.sum() ** 2)
        n = len(reach)
        if n == 1:
            return np.array([[(wanted / quantile) ** 2]])
        shared = (wanted**2 - apart) / (together - apart)
        bounded = float(np.clip(shared, -1 / (n - 1), 1.0))
        correlation = np.full((n, n), bounded)
        correlation[np.diag_indices(n)] = 1.0
        covariance = np.outer(reach, reach) * correlation / quantile**2
        # Where the average is wider than all periods moving together, all are widened.
        reached = quantile**2 * float(self.weights @ covariance @ self.weights)
        widened: Floats = covariance * max(wanted**2 / reached, 1.0)
        return widened


def conformal_synthetic_control(
    treated: Floats,
    donors: Floats,
    n_before: int,
    *,
    weights: Floats | None = None,
    confidence: float = 0.95,
) -> ConformalControl:
    """Read one unit against its donors by shifts of time.

    Parameters
    ----------
    treated : shape (n_periods,)
    donors : shape (n_donors, n_periods)
    weights : shape (n_after,), or None
        What each period counts in the average, e.g. its volume.

    Raises
    ------
    NotEstimable
        Fewer than two donors, a value is missing, or too few periods before: for this confidence,
        or beside those with the AI.
    """
    require_estimable(treated, donors, n_before)
    n_after = len(treated) - n_before
    require_history(n_before, n_after, confidence)
    share = np.full(n_after, 1 / n_after) if weights is None else weights / weights.sum()
    with_ai = (np.arange(len(treated)) >= n_before).astype(np.float64)
    average = allowing_for_drift(
        conformal(treated, donors, with_ai, weights=share, free="level"),
        treated,
        donors,
        with_ai,
        confidence=confidence,
    )
    pointwise = []
    for period in range(n_before, len(treated)):
        seen = np.append(np.arange(n_before), period)
        alone = with_ai[-n_before - 1 :].copy()
        alone[:-1], alone[-1] = 0.0, 1.0
        pointwise.append(conformal(treated[seen], donors[:, seen], alone, free="level"))
    points = np.array([each.point for each in pointwise])
    return ConformalControl(
        average=average,
        pointwise=tuple(pointwise),
        gap=points + average.point - float(share @ points),
        weights=share,
    )


def conformal_effect(
    found: ConformalControl,
    observed: Floats,
    volume: Floats,
    *,
    periods: Sequence[Period],
    n_donors: int,
    n_treated: int = 1,
    confidence: float = 0.95,
) -> Effect:
    """Return the effect per period after go-live."""
    vector = Vector(
        periods=periods,
        point=found.gap,
        covariance=found.covariance(confidence),
        volume=volume,
        observed=observed,
        degrees_of_freedom=inf,
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=n_treated,
        n_control=n_donors,
        design="few_treated",
        scale="additive",
        estimator=(NAME, VERSION),
    )


def _reach(found: Conformal, point: float, confidence: float) -> float:
    low, high = found.interval(confidence)
    return max(high - point, point - low)
