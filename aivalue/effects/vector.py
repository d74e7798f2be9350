"""Build an `Effect` from arrays: the one place where numpy becomes plain floats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aivalue.effects.effect import Design, Effect, Matrix, Period, Scale
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """What an estimator found, per period.

    Attributes
    ----------
    point, volume, observed : shape (n_periods,)
    covariance : shape (n_periods, n_periods)
    observed_covariance, cross_covariance : the same shape, or None
        None takes the observed level as given.
    """

    periods: Sequence[Period]
    point: Floats
    covariance: Floats
    volume: Floats
    observed: Floats
    degrees_of_freedom: float
    observed_covariance: Floats | None = None
    cross_covariance: Floats | None = None


def effect_of(
    vector: Vector,
    *,
    confidence: float,
    n_treated: int,
    n_control: int,
    design: Design,
    scale: Scale,
    estimator: tuple[str, str],
) -> Effect:
    """Return the effect; `estimator` is its name and version.

    Raises
    ------
    NotEstimable
        A figure is not finite, or nothing varies, so that no interval would mean anything.
    """
    covariance = (vector.covariance + vector.covariance.T) / 2
    if not (np.isfinite(vector.point).all() and np.isfinite(covariance).all()):
        raise NotEstimable("the estimate is not finite")
    if not np.diag(covariance).max(initial=0.0) > 0:
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    observed, cross = vector.observed_covariance, vector.cross_covariance
    return Effect(
        periods=tuple(vector.periods),
        point=_plain(vector.point),
        covariance=_rows(covariance),
        volume=_plain(vector.volume),
        observed=_plain(vector.observed),
        degrees_of_freedom=float(vector.degrees_of_freedom),
        confidence=confidence,
        n_treated=n_treated,
        n_control=n_control,
        design=design,
        scale=scale,
        estimator=estimator[0],
        estimator_version=estimator[1],
        observed_covariance=None if observed is None else _rows((observed + observed.T) / 2),
        cross_covariance=None if cross is None else _rows(cross),
    )


def _plain(values: Floats) -> tuple[float, ...]:
    # Adding zero turns -0.0 into 0.0, so equal figures have equal bytes.
    return tuple(float(value) + 0.0 for value in values)


def _rows(matrix: Floats) -> Matrix:
    return tuple(_plain(row) for row in matrix)
