"""An experiment arm as sufficient statistics: counts, means and covariances of its columns.

Columns are whatever was recorded per subject: outcome, denominator, the same before the
experiment. Arms merge and vectorize over leading axes (metrics, segments, days), so a reading
costs the same for a hundred subjects as for a billion.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmStatistics:
    """Sufficient statistics of one arm.

    Attributes
    ----------
    n : shape (...)
        Subjects.
    mean : shape (..., n_columns)
    covariance : shape (..., n_columns, n_columns)
        With n - 1 in the denominator.
    """

    n: Floats
    mean: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A mean of a column, or a ratio of the means of two."""

    numerator: int
    denominator: int | None = None


def arm_of(values: Floats) -> ArmStatistics:
    """Summarize subjects in rows, columns in columns."""
    return ArmStatistics(
        n=np.asarray(float(len(values))),
        mean=values.mean(axis=0),
        covariance=np.atleast_2d(np.cov(values, rowvar=False)),
    )


def arm_of_sums(n: Floats, total: Floats, squares: Floats) -> ArmStatistics:
    """Summarize one column from n, sum and sum of squares, whatever their common shape."""
    mean = total / n
    variance = np.maximum(squares - total * mean, 0.0) / (n - 1)
    return ArmStatistics(
        n=np.asarray(n, np.float64), mean=mean[..., None], covariance=variance[..., None, None]
    )


def merged(left: ArmStatistics, right: ArmStatistics) -> ArmStatistics:
    """Return the statistics of both arms' subjects together."""
    n = left.n + right.n
    gap = right.mean - left.mean
    between = gap[..., :, None] * gap[..., None, :] * (left.n * right.n / n)[..., None, None]
    inside = left.covariance * (left.n - 1)[..., None, None]
    inside = inside + right.covariance * (right.n - 1)[..., None, None]
    return ArmStatistics(
        n=n,
        mean=left.mean + gap * (right.n / n)[..., None],
        covariance=(inside + between) / (n - 1)[..., None, None],
    )


def level_and_gradient(arm: ArmStatistics, measure: Measure) -> tuple[Floats, Floats]:
    """Return the measure's level, and its derivative by the column means (delta method)."""
    gradient = np.zeros_like(arm.mean)
    numerator = arm.mean[..., measure.numerator]
    if measure.denominator is None:
        gradient[..., measure.numerator] = 1.0
        return numerator, gradient
    denominator = arm.mean[..., measure.denominator]
    if (denominator == 0).any():
        raise NotEstimable("a ratio's denominator is zero")
    level = numerator / denominator
    gradient[..., measure.numerator] = 1 / denominator
    gradient[..., measure.denominator] = -level / denominator
    return level, gradient


def covariance_between(arm: ArmStatistics, left: Floats, right: Floats) -> Floats:
    """Return the covariance, per subject, of two figures given by their gradients."""
    found: Floats = np.einsum("...i,...ij,...j->...", left, arm.covariance, right)
    return found
