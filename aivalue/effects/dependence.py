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

from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable

# Variance of the persistent part over that of the noise in a cell of median volume.
PERSISTENT_SHARES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
CORRELATIONS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.97)
CELLS_FREE_MIN = 5  # Below it, Student's t has no fourth moment.
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


def dependence_of(surprise: Floats, weight: Floats) -> Dependence:
    """Weigh the models by how well they explain the surprises left by unit and period levels.

    Parameters
    ----------
    surprise : shape (n_units, n_periods)
        Relative (proportional) or per unit of volume (additive); ignored where weight is 0.
    weight : shape (n_units, n_periods), >= 0
        Noise variance is inverse to it; 0 where the cell is absent.
    """
    seen = weight > 0
    cells_free = int(seen.sum()) - int(seen.any(axis=1).sum()) - int(seen.any(axis=0).sum()) + 1
    if cells_free < CELLS_FREE_MIN:
        raise NotEstimable(
            f"{cells_free} cells are left to estimate the spread from, needs {CELLS_FREE_MIN}"
        )
    middle = float(np.median(weight[seen]))
    found: list[tuple[float, float, float, float]] = []
    for share in PERSISTENT_SHARES:
        for correlation in CORRELATIONS if share > 0 else (0.0,):
            inverse, log_size = precision(
                weight, seen, share=share / middle, correlation=correlation
            )
            squares, log_fixed = _left_over(inverse, surprise, seen)
            if not squares > 0:
                raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
            likelihood = -(log_size + log_fixed + cells_free * np.log(squares)) / 2
            found.append((share / middle, correlation, squares / cells_free, likelihood))
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


def precision(
    weight: Floats, seen: Booleans, *, share: float, correlation: float
) -> tuple[Floats, float]:
    """Return each unit's inverse covariance, zero at absent cells, and the log determinant."""
    n_periods = weight.shape[1]
    both = seen[:, :, None] & seen[:, None, :]
    covariance = np.where(both, share * autocorrelation(n_periods, correlation), 0.0)
    diagonal = np.arange(n_periods)
    covariance[:, diagonal, diagonal] += np.where(seen, 1 / np.where(seen, weight, 1.0), 1.0)
    _, log_size = np.linalg.slogdet(covariance)
    inverse = np.where(both, np.linalg.inv(covariance), 0.0)
    return inverse, float(log_size.sum())


def autocorrelation(n_periods: int, correlation: float) -> Floats:
    """Return correlation to the power of the lag, for every pair of periods."""
    lag = np.abs(np.subtract.outer(np.arange(n_periods), np.arange(n_periods)))
    return np.where(lag == 0, 1.0, correlation ** np.maximum(lag, 1))


def without_unit_levels(inverse: Floats) -> tuple[Floats, float]:
    """Return the precision after each unit's own level is estimated, and its log determinant."""
    by_period = inverse.sum(axis=2)
    by_unit = by_period.sum(axis=1)
    known = by_unit > 0
    by_unit = np.where(known, by_unit, 1.0)
    reduced = inverse - by_period[:, :, None] * by_period[:, None, :] / by_unit[:, None, None]
    return reduced, float(np.log(by_unit).sum())


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
    n_figures, _, n_periods = paths.shape
    persistent = {
        correlation: np.einsum(
            "fut,ts,gus->fg", paths, autocorrelation(n_periods, correlation), paths, optimize=True
        )
        for correlation in {model.correlation for model in dependence.models if model.share > 0}
    }
    free = dependence.cells_free
    inflation = free / (free - 2)
    mean = np.zeros((n_figures, n_figures))
    spread: list[tuple[float, float]] = []
    for model in dependence.models:
        part = noise + (model.share * persistent[model.correlation] if model.share > 0 else 0.0)
        part = model.scale * inflation * part
        mean += model.probability * part
        spread.append((model.probability, float(np.trace(part))))
    first = sum(probability * size for probability, size in spread)
    second = sum(probability * size**2 for probability, size in spread)
    own = 3 * (free - 2) / (free - KURTOSIS_FREEDOM)  # Kurtosis of t given the model.
    kurtosis = own * second / first**2 if first > 0 else own
    freedom = degrees_of_freedom(kurtosis)
    return mean * (freedom - 2) / freedom, freedom


def degrees_of_freedom(kurtosis: float) -> float:
    """Return those of the Student's t with this kurtosis."""
    excess = max(kurtosis - 3, 1e-9)
    return KURTOSIS_FREEDOM + 6 / excess


def _left_over(inverse: Floats, surprise: Floats, seen: Booleans) -> tuple[float, float]:
    reduced, log_units = without_unit_levels(inverse)
    value = np.where(seen, surprise, 0.0)
    normal = reduced.sum(axis=0)
    right = np.einsum("uts,us->t", reduced, value)
    squares = float(np.einsum("ut,uts,us->", value, reduced, value, optimize=True))
    # Period levels, the first at zero because units already carry the mean.
    present = np.flatnonzero(seen.any(axis=0))[1:]
    if present.size == 0:
        return squares, log_units
    inner = normal[np.ix_(present, present)]
    solution = np.linalg.solve(inner, right[present])
    _, log_periods = np.linalg.slogdet(inner)
    return squares - float(right[present] @ solution), log_units + float(log_periods)


def _prior(share: float) -> float:
    # The same total for no persistence as for each degree of it.
    return 1.0 if share == 0 else 1 / len(CORRELATIONS)
