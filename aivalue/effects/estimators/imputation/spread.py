"""Uncertainty of averages of imputed effects.

Asymptotic: the published conservative variance, clustered by unit. A treated cell's own noise is
what it differs from the others of its cohort and period ("asymptotic"), or from all treated cells
("asymptotic_pooled", Gardner's two-stage variance: it also counts how effects differ).
Calibrated: the same, with Student's t, where every wave shows its own spread; waves of fewer than
ten units are pooled, and with ten treated units or fewer the covariance of a unit's path is learnt
from all units together, as in `aivalue.effects.dependence`.

Source: Borusyak, Jaravel & Spiess (2024), REStud 91(6), section 4.3; Gardner (2022), "Two-stage
differences in differences", arXiv 2207.05943.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import linalg

from aivalue.effects.dependence import covariance_of, dependence_of
from aivalue.effects.estimators.averages import Spread, clustered, satterthwaite
from aivalue.effects.estimators.imputation.fit import Imputed
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.errors import NotEstimable

Inference = Literal["calibrated", "asymptotic", "asymptotic_pooled"]

OWN_SPREAD_UNITS_MIN = 10  # A wave of fewer says too little about its own spread.
FEW_TREATED_MAX = 10
CLUSTERS_MIN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Means over sets of treated cells, and sums of such means.

    Attributes
    ----------
    label : shape (n_units, n_periods)
        Which mean a treated cell belongs to; -1 for none.
    count : shape (n_means,)
    mixture : shape (n_figures, n_means)
        How much of each mean goes into a figure.
    observed : bool
        Followed by the same mixtures of the observed levels.
    """

    label: Integers
    count: Floats
    mixture: Floats
    observed: bool = False


def means(figures: Figures, values: Floats) -> Floats:
    """Return the figures of any values of treated cells."""
    inside = figures.label >= 0
    summed = np.bincount(figures.label[inside], values[inside], len(figures.count))
    mixed: Floats = figures.mixture @ (summed / figures.count)
    return mixed


def spread_of(found: Imputed, figures: Figures, inference: Inference) -> Spread:
    """Return how uncertain the figures are."""
    treated: Booleans = np.asarray(found.treated.any(axis=1))
    if inference == "calibrated" and found.cluster is None and treated.sum() <= FEW_TREATED_MAX:
        return _learnt_together(found, figures)
    _, wave, size = np.unique(found.start[treated], return_inverse=True, return_counts=True)
    pooled = inference == "asymptotic_pooled"
    if inference == "calibrated":
        pooled = bool(size.min() < OWN_SPREAD_UNITS_MIN)
    contribution = _by_unit(found, figures, pooled=pooled)
    group = np.full(len(treated), -1)
    group[treated] = 0 if pooled else wave
    if found.cluster is not None:
        return _by_cluster(contribution, found.cluster, treated, inference)
    if inference != "calibrated":
        covariance = contribution.T @ contribution
        return Spread(covariance=covariance, degrees_of_freedom=np.full(len(covariance), np.inf))
    names, counted = np.unique(group, return_counts=True)
    parts = [
        contribution[group == name].T @ contribution[group == name] * n / max(n - 1, 1)
        for name, n in zip(names, counted, strict=True)
    ]
    return satterthwaite(np.stack(parts), np.maximum(counted - 1, 1).astype(np.float64))


def _by_cluster(
    contribution: Floats, cluster: Integers, treated: Booleans, inference: Inference
) -> Spread:
    summed = clustered(contribution, cluster)
    if len(summed) < CLUSTERS_MIN:
        raise NotEstimable(
            f"units form {len(summed)} clusters, needs {CLUSTERS_MIN}",
            verdict="below_sample_floor",
        )
    covariance = summed.T @ summed
    if inference != "calibrated":
        return Spread(covariance=covariance, degrees_of_freedom=np.full(len(covariance), np.inf))
    sides = [len(np.unique(cluster[side])) for side in (treated, ~treated) if side.any()]
    return Spread(
        covariance=covariance * len(summed) / (len(summed) - 1),
        degrees_of_freedom=np.full(len(covariance), max(min(sides) - 1.0, 1.0)),
    )


