"""Regression with first-order autoregressive errors: correlation without bias, t by simulation.

The correlation read from residuals is too small, because fitting bends them towards none; what it
would be on average for each true one follows from the regressors, and is inverted. The t statistic
is then compared with those of series simulated from the fit, each estimated in the same way, so
that neither the correlation's error nor the short series passes unnoticed.

Source: Andrews (1993), "Exactly Median-Unbiased Estimation of First Order Autoregressive Models",
Econometrica 61(1), for inverting the bias; Davison & Hinkley (1997), "Bootstrap Methods and their
Application", 8.2, for the simulation.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.error_models.autoregression import COLLINEAR, ROUNDING, free_observations
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

GRID = np.concatenate([np.linspace(-0.5, 0.9, 29), [0.925, 0.95, 0.97, 0.985, 0.995]])
N_SIMULATED = 999
SEED = 20_260_101  # The same series gives the same interval.


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A weighted sum of coefficients with its simulated t.

    Attributes
    ----------
    coefficients : shape (n_coefficients,)
    covariance : shape (n_coefficients, n_coefficients)
        By generalized least squares at `correlation`.
    point, standard_error : float
        Of the weighted sum.
    correlation : float
        Of neighbouring errors, corrected for bias.
    simulated : shape (n_simulated,), ascending
        Sizes of t without effect.
    """

    coefficients: Floats
    covariance: Floats
    point: float
    standard_error: float
    correlation: float
    simulated: Floats

    def quantile(self, confidence: float) -> float:
        """Return how many standard errors wide each side of the interval is."""
        place = int(np.ceil(confidence * (len(self.simulated) + 1) - 1e-9))
        if place > len(self.simulated):
            raise NotEstimable(
                f"{len(self.simulated)} simulations cannot give {confidence:.1%} confidence"
            )
        return float(self.simulated[place - 1])

    @property
    def p_value(self) -> float:
        """At most 1 - confidence exactly when the interval excludes zero."""
        larger = int((self.simulated >= abs(self.point / self.standard_error)).sum())
        return (1 + larger) / (1 + len(self.simulated))


def remembered(
    outcome: Floats,
    regressors: Floats,
    weights: Floats,
    *,
    n_simulated: int = N_SIMULATED,
    seed: int = SEED,
) -> Remembered:
    """Regress a series without gaps; read the weighted sum of coefficients.

    Parameters
    ----------
    outcome : shape (n,), regressors : shape (n, n_coefficients), weights : shape (n_coefficients,)

    Raises
    ------
    NotEstimable
        Fewer than five observations beyond the coefficients, regressors that repeat each other,
        or a series that they explain without remainder.
    """
    free_observations(regressors)
    scale = np.abs(regressors).max(axis=0)
    if not scale.min() > 0:
        raise NotEstimable("a regressor is zero throughout")
    columns, weights = regressors / scale, weights / scale
    root = np.linalg.qr(columns)
    diagonal = np.abs(np.diag(root.R))
    if diagonal.min() < COLLINEAR * diagonal.max():
        raise NotEstimable("months, trend, waves and controls cannot be told apart in this series")
    expected = _expected_correlations(root.Q)
    point, covariance, correlation = _fitted(outcome[None], columns, root.Q, expected)
    variance = float(weights @ covariance[0] @ weights)
    if not variance > ROUNDING * float(outcome @ outcome):
        raise NotEstimable("the series does not vary, so the uncertainty cannot be estimated")
    noise = _simulated(float(correlation[0]), (n_simulated, len(outcome)), seed)
    points, covariances, _ = _fitted(noise, columns, root.Q, expected)
    spread = np.einsum("p,spq,q->s", weights, covariances, weights)
    return Remembered(
        coefficients=point[0] / scale,
        covariance=covariance[0] / np.outer(scale, scale),
        point=float(weights @ point[0]),
        standard_error=variance**0.5,
        correlation=float(correlation[0]),
        simulated=np.sort(np.abs(points @ weights) / np.sqrt(spread)),
    )


def _expected_correlations(basis: Floats) -> Floats:
    """Return what residuals' correlation is on average, for each true one in the grid."""
    n = len(basis)
    off = np.eye(n) - basis @ basis.T
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    shifted = off[1:].T @ off[:-1]
    found = []
    for correlation in GRID:
        covariance = np.where(lag == 0, 1.0, np.sign(correlation) ** lag * abs(correlation) ** lag)
        found.append(float((shifted * covariance).sum() / (off * covariance).sum()))
    return np.maximum.accumulate(np.array(found))


def _fitted(
    outcome: Floats, columns: Floats, basis: Floats, expected: Floats
) -> tuple[Floats, Floats, Floats]:
    """Fit series in rows; return coefficients, covariances and correlations."""
    residual = outcome - (outcome @ basis) @ basis.T
    squares = np.maximum((residual**2).sum(axis=1), np.finfo(float).tiny)
    seen = (residual[:, 1:] * residual[:, :-1]).sum(axis=1) / squares
    correlation = np.interp(seen, expected, GRID)
    # Prais-Winsten: the first observation counts, by what it knows of the level.
    parts = [columns.T @ columns, columns[1:].T @ columns[:-1], columns[1:-1].T @ columns[1:-1]]
    cross = parts[1] + parts[1].T
    r = correlation[:, None, None]
    gram = parts[0] - r * cross + r**2 * parts[2]
    right = outcome @ columns
    right -= correlation[:, None] * (outcome[:, 1:] @ columns[:-1] + outcome[:, :-1] @ columns[1:])
    right += correlation[:, None] ** 2 * (outcome[:, 1:-1] @ columns[1:-1])
    inverse = np.linalg.inv(gram)
    point = np.einsum("spq,sq->sp", inverse, right)
    left = outcome - point @ columns.T
    total = (left**2).sum(axis=1) - 2 * correlation * (left[:, 1:] * left[:, :-1]).sum(axis=1)
    total += correlation**2 * (left[:, 1:-1] ** 2).sum(axis=1)
    variance = total / (len(columns) - columns.shape[1])
    return point, inverse * variance[:, None, None], correlation


def _simulated(correlation: float, shape: tuple[int, int], seed: int) -> Floats:
    noise = np.random.default_rng(seed).standard_normal(shape)
    series = np.empty(shape)
    series[:, 0] = noise[:, 0] / np.sqrt(1 - correlation**2)
    for step in range(1, shape[1]):
        series[:, step] = correlation * series[:, step - 1] + noise[:, step]
    return series
