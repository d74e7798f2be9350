"""Averages of effects under a phased rollout, with their intervals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aivalue.effects.panel import Floats, Integers
from aivalue.effects.student_t import t_quantile
from aivalue.kpis.interval import Interval

By = Literal["overall", "cohort", "event_time", "period"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Covariance of figures, and the degrees of freedom of each."""

    covariance: Floats
    degrees_of_freedom: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """Averages with their intervals.

    Attributes
    ----------
    at : length n
        Start of the cohort, periods since go-live, or calendar period; empty for the overall.
    intervals : length n
    covariance : shape (n, n)
    overall : Interval
        What the estimator says these averages come to.
    """

    by: By
    at: tuple[int, ...]
    intervals: tuple[Interval, ...]
    covariance: Floats
    overall: Interval


def averaged(
    by: By, at: tuple[int, ...], point: Floats, spread: Spread, confidence: float
) -> Average:
    """Return the averages; the last figure is the overall one."""
    intervals = intervals_of(point, spread, confidence)
    return Average(
        by=by,
        at=at,
        intervals=intervals[:-1],
        covariance=spread.covariance[:-1, :-1],
        overall=intervals[-1],
    )


def intervals_of(point: Floats, spread: Spread, confidence: float) -> tuple[Interval, ...]:
    """Return each figure with its interval by Student's t."""
    standard_error = np.sqrt(np.maximum(np.diag(spread.covariance), 0.0))
    return tuple(
        Interval.around(
            float(value),
            float(error),
            quantile=t_quantile((1 + confidence) / 2, float(free)),
            confidence=confidence,
        )
        for value, error, free in zip(point, standard_error, spread.degrees_of_freedom, strict=True)
    )


def satterthwaite(parts: Floats, freedom: Floats) -> Spread:
    """Add up independent parts of a covariance, each with its own degrees of freedom.

    Parameters
    ----------
    parts : shape (n_parts, n_figures, n_figures)
    freedom : shape (n_parts,)
    """
    covariance = parts.sum(axis=0)
    variance = np.diag(covariance)
    shares = np.diagonal(parts, axis1=1, axis2=2) / np.where(variance > 0, variance, 1.0)
    together = (shares**2 / freedom[:, None]).sum(axis=0)
    degrees = np.where(together > 0, 1 / np.where(together > 0, together, 1.0), np.inf)
    return Spread(covariance=covariance, degrees_of_freedom=degrees)


def clustered(contribution: Floats, cluster: Integers) -> Floats:
    """Add up what units contribute within their cluster; rows are clusters afterwards."""
    names, cluster_of = np.unique(cluster, return_inverse=True)
    summed = np.zeros((len(names), contribution.shape[1]))
    np.add.at(summed, cluster_of, contribution)
    return summed
