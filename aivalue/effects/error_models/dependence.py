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

from aivalue.effects.error_models.levels_off import kinds_of, units_off
from aivalue.effects.error_models.periods_off import ALIKE, LevelsOff, periods_off
from aivalue.effects.error_models.scatter import Scatter, scatter_from
from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable

# Correlation from one period to the next, up to what nobody could tell from a random walk.
CORRELATIONS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.995, 0.999)
# Nothing beyond the last can make up for what is taken for less: it counts as much as three, else
# ten units whose levels walk at random were covered in 91 % of draws, 93 % with it.
ODDS = (1, 1, 1, 1, 1, 1, 1, 1, 3)
# Steps of the persistent part, half their variance, over that of the noise in a cell of median
# volume. Memory without noise must be among the models: next to it noise, however little, looks
# like less memory, and ten units that remember by .9 were covered in 87 to 90 % of draws.
PERSISTENT_STEPS = (0.03, 0.1, 0.3, 1.0, 3.0, 30.0)
# How many times the others' deviation that of treated units may be: all equally likely before
# their past was seen, which then weighs them. Nothing but even odds holds at a half, one and two.
SCATTERS = tuple(2.0 ** (step / 2) for step in range(-4, 5))
CELLS_FREE_MIN = 5  # Below it, Student's t has no fourth moment.
CELLS_PER_CHUNK = 4_000_000
KURTOSIS_FREEDOM = 4  # Student's t has a fourth moment above four degrees of freedom.


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One covariance of a unit's cells: scale * (noise / weight + share * correlation^lag).

    Attributes
    ----------
    scatter : float
        How many times the others' deviation that of the units set apart is.
    """

    share: float
    correlation: float
    scale: float
    probability: float
    scatter: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """Models with their probabilities, and the cells left to estimate their scale from.

    Attributes
    ----------
    apart : shape (n_units,), or None
        Units whose scatter the models let differ; None where all vary alike.
    """

    models: tuple[Model, ...]
    cells_free: int
    apart: Booleans | None = None

    def best(self) -> Model:
        """Return the most probable model in which all units vary alike."""
        alike = [model for model in self.models if model.scatter == 1]
        return max(alike, key=lambda model: model.probability)

    def scatter(self) -> Scatter | None:
        """Return what the surprises say of the units set apart, if any are."""
        if self.apart is None:
            return None
        times, probability = np.array(
            [(model.scatter, model.probability) for model in self.models]
        ).T
        ratios = np.array(SCATTERS)
        return scatter_from(ratios, np.array([probability[times == each].sum() for each in ratios]))


def dependence_of(
    surprise: Floats,
    weight: Floats,
    *,
    besides: Floats | None = None,
    apart: Booleans | None = None,
) -> Dependence:
    """Weigh the models by how well they explain the surprises left by unit and period levels.

    Parameters
    ----------
    surprise : shape (n_units, n_periods)
        Relative (proportional) or per unit of volume (additive); ignored where weight is 0.
    weight : shape (n_units, n_periods), >= 0
        Noise variance is inverse to it; 0 where the cell is absent.
    besides : shape (n_besides, n_units, n_periods), or None
        What else explains surprises; none of it may be a sum of unit and period levels.
    apart : shape (n_units,), or None
        Units that may vary more or less than the others, by a factor that is averaged over too.
    """
    seen = weight > 0
    if besides is None:
        besides = np.empty((0, *weight.shape))
    cells_free = _cells_free(seen, len(besides))
    sides = _sides(seen, apart)
    columns = np.concatenate([surprise[None], besides])
    grid = _grid(float(np.median(weight[seen])))
    # Bounded memory: a few models at a time.
    kinds = [kinds_of(weight[side]) for side in sides]
    per_chunk = max(1, CELLS_PER_CHUNK // (weight.size * (2 + len(besides))))
    scatters = np.array(SCATTERS) if len(sides) > 1 else ALIKE
    found: list[tuple[Floats, ...]] = []
    for start in range(0, len(grid), per_chunk):
        share, correlation = grid[start : start + per_chunk].T
        others, *apart_off = (
            units_off(columns[:, side], weight[side], share, correlation, kinds=kind)
            for side, kind in zip(sides, kinds, strict=True)
        )
        squares, log_sizes = _left_over(
            periods_off(others, apart_off[0] if apart_off else None, scatter=scatters)
        )
        if not (squares > 0).all():
            raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
        likelihoods = -(log_sizes + cells_free * np.log(squares)) / 2
        n = len(scatters)
        found.append(
            (
                np.tile(share, n),
                np.tile(correlation, n),
                squares / cells_free,
                np.repeat(scatters, len(share)),
                likelihoods,
            )
        )
    return Dependence(
        models=_weighed(found), cells_free=cells_free, apart=apart if len(sides) > 1 else None
    )


def _cells_free(seen: Booleans, n_besides: int) -> int:
    free = int(seen.sum()) - int(seen.any(axis=1).sum()) - int(seen.any(axis=0).sum()) + 1
    free -= n_besides
    if free < CELLS_FREE_MIN:
        raise NotEstimable(
            f"{free} cells are left to estimate the spread from, needs {CELLS_FREE_MIN}"
        )
    return free


def _sides(seen: Booleans, apart: Booleans | None) -> list[Booleans]:
    """Return all units, or those that are not set apart and those that are."""
    everyone = np.ones(len(seen), dtype=bool)
    if apart is None or not (seen[apart].sum() > 0 and seen[~apart].sum() > 0):
        return [everyone]
    return [~apart, apart]


def _grid(middle: float) -> Floats:
    """Return share and correlation of every model; `middle` is the median weight."""
    return np.array(
        [(0.0, 0.0)]
        + [
            (steps / (1 - correlation) / middle, correlation)
            for steps in PERSISTENT_STEPS
            for correlation in CORRELATIONS
        ]
    )


def _weighed(found: list[tuple[Floats, ...]]) -> tuple[Model, ...]:
    """Turn log likelihoods, the last of each, into probabilities."""
    share, correlation, scale, scatter, likelihoods = (
        np.concatenate(part) for part in zip(*found, strict=True)
    )
    # The same total for no persistence as for each size of it.
    odds = np.interp(correlation, CORRELATIONS, ODDS)
    prior = np.where(share == 0, 1.0, odds / sum(ODDS))
    likely = prior * np.exp(likelihoods - likelihoods.max())
    columns = (share, correlation, scale, likely / likely.sum(), scatter)
    return tuple(
        Model(
            share=share, correlation=correlation, scale=scale, probability=likely, scatter=scatter
        )
        for share, correlation, scale, likely, scatter in zip(
            *(column.tolist() for column in columns), strict=True
        )
    )


def autocorrelation(n_periods: int, correlation: float) -> Floats:
    """Return correlation to the power of the lag, for every pair of periods."""
    lag = np.abs(np.subtract.outer(np.arange(n_periods), np.arange(n_periods)))
    return np.where(lag == 0, 1.0, correlation ** np.maximum(lag, 1))


def noise_by_side(dependence: Dependence, left: Floats, right: Floats) -> Floats:
    """Return what noise of scale 1 gives the figures, shape (n_sides, n_figures, n_figures).

    Parameters
    ----------
    left, right : shape (n_figures, n_units, n_periods)
        Each figure's weight of every cell, and that times the cell's variance.
    """
    return np.stack(
        [
            np.einsum("fut,gut->fg", left[:, side], right[:, side], optimize=True)
            for side in _sides_of(dependence, left.shape[1])
        ]
    )


def covariance_of(dependence: Dependence, noise: Floats, paths: Floats) -> tuple[Floats, float]:
    """Return the scale matrix and degrees of freedom of the Student's t to read figures with.

    It has the variance of the average over models, and its kurtosis.

    Parameters
    ----------
    noise : shape (n_sides, n_figures, n_figures)
        As `noise_by_side` gives it; of units set apart, last.
    paths : shape (n_figures, n_units, n_periods)
        How each figure depends on each unit's persistent part.
    """
    share, correlation, scale, probability, scatter = np.array(
        [
            (each.share, each.correlation, each.scale, each.probability, each.scatter)
            for each in dependence.models
        ]
    ).T
    free = dependence.cells_free
    scale = scale * free / (free - 2)
    n_figures, _, n_periods = paths.shape
    mean, size = np.zeros((n_figures, n_figures)), np.zeros(len(scale))
    for at, side in enumerate(_sides_of(dependence, paths.shape[1])):
        variance = scale * scatter**2 if at else scale
        mean += (probability @ variance) * noise[at]
        size += variance * np.trace(noise[at])
        flat = paths[:, side].reshape(n_figures, -1)
        for value in np.unique(correlation[share > 0]):
            lagged = paths[:, side] @ autocorrelation(n_periods, float(value))
            persistent = lagged.reshape(n_figures, -1) @ flat.T
            weight = np.where(correlation == value, share * variance, 0.0)
            mean += (probability @ weight) * persistent
            size += weight * np.trace(persistent)
    first, second = float(probability @ size), float(probability @ size**2)
    own = 3 * (free - 2) / (free - KURTOSIS_FREEDOM)  # Kurtosis of t given the model.
    kurtosis = own * second / first**2 if first > 0 else own
    freedom = degrees_of_freedom(kurtosis)
    return mean * (freedom - 2) / freedom, freedom


def _sides_of(dependence: Dependence, n_units: int) -> list[Booleans]:
    if dependence.apart is None:
        return [np.ones(n_units, dtype=bool)]
    return [~dependence.apart, dependence.apart]


def degrees_of_freedom(kurtosis: float) -> float:
    """Return those of the Student's t with this kurtosis."""
    excess = max(kurtosis - 3, 1e-9)
    return KURTOSIS_FREEDOM + 6 / excess


def _left_over(found: LevelsOff) -> tuple[Floats, Floats]:
    """Return, per model, squares left by the levels and all else, and log determinants."""
    squares, log_sizes = found.gram[:, 0, 0], found.log_size
    if found.gram.shape[1] > 1:
        inner, right = found.gram[:, 1:, 1:], found.gram[:, 1:, :1]
        squares = squares - (right * np.linalg.solve(inner, right)).sum(axis=(1, 2))
        log_sizes = log_sizes + np.linalg.slogdet(inner)[1]
    return squares, log_sizes
