"""The interval that one series would be given, for many series at once.

A plan must count on the interval that `estimate` publishes, which is wider where the series leaves
open that its level wanders. That depends on the series, so series are drawn and read as the
estimator reads them, all of them in one pass; the same figures, in another order of work.

Given what a series leaves over, the estimate is normal about a point that follows from just that.
So power is averaged over left-overs and exact given each, which few draws suffice for.

Source: Basu (1955), Sankhya 15(4), for the independence; Casella & Robert (1996), Biometrika 83(1),
for averaging what is known given each draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aivalue.effects.error_models.autoregression import remembering
from aivalue.effects.error_models.dependence import KURTOSIS_FREEDOM
from aivalue.effects.error_models.random_walk import wandering
from aivalue.effects.error_models.wandering import EVEN, STRONG, odds_of, stretch_of
from aivalue.effects.panel import Floats, Integers
from aivalue.effects.planning.memories import Memory

DRAWS = 400
SEED = 20_260_101  # The same plan gives the same figures.
VALUES_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Intervals of the first coefficient, one for each series.

    Attributes
    ----------
    point, margin, odds : shape (n_series,)
    """

    point: Floats
    margin: Floats
    odds: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What the published interval would be, over series that a plan expects.

    Attributes
    ----------
    away : shape (n_draws,)
        Of the middle from that of the best estimate, as far as the left-overs decide it.
    error : shape (n_draws,)
        Of the best estimate.
    margin : shape (n_draws,)
    """

    away: Floats
    error: Floats
    margin: Floats

    def power(self, effect: float) -> float:
        """Return how often the interval excludes zero under this effect."""
        from scipy import special

        # Errors are as often up as down: counting both makes rise and fall alike.
        away = np.concatenate([self.away, -self.away])
        error, margin = np.tile(self.error, 2), np.tile(self.margin, 2)
        above = special.ndtr((effect + away - margin) / error)
        below = special.ndtr((-effect - away - margin) / error)
        return float((above + below).mean())


def drawn(
    designs: Sequence[Floats], memories: Sequence[Memory], *, confidence: float, is_steady: bool
) -> Drawn:
    """Draw series that err as said, and read the first coefficient of each design.

    Parameters
    ----------
    designs : each of shape (n, n_columns)
        As many draws of each; of a trial that knows all it goes by, one.
    is_steady
        Somebody answers for a level that does not wander.
    """
    random = np.random.default_rng(SEED)
    parts = [
        _drawn(design, memories, DRAWS // len(designs), random, confidence, is_steady=is_steady)
        for design in designs
    ]
    return Drawn(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("away", "error", "margin")
        }
    )


def _drawn(
    design: Floats,
    memories: Sequence[Memory],
    n_draws: int,
    random: np.random.Generator,
    confidence: float,
    *,
    is_steady: bool,
) -> Drawn:
    share = np.cumsum([each.probability for each in memories])
    which = np.searchsorted(share, (np.arange(n_draws) + 0.5) / n_draws * share[-1])
    which = np.minimum(which, len(memories) - 1)
    noise = _noise(memories, which, len(design), random)
    best, error = np.empty(n_draws), np.empty(n_draws)
    for at in np.unique(which):
        mine = which == at
        memory = memories[at]
        columns = memory.freed(np.column_stack([design, noise[:, mine]]))
        x, y = columns[:, : design.shape[1]], columns[:, design.shape[1] :]
        inverse = np.linalg.inv(x.T @ x)
        best[mine] = inverse[0] @ (x.T @ y)
        error[mine] = memory.deviation * inverse[0, 0] ** 0.5
    found = published(design, noise, confidence=confidence, is_steady=is_steady)
    return Drawn(away=found.point - best, error=error, margin=found.margin)


def _noise(
    memories: Sequence[Memory], which: Integers, n: int, random: np.random.Generator
) -> Floats:
    """Draw what each series errs by, shape (n, n_draws)."""
    correlation, deviation, step_share = (
        np.array([getattr(each, name) for each in memories])[which]
        for name in ("autocorrelation", "deviation", "step_share")
    )
    noise: Floats = random.standard_normal((len(which), n)).T
    noise[1:] *= np.sqrt(1 - correlation**2)
    for row in range(1, n):
        noise[row] += correlation * noise[row - 1]
    if step_share.any():
        noise += np.sqrt(step_share) * random.standard_normal((len(which), n)).T.cumsum(axis=0)
    noise *= deviation
    return noise


def published(design: Floats, outcomes: Floats, *, confidence: float, is_steady: bool) -> Published:
    """Return what the estimator publishes of the first coefficient.

    Parameters
    ----------
    design : shape (n, n_columns), outcomes : shape (n, n_series)
    """
    size = max(1, VALUES_AT_ONCE // len(design))
    parts = [
        _published(design, outcomes[:, at : at + size], confidence, is_steady=is_steady)
        for at in range(0, outcomes.shape[1], size)
    ]
    point, margin, odds = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Published(point=point, margin=margin, odds=odds)


def _published(
    design: Floats, outcomes: Floats, confidence: float, *, is_steady: bool
) -> tuple[Floats, Floats, Floats]:
    columns, position = np.column_stack([outcomes, design]), np.arange(len(design), dtype=float)
    n = outcomes.shape[1]
    standing, wide = (
        _averaged(*model(columns, position), n, confidence) for model in (remembering, wandering)
    )
    odds = odds_of(standing[2], wide[2])
    stretch = stretch_of(odds, gap=wide[0] - standing[0], narrower=standing[1], wider=wide[1])
    is_open = odds > (STRONG if is_steady else EVEN)
    return (
        np.where(is_open, wide[0], standing[0]),
        np.where(is_open, wide[1] * stretch, standing[1]),
        odds,
    )


def _averaged(
    white: Floats, log_size: Floats, prior: Floats, n: int, confidence: float
) -> tuple[Floats, Floats, Floats]:
    """Return point and margin of the first coefficient, averaged as `AveragedFit` does.

    The first `n` columns are series, the others the design. The log likelihoods come third.
    """
    from scipy import special

    free = white.shape[1] - (white.shape[2] - n)
    models = [_fitted(each[:, n:], each[:, :n], free) for each in white]
    coefficient, size, fit = (np.array(column) for column in zip(*models, strict=True))
    likelihood = fit - log_size[:, None] / 2
    weight = prior[:, None] * np.exp(likelihood - likelihood.max(axis=0))
    weight /= weight.sum(axis=0)
    point = (weight * coefficient).sum(axis=0)
    size = size + (coefficient - point) ** 2
    mean = (weight * size).sum(axis=0)
    kurtosis = 3 * (free - 2) / (free - 4) * (weight * size**2).sum(axis=0) / mean**2
    freedom = KURTOSIS_FREEDOM + 6 / np.maximum(kurtosis - 3, 1e-9)
    quantile = special.stdtrit(freedom, (1 + confidence) / 2)
    return point, quantile * np.sqrt(mean * (freedom - 2) / freedom), likelihood


def _fitted(columns: Floats, outcomes: Floats, free: int) -> tuple[Floats, Floats, Floats]:
    """Return the first coefficient, its variance, and the log likelihood but for its size."""
    q, r = np.linalg.qr(columns)
    projected = q.T @ outcomes
    root = np.linalg.inv(r)
    squares = (outcomes**2).sum(axis=0) - (projected**2).sum(axis=0)
    likelihood = -(2 * np.log(np.abs(np.diag(r))).sum() + free * np.log(squares)) / 2
    return root[0] @ projected, root[0] @ root[0] * squares / (free - 2), likelihood
