"""Levels of the periods, taken off what is left of groups of units once each unit has its own.

Groups may vary by different multiples of one covariance. The periods' equations of two groups are
turned so that they do not cross; then every multiple costs a division.

Source: Golub & Van Loan (2013), "Matrix Computations", 8.7, for two symmetric matrices at once.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Booleans, Floats, Integers

ALIKE = np.ones(1)
RIDGE = 1e-13  # Of the mean: where nothing connects a period, rounding must not turn it negative.


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelsOff:
    """What is left per model.

    Attributes
    ----------
    gram : shape (n_models, n_columns, n_columns)
        Products of the columns, weighed by the inverse covariance, without the levels.
    log_size : shape (n_models,)
        Log determinant of the covariance plus that of the levels' information.
    """

    gram: Floats
    log_size: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsOff:
    """What is left per model of a group of units once each has its level, periods not yet.

    Attributes
    ----------
    gram : shape (n_models, n_columns, n_columns)
    log_size : shape (n_models,)
        Log determinant of the covariance plus that of the units' information.
    right : shape (n_models, n_periods, n_columns)
        Products of the periods with the columns.
    inner : shape (n_models, n_periods, n_periods)
        Products of the periods.
    is_present : shape (n_periods,)
    free : float
        Cells less units.
    """

    gram: Floats
    log_size: Floats
    right: Floats
    inner: Floats
    is_present: Booleans
    free: float


def periods_off(
    others: UnitsOff, apart: UnitsOff | None = None, scatter: Floats = ALIKE
) -> LevelsOff:
    """Take off the periods' levels, which all units share.

    Parameters
    ----------
    apart : units that vary by other multiples of the model's deviation, if there are any
    scatter : shape (n_scatters,), > 0
        The multiples; all models for the first come first.
    """
    gram, log_size, right, inner = others.gram, others.log_size, others.right, others.inner
    is_present = others.is_present
    if apart is not None:
        is_present = is_present | apart.is_present
    # The first at zero because units already carry the mean.
    present = np.flatnonzero(is_present)[1:]
    if apart is None:
        if len(present):
            right, inner = right[:, present], inner[:, present[:, None], present]
            gram = gram - right.transpose(0, 2, 1) @ np.linalg.solve(inner, right)
            log_size = log_size + np.linalg.slogdet(inner)[1]
        return LevelsOff(gram=gram, log_size=log_size)
    precision = scatter[:, None] ** -2.0
    whole = gram + precision[..., None, None] * apart.gram
    size = log_size + apart.log_size - apart.free * np.log(precision)
    if len(present):
        both = _told_apart(others, apart, present)
        weight = 1 + (precision[..., None] - 1) * both.share
        moved = both.right + (precision[..., None, None] - 1) * both.right_apart
        whole -= (moved / weight[..., None]).swapaxes(2, 3) @ moved
        size = size + both.log_size + np.log(weight).sum(axis=2)
    n_columns = gram.shape[-1]
    return LevelsOff(gram=whole.reshape(-1, n_columns, n_columns), log_size=size.ravel())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Both:
    """The periods in directions in which two groups of units add up without crossing.

    Attributes
    ----------
    share : shape (n_models, n_directions)
        Of the units set apart in what all tell about a direction.
    right, right_apart : shape (n_models, n_directions, n_columns)
    log_size : shape (n_models,)
    """

    share: Floats
    right: Floats
    right_apart: Floats
    log_size: Floats


def _told_apart(others: UnitsOff, apart: UnitsOff, present: Integers) -> _Both:
    inside = (slice(None), present[:, None], present)
    inner = others.inner[inside] + apart.inner[inside]
    each = np.arange(len(present))
    diagonal = inner[:, each, each]
    inner[:, each, each] += RIDGE * diagonal.mean(axis=1, keepdims=True)
    root = np.linalg.cholesky(inner)
    half = np.linalg.solve(root, apart.inner[inside])
    of_apart = np.linalg.solve(root, half.swapaxes(1, 2))
    share, direction = np.linalg.eigh((of_apart + of_apart.swapaxes(1, 2)) / 2)
    right_apart = apart.right[:, present]
    right = np.concatenate([others.right[:, present] + right_apart, right_apart], axis=2)
    turned = direction.swapaxes(1, 2) @ np.linalg.solve(root, right)
    n_columns = right_apart.shape[2]
    return _Both(
        share=np.clip(share, 0.0, 1.0),
        right=turned[:, :, :n_columns],
        right_apart=turned[:, :, n_columns:],
        log_size=2 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1),
    )
