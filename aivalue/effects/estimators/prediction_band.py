"""Prediction band around a synthetic control: how far off the mix may be, and the noise after it.

Two doubts are bounded apart. The weights were learnt from few periods: what else they could have
been is drawn, within the same constraints. And the treated unit has noise of its own in every
period, whose mean and size follow the donors' movements. Each takes half of the doubt allowed, so
that a single period lies in the band with at least the confidence asked for. No unit has to be
exchangeable with another, which placebos need; the noise has to go on as before instead.

Source: Cattaneo, Feng & Titiunik (2021), "Prediction Intervals for Synthetic Control Methods",
JASA 116(536) 1865-1880; Cattaneo, Feng, Palomba & Titiunik (2025), "scpi: Uncertainty
Quantification for Synthetic Control Methods", Journal of Statistical Software, section 4.
"""

import math
from dataclasses import dataclass

import numpy as np

from aivalue.effects.donor_weights.restricted_moves import RestrictedMoves
from aivalue.effects.donor_weights.simplex import simplex_least_squares
from aivalue.effects.estimators.synthetic_control import require_estimable
from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable

DRAWS = 1_000
FREE_MIN = 5  # Periods more than regressors: fewer say nothing about the size of noise.
NOTHING = 1e-6  # A weight below is none.
THRESHOLD_MAX = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionBand:
    """What the treated unit would have been without the AI, per period after go-live.

    Attributes
    ----------
    expected : shape (n_after,)
    weights_low, weights_high : shape (n_after,)
        As far as the weights are in doubt.
    low, high : shape (n_after,)
        With the unit's own noise.
    """

    weights: Floats
    expected: Floats
    weights_low: Floats
    weights_high: Floats
    low: Floats
    high: Floats
    confidence: float


def prediction_band(
    treated: Floats,
    donors: Floats,
    n_before: int,
    *,
    rng: np.random.Generator,
    moves_together: bool = False,
    confidence: float = 0.90,
    draws: int = DRAWS,
) -> PredictionBand:
    """Bound the synthetic unit period by period.

    Parameters
    ----------
    treated : shape (n_periods,); donors : shape (n_donors, n_periods)
    moves_together
        Levels wander and only their mix stays put (cointegration): noise is then explained by the
        donors' changes, not by their levels.

    Raises
    ------
    NotEstimable
        As `synthetic_control`; or too few periods before to learn the noise of the mix.
    """
    require_estimable(treated, donors, n_before)
    doubt = (1 - confidence) / 2
    before, after = donors[:, :n_before].T, donors[:, n_before:].T
    weights = simplex_least_squares(before, treated[:n_before]).weights
    surprise = treated[:n_before] - before @ weights
    used = _used(weights, surprise, before)
    known, ahead = _explaining(donors[used].T, n_before, moves_together=moves_together)
    skipped = n_before - len(known)
    _require_free(known)

    # A weight too small to be told from nothing may only grow.
    moves = RestrictedMoves.of(before[skipped:], np.where(used, -weights, 0.0))
    noise = _drawn(before[skipped:], surprise[skipped:], known, weights, draws=draws, rng=rng)
    lows, highs = moves.extremes(noise, after)
    expected = after @ weights
    # The further the weights could lie above the true ones, the lower the truth.
    weights_low = expected - np.quantile(highs, 1 - doubt / 2, axis=0)
    weights_high = expected - np.quantile(lows, doubt / 2, axis=0)
    middle, margin = _own_noise(known, surprise[skipped:], ahead, doubt)
    return PredictionBand(
        weights=weights,
        expected=expected,
        weights_low=weights_low,
        weights_high=weights_high,
        low=weights_low + middle - margin,
        high=weights_high + middle + margin,
        confidence=confidence,
    )


def _used(weights: Floats, surprise: Floats, before: Floats) -> Booleans:
    """Return the donors whose weight is beyond doubt; the others may only gain."""
    n_before, n_donors = before.shape
    spread = before.std(axis=0, ddof=1)
    if not spread.min() > 0:
        raise NotEstimable("a donor does not vary before go-live")
    scale = float(surprise.std(ddof=1)) * float(spread.max()) / float(spread.min()) ** 2
    n_used = int((weights > NOTHING).sum())
    size = math.sqrt(math.log(n_donors) * n_used * math.log(n_before) / n_before)
    # One donor must carry the mix: the largest does so, however small all of them are.
    return np.asarray((weights > min(scale * size, THRESHOLD_MAX)) | (weights == weights.max()))


def _explaining(used: Floats, n_before: int, *, moves_together: bool) -> tuple[Floats, Floats]:
    """Return what the noise may depend on before and after: donors' levels, or their changes."""
    seen = np.diff(used, axis=0) if moves_together else used
    columns = np.column_stack([seen, np.ones(len(seen))])
    first_after = n_before - 1 if moves_together else n_before
    return columns[:first_after], columns[first_after:]


def _drawn(
    before: Floats,
    surprise: Floats,
    known: Floats,
    weights: Floats,
    *,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Draw the noise's products with the donors, shape (draws, n_donors)."""
    own = surprise - known @ np.linalg.lstsq(known, surprise, rcond=None)[0]
    n = len(surprise)
    spent = int((weights > NOTHING).sum()) - 1
    scores = before * own[:, None] * math.sqrt(n / (n - spent)) / n
    # A sum of independent terms with the scores' covariance, whose rank need not be full.
    drawn: Floats = rng.standard_normal((draws, n)) @ scores
    return drawn


def _own_noise(
    known: Floats, surprise: Floats, ahead: Floats, doubt: float
) -> tuple[Floats, Floats]:
    """Return mean and margin of the noise after; tails no heavier than the normal's."""
    mean = np.linalg.lstsq(known, surprise, rcond=None)[0]
    squares = (surprise - known @ mean) ** 2
    if not squares.min() > 0:
        raise NotEstimable("the mix fits a period before exactly: its noise cannot be learnt")
    size = np.linalg.lstsq(known, np.log(squares), rcond=None)[0]
    margin: Floats = np.sqrt(2 * math.log(2 / doubt) * np.exp(ahead @ size))
    return ahead @ mean, margin


def _require_free(known: Floats) -> None:
    n, n_columns = known.shape
    if n - n_columns < FREE_MIN:
        raise NotEstimable(
            f"{n} periods before for {n_columns} regressors of the noise, needs "
            f"{n_columns + FREE_MIN}",
            verdict="below_sample_floor",
        )