def _by_unit(found: Imputed, figures: Figures, *, pooled: bool) -> Floats:
    """Return what each unit adds to each figure's error; units x figures."""
    n_units, n_means = len(found.treated), len(figures.count)
    row, column = np.nonzero(figures.label >= 0)
    label = figures.label[row, column]
    own = found.effect[row, column] - _alike(found, row, column, pooled=pooled)
    summed = np.bincount(row * n_means + label, own, n_units * n_means)
    on_treated = summed.reshape(n_units, n_means) / figures.count
    # Residuals of a unit sum to zero, so its own level's error adds nothing: periods are left.
    contribution = on_treated - found.residual @ _period_weights(found, figures).T
    mixed = contribution @ figures.mixture.T
    if not figures.observed:
        return mixed
    return np.column_stack([mixed, on_treated @ figures.mixture.T])


def _alike(found: Imputed, row: Integers, column: Integers, *, pooled: bool) -> Floats:
    """Return the mean effect of the cells that a cell is taken to share its effect with."""
    if pooled:
        key = np.zeros(len(row), np.int64)
    else:
        _, wave = np.unique(found.start, return_inverse=True)
        key = wave[row] * found.treated.shape[1] + column
    counted = np.bincount(key)
    mean = np.bincount(key, found.effect[row, column]) / np.maximum(counted, 1)
    alike: Floats = mean[key]
    return alike


def _period_weights(found: Imputed, figures: Figures) -> Floats:
    """Return how each period's level enters each mean, through the units' levels too."""
    by_period, by_unit = _gradient(found, figures)
    fitted = found.untreated.astype(np.float64)
    size = fitted.sum(axis=1)
    schur = np.diag(fitted.sum(axis=0)) - (fitted / size[:, None]).T @ fitted
    # One level too many (units up, periods down by the same): pin the mean of the periods.
    schur += fitted.sum() / len(schur) ** 2
    right = by_period - (by_unit / size) @ fitted
    weights: Floats = linalg.solve(schur, right.T, assume_a="pos").T
    return weights


def _gradient(found: Imputed, figures: Figures) -> tuple[Floats, Floats]:
    n_units, n_periods = found.treated.shape
    n_means = len(figures.count)
    row, column = np.nonzero(figures.label >= 0)
    label = figures.label[row, column]
    by_period = np.bincount(label * n_periods + column, minlength=n_means * n_periods)
    by_unit = np.bincount(label * n_units + row, minlength=n_means * n_units)
    return (
        by_period.reshape(n_means, n_periods) / figures.count[:, None],
        by_unit.reshape(n_means, n_units) / figures.count[:, None],
    )


def _learnt_together(found: Imputed, figures: Figures) -> Spread:
    fitted = found.untreated.astype(np.float64)
    period = _period_weights(found, figures)
    _, by_unit = _gradient(found, figures)
    unit = (by_unit - period @ fitted.T) / fitted.sum(axis=1)
    on_untreated = -fitted * (unit[:, :, None] + period[:, None, :])
    on_treated = figures.label == np.arange(len(figures.count))[:, None, None]
    on_treated = on_treated / figures.count[:, None, None]
    paths = np.einsum("fm,mut->fut", figures.mixture, on_untreated + on_treated)
    if figures.observed:
        level = np.einsum("fm,mut->fut", figures.mixture, on_treated)
        paths = np.concatenate([paths, level])
    noise = np.einsum("fut,gut->fg", paths, paths, optimize=True)
    dependence = dependence_of(found.residual, fitted)
    covariance, free = covariance_of(dependence, noise, paths)
    return Spread(covariance=covariance, degrees_of_freedom=np.full(len(covariance), free))
