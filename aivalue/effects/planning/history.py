"""What a history says about the noise of a trial: level, deviation, and how far back it remembers.

Autocorrelations of short series come out too small, and so do deviations about levels that were
learnt from the same few periods; both are corrected for.

Source: Nickell (1981), Econometrica 49(6), and Marriott & Pope (1954), Biometrika 41, for the bias;
Donner & Koval (1980), Biometrics 36(1), for clusters.
"""

import math

import numpy as np

from aivalue.effects.panel import Floats, Integers
from aivalue.effects.planning.learnt import Learnt
from aivalue.effects.planning.shape import shape_of
from aivalue.effects.planning.subjects import Parts
from aivalue.errors import NotEstimable

SUBJECTS_MIN = 10
CLUSTERS_MIN = 4
UNITS_MIN = 3
PERIODS_MIN = 8
MEMORY_MAX = 0.99
HALVINGS = 30


def of_subjects(outcome: Floats) -> tuple[float, float]:
    """Return level and deviation; rows are subjects."""
    if len(outcome) < SUBJECTS_MIN:
        raise NotEstimable(
            f"{len(outcome)} subjects, needs {SUBJECTS_MIN}", verdict="below_sample_floor"
        )
    return float(outcome.mean()), float(outcome.std(ddof=1))


def of_ratio(outcome: Floats, denominator: Floats) -> Parts:
    """Return what a ratio of sums varies by; rows are subjects."""
    of_subjects(outcome)
    mean = float(denominator.mean())
    if not mean > 0:
        raise NotEstimable(f"the denominator's mean is {mean:g}, needs a positive one")
    both = np.cov(outcome, denominator)
    product = math.sqrt(both[0, 0] * both[1, 1])
    return Parts(
        level=float(outcome.mean()) / mean,
        deviation=math.sqrt(both[0, 0]),
        denominator_mean=mean,
        denominator_deviation=math.sqrt(both[1, 1]),
        correlation=float(both[0, 1]) / product if product > 0 else 0.0,
    )


def of_clusters(outcome: Floats, cluster: Integers) -> Learnt:
    """Return how much subjects of a cluster share, by analysis of variance."""
    level, _ = of_subjects(outcome)
    _, code, size = np.unique(cluster, return_inverse=True, return_counts=True)
    n, groups = len(outcome), len(size)
    if groups < CLUSTERS_MIN or groups == n:
        raise NotEstimable(
            f"{groups} clusters of {n} subjects, needs {CLUSTERS_MIN} and more than one in some",
            verdict="below_sample_floor",
        )
    mean = np.bincount(code, outcome) / size
    inside = float(((outcome - mean[code]) ** 2).sum() / (n - groups))
    between = float((size * (mean - level) ** 2).sum() / (groups - 1))
    typical = (n - float((size**2).sum()) / n) / (groups - 1)
    shared = max((between - inside) / typical, 0.0)
    if not shared + inside > 0:
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    return Learnt(
        level=level,
        deviation=math.sqrt(shared + inside),
        correlation_within=shared / (shared + inside),
        cluster_size=max(round(float(size.mean())), 1),
        size_variation=float(size.std() / size.mean()),
    )


def of_panel(outcome: Floats, *, of_units_only: bool = False) -> Learnt:
    """Return the noise about unit and period levels, or about unit levels only.

    Parameters
    ----------
    outcome : shape (n_units, n_periods), complete
    """
    n_units, n_periods = outcome.shape
    least = 1 if of_units_only else UNITS_MIN
    if n_units < least or n_periods < PERIODS_MIN:
        raise NotEstimable(
            f"{n_units} units and {n_periods} periods, needs {least} and {PERIODS_MIN}",
            verdict="below_sample_floor",
        )
    _require_complete(outcome)
    left = outcome - outcome.mean(axis=1, keepdims=True)
    shared = 1.0
    if not of_units_only:
        left = left - left.mean(axis=0)
        shared = 1 - 1 / n_units
    level = np.full((n_periods, 1), n_periods**-0.5)
    memory, kept = _memory(left, level)
    return Learnt(
        level=float(outcome.mean()),
        deviation=math.sqrt(float((left**2).sum()) / (n_units * shared * kept)),
        autocorrelation=memory,
        n_units=n_units,
        n_periods=n_periods,
    )


def of_series(
    outcome: Floats,
    seasons: tuple[float, ...],
    *,
    has_trend: bool,
    controls: Floats | None = None,
) -> Learnt:
    """Return the noise of one series about its level, trend, seasons and controls."""
    n = len(outcome)
    shape = shape_of(n, seasons, has_trend=has_trend, controls=controls)
    if n < PERIODS_MIN + shape.shape[1]:
        raise NotEstimable(
            f"{n} periods, needs {PERIODS_MIN + shape.shape[1]}", verdict="below_sample_floor"
        )
    _require_complete(outcome)
    basis, _ = np.linalg.qr(shape)
    left = outcome - basis @ (basis.T @ outcome)
    memory, kept = _memory(left[None], basis)
    return Learnt(
        level=float(outcome.mean()),
        deviation=math.sqrt(float(left @ left) / kept),
        autocorrelation=memory,
        n_units=1,
        n_periods=n,
    )


def _memory(left: Floats, basis: Floats) -> tuple[float, float]:
    """Return the autocorrelation that explains what is left, and how many values' worth that is.

    Each row has been freed of the orthonormal basis, shape (n_periods, n_columns).
    """
    squares = float((left**2).sum())
    if not squares > 0:
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    lagged = float((left[:, 1:] * left[:, :-1]).sum()) / squares
    # A ratio of two sums that go together is too small by 2 rho over the number of values.
    wanted = lagged / (1 - 2 / left.size)
    low, high = 0.0, MEMORY_MAX
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _implied(middle, basis)[0] < wanted else (low, middle)
    memory = (low + high) / 2 if low > 0 else 0.0
    return memory, _implied(memory, basis)[1]


def _implied(memory: float, basis: Floats) -> tuple[float, float]:
    """Return the lagged correlation and the sum of squares left of values of variance one."""
    at = np.arange(len(basis))
    covariance = memory ** np.abs(np.subtract.outer(at, at)).astype(np.float64)
    covariance -= basis @ (basis.T @ covariance)
    covariance -= (covariance @ basis) @ basis.T
    squares = float(np.trace(covariance))
    return float(np.trace(covariance, offset=1)) / squares, squares


def _require_complete(outcome: Floats) -> None:
    if not np.isfinite(outcome).all():
        raise NotEstimable("a unit is missing in a period: give periods that all units have")
