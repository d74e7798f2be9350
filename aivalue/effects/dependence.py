"""How a unit's surprises depend on each other over time, learnt from all units together.

Two controls alone say nothing about their own spread, and a sandwich over two clusters covers far
less than it claims. So all units share one covariance: independent noise that shrinks with
volume, plus a persistent part (first-order autoregression). Its two parameters are not fixed at
one estimate but averaged over a grid by their restricted likelihood, so that not knowing them
widens the interval.

Source: Patterson & Thompson (1971), Biometrika 58(3), for the restricted likelihood; Harville
(1974), Biometrika 61(2), for reading it as a posterior; Bertrand, Duflo & Mullainathan (2004),
QJE 119(1), for why serial correlation must be modelled.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.levels_off import Kinds, kinds_of, levels_off
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

# Correlation from one period to the next, up to what nobody could tell from a random walk.
CORRELATIONS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.995)
# Steps of the persistent part, half their variance, over that of the noise in a cell of median
# volume. Memory without noise must be among the models: next to it noise, however little, looks
# like less memory, and ten units that remember by .9 were covered in 87 to 90 % of draws.
PERSISTENT_STEPS = (0.03, 0.1, 0.3, 1.0, 3.0, 30.0)
CELLS_FREE_MIN = 5  # Below it, Student's t has no fourth moment.
CELLS_PER_CHUNK = 4_000_000
KURTOSIS_FREEDOM = 4  # Student's t has a fourth moment above four degrees of freedom.


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One covariance of a unit's cells: scale * (noise / weight + share * correlation^lag)."""

    share: float
    correlation: float
    scale: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """Models with their probabilities, and the cells left to estimate their scale from."""

    models: tuple[Model, ...]
    cells_free: int

    def best(self) -> Model:
        """Return the most probable model."""
        return max(self.models, key=lambda model: model.probability)


def dependence_of(surprise: Floats, weight: Floats, *, besides: Floats | None = None) -> Dependence:
    """Weigh the models by how well they explain the surprises left by unit and period levels.

    Parameters
    ----------
    surprise : shape (n_units, n_periods)
        Relative (proportional) or per unit of volume (additive); ignored where weight is 0.
    weight : shape (n_units, n_periods), >= 0
        Noise variance is inverse to it; 0 where the cell is absent.
    besides : shape (n_besides, n_units, n_periods), or None
        What else explains surprises; none of it may be a sum of unit and period levels.
    """
    seen = weight > 0
    if besides is None:
        besides = np.empty((0, *weight.shape))
    cells_free = int(seen.sum()) - int(seen.any(axis=1).sum()) - int(seen.any(axis=0).sum()) + 1
    cells_free -= len(besides)
    if cells_free < CELLS_FREE_MIN:
        raise NotEstimable(
            f"{cells_free} cells are left to estimate the spread from, needs {CELLS_FREE_MIN}"
        )
    middle = float(np.median(weight[seen]))
    grid = np.array(
        [(0.0, 0.0)]
        + [
            (steps / (1 - correlation) / middle, correlation)
            for steps in PERSISTENT_STEPS
            for correlation in CORRELATIONS
        ]
    )
    # Bounded memory: a few models at a time.
    kinds = kinds_of(weight)
    per_chunk = max(1, CELLS_PER_CHUNK // (weight.size * (2 + len(besides))))
    found: list[tuple[float, float, float, float]] = []
    for start in range(0, len(grid), per_chunk):
        share, correlation = grid[start : start + per_chunk].T
        squares, log_sizes = _left_over(surprise, weight, besides, (share, correlation), kinds)
        if not (squares > 0).all():
            raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
        likelihoods = -(log_sizes + cells_free * np.log(squares)) / 2
        found += zip(
            share.tolist(),
            correlation.tolist(),
            (squares / cells_free).tolist(),
            likelihoods.tolist(),
            strict=True,
        )
    top = max(likelihood for *_, likelihood in found)
    total = sum(_prior(share) * np.exp(likelihood - top) for share, *_, likelihood in found)
    models = tuple(
        Model(
            share=share,
            correlation=correlation,
            scale=scale,
            probability=float(_prior(share) * np.exp(likelihood - top) / total),
        )
        for share, correlation, scale, likelihood in found
    )
    return Dependence(models=models, cells_free=cells_free)


def autocorrelation(n_periods: int, correlation: float) -> Floats:
    """Return correlation to the power of the lag, for every pair of periods."""
    lag = np.abs(np.subtract.outer(np.arange(n_periods), np.arange(n_periods)))
    return np.where(lag == 0, 1.0, correlation ** np.maximum(lag, 1))


def covariance_of(dependence: Dependence, noise: Floats, paths: Floats) -> tuple[Floats, float]:
    """Return the scale matrix and degrees of freedom of the Student's t to read figures with.

    It has the variance of the average over models, and its kurtosis.

    Parameters
    ----------
    noise : shape (n_figures, n_figures)
        Covariance that independent noise of scale 1 gives the figures.
    paths : shape (n_figures, n_units, n_periods)
        How each figure depends on each unit's persistent part.
    """
    share, correlation, scale, probability = np.array(
        [(each.share, each.correlation, each.scale, each.probability) for each in dependence.models]
    ).T
    free = dependence.cells_free
    scale = scale * free / (free - 2)
    mean = (probability @ scale) * noise
    size = scale * np.trace(noise)
    n_figures, _, n_periods = paths.shape
    flat = paths.reshape(n_figures, -1)
    for value in np.unique(correlation[share > 0]):
        lagged = (paths @ autocorrelation(n_periods, float(value))).reshape(n_figures, -1)
        persistent = lagged @ flat.T
        weight = np.where(correlation == value, share * scale, 0.0)
        mean += (probability @ weight) * persistent
        size = size + weight * np.trace(persistent)
    first, second = float(probability @ size), float(probability @ size**2)
    own = 3 * (free - 2) / (free - KURTOSIS_FREEDOM)  # Kurtosis of t given the model.
    kurtosis = own * second / first**2 if first > 0 else own
    freedom = degrees_of_freedom(kurtosis)
    return mean * (freedom - 2) / freedom, freedom


def degrees_of_freedom(kurtosis: float) -> float:
    """Return those of the Student's t with this kurtosis."""
    excess = max(kurtosis - 3, 1e-9)
    return KURTOSIS_FREEDOM + 6 / excess


def _left_over(
    surprise: Floats,
    weight: Floats,
    besides: Floats,
    models: tuple[Floats, Floats],
    kinds: Kinds,
) -> tuple[Floats, Floats]:
    """Return, per model, squares left by unit and period levels, and log determinants."""
    found = levels_off(np.concatenate([surprise[None], besides]), weight, *models, kinds=kinds)
    squares, log_sizes = found.gram[:, 0, 0], found.log_size
    if len(besides):
        inner, right = found.gram[:, 1:, 1:], found.gram[:, 1:, :1]
        squares = squares - (right * np.linalg.solve(inner, right)).sum(axis=(1, 2))
        log_sizes = log_sizes + np.linalg.slogdet(inner)[1]
    return squares, log_sizes


def _prior(share: float) -> float:
    # The same total for no persistence as for each degree of it.
    return 1.0 if share == 0 else 1 / len(CORRELATIONS)
