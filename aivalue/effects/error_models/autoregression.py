"""Regression of one series whose errors remember, without knowing how long.

Errors are a first-order autoregression, or a level that wanders under noise (the structural time
series of CausalImpact). Their parameters are averaged over a grid by restricted likelihood instead
of being fixed at an estimate, which widens the interval by what is not known. Whitening is a
scalar Kalman filter over all grid points at once, so gaps in the series cost nothing.

Source: Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter", 3.4;
Harville (1974), Biometrika 61(2) 383-385, for the restricted likelihood read as a posterior.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.error_models.dependence import degrees_of_freedom
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

# Below zero too: series without memory would otherwise be taken for ones that have some, and get
# intervals a fifth too wide. Finer where one step changes the width most.
CORRELATIONS = (-0.4, -0.2, 0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.94, 0.96, 0.985)
WANDERING = (0.9, 0.98)  # Correlations of a level that wanders under noise.
NOISE_SHARES = (0.2, 0.4, 0.6, 0.8)
# Weight of wandering levels against all others. More would cover them better, and widen every
# interval around a series without memory beyond 1.2 times what is needed: docs/validation.md.
WANDERING_WEIGHT = 0.04
FREE_MIN = 5  # Below it, Student's t has no fourth moment.
ROUNDING = 1e-20  # Squares below this share of the level are rounding.
COLLINEAR = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragedFit:
    """Coefficients averaged over the error models.

    Attributes
    ----------
    point : shape (n_coefficients,)
    covariance : shape (n_coefficients, n_coefficients)
        Within models plus between them.
    by_model : shape (n_models, n_coefficients, n_coefficients)
        Each model's own contribution, before averaging.
    probability : shape (n_models,)
    log_likelihood : shape (n_models,)
        Restricted; comparable between fits of the same outcome on the same regressors.
    surprise : shape (n,)
        What the most probable model could not foresee, over its deviation.
    free : int
        Observations beyond the number of coefficients.
    """

    point: Floats
    covariance: Floats
    by_model: Floats
    probability: Floats
    log_likelihood: Floats
    surprise: Floats
    free: int

    def student_t(self, weights: Floats) -> tuple[Floats, float]:
        """Return the scale matrix and degrees of freedom of the Student's t to read sums with.

        It has the variance of the average over models, and the kurtosis that this weighted sum
        of coefficients has.
        """
        sizes = np.einsum("p,gpq,q->g", weights, self.by_model, weights, optimize=True)
        mean = float(self.probability @ sizes)
        kurtosis = 3 * (self.free - 2) / (self.free - 4)
        if mean > 0:
            kurtosis *= float(self.probability @ sizes**2) / mean**2
        freedom = degrees_of_freedom(kurtosis)
        return self.covariance * (freedom - 2) / freedom, freedom


def averaged_fit(outcome: Floats, regressors: Floats, position: Floats) -> AveragedFit:
    """Regress the outcome with autocorrelated errors.

    Parameters
    ----------
    outcome : shape (n,)
    regressors : shape (n, n_coefficients)
    position : shape (n,), ascending whole numbers
        Where each observation stands; a step of two is a gap.

    Raises
    ------
    NotEstimable
        Fewer than five observations beyond the coefficients, regressors that repeat each other,
        or a series that they explain without remainder.
    """
    free = free_observations(regressors)
    white, log_size, prior = remembering(np.column_stack([outcome, regressors]), position)
    return fit_over_models(
        white, log_size, prior, smallest=ROUNDING * float(outcome @ outcome), free=free
    )


def remembering(values: Floats, position: Floats) -> tuple[Floats, Floats, Floats]:
    """Return columns freed of what each error model foresees, and the models' sizes and weights.

    Returns
    -------
    white : shape (n_models, n, n_columns)
        Each row what it adds to the earlier ones, over its deviation.
    log_size, prior : shape (n_models,)
        Log determinants of the models' covariances, and prior weights.
    """
    correlation, noise_share, prior = _grid()
    return *_whitened(values, position, correlation, noise_share), prior


def free_observations(regressors: Floats) -> int:
    """Count the observations beyond the coefficients.

    Raises
    ------
    NotEstimable
        Fewer than five.
    """
    n, n_coefficients = regressors.shape
    free: int = n - n_coefficients
    if free < FREE_MIN:
        raise NotEstimable(
            f"{n} observations for {n_coefficients} coefficients, needs {FREE_MIN} more"
        )
    return free


def fit_over_models(
    white: Floats, log_size: Floats, prior: Floats, *, smallest: float, free: int
) -> AveragedFit:
    """Fit every whitened model, and average them by restricted likelihood.

    Parameters
    ----------
    white : shape (n_models, n, 1 + n_coefficients)
        Outcome first; each row what it adds to the earlier ones, over its deviation.
    log_size, prior : shape (n_models,)
        Log determinants of the models' covariances, and prior weights.
    smallest
        Squares that are rounding.
    """
    q, r = np.linalg.qr(white[:, :, 1:])
    diagonal = np.abs(np.diagonal(r, axis1=1, axis2=2))
    if (diagonal.min(axis=1) < diagonal.max(axis=1) * COLLINEAR).any():
        raise NotEstimable("months, trend, waves and controls cannot be told apart in this series")
    projected = np.einsum("gnp,gn->gp", q, white[:, :, 0])
    root = np.linalg.inv(r)
    coefficients = np.einsum("gpq,gq->gp", root, projected)
    squares = (white[:, :, 0] ** 2).sum(axis=1) - (projected**2).sum(axis=1)
    if float(squares.min()) <= smallest:
        raise NotEstimable("the series does not vary, so the uncertainty cannot be estimated")

    log_likelihood = -(log_size + 2 * np.log(diagonal).sum(axis=1) + free * np.log(squares)) / 2
    probability = prior * np.exp(log_likelihood - log_likelihood.max())
    probability /= probability.sum()
    point = probability @ coefficients
    inside = np.einsum("gpq,grq->gpr", root, root) * (squares / (free - 2))[:, None, None]
    gap = coefficients - point
    by_model = inside + gap[:, :, None] * gap[:, None, :]
    best = int(np.argmax(probability))
    return AveragedFit(
        point=point,
        covariance=np.einsum("g,gpq->pq", probability, by_model),
        by_model=by_model,
        probability=probability,
        log_likelihood=log_likelihood,
        surprise=white[best, :, 0] - white[best, :, 1:] @ coefficients[best],
        free=free,
    )


def _grid() -> tuple[Floats, Floats, Floats]:
    """Return correlation, noise share and prior weight of each model."""
    models = [(correlation, 0.0, 1 / len(CORRELATIONS)) for correlation in CORRELATIONS]
    wandering = WANDERING_WEIGHT / (len(WANDERING) * len(NOISE_SHARES))
    models += [
        (correlation, share, wandering) for correlation in WANDERING for share in NOISE_SHARES
    ]
    correlation, share, prior = np.array(models).T
    return correlation, share, prior


def _whitened(
    values: Floats, position: Floats, correlation: Floats, noise_share: Floats
) -> tuple[Floats, Floats]:
    """Return each model's one-step surprises over their deviation, and its log determinant."""
    step = np.diff(position)
    carried = correlation ** step[:, None]
    # How much of each surprise the level takes over is known before any of them is seen.
    total, kept = np.ones((len(values), len(correlation))), np.empty_like(carried)
    remembered = carried**2
    renewed = (1 - remembered) * (1 - noise_share) + noise_share
    remembered *= noise_share
    for row in range(len(step)):
        kept[row] = noise_share / total[row]
        total[row + 1] = remembered[row] * (1 - kept[row]) + renewed[row]
    return surprises(values, carried * kept, carried * (1 - kept), total), np.log(total).sum(axis=0)


def surprises(values: Floats, kept: Floats, gain: Floats, total: Floats) -> Floats:
    """Return what each row adds to the earlier ones, over its deviation, per model.

    Parameters
    ----------
    values : shape (n, n_columns)
    kept, gain : shape (n - 1, n_models)
        The level expected of the next row is `kept` of this row's plus `gain` of its value.
    total : shape (n, n_models)
        Variance of the surprises.
    """
    level = np.zeros((*total.shape, values.shape[1]))
    np.multiply(gain[..., None], values[:-1, None], out=level[1:])
    kept = kept[..., None]
    for row in range(2, len(level)):
        level[row] += kept[row - 1] * level[row - 1]
    surprise: Floats = (values[:, None] - level) / np.sqrt(total)[..., None]
    return surprise.transpose(1, 0, 2)
