"""Uncertainty of averages of imputed effects.

Asymptotic: the published conservative variance, clustered by unit. A treated cell's own noise is
what it differs from the others of its cohort and period ("asymptotic"), or from all treated cells
("asymptotic_pooled", Gardner's two-stage variance: it also counts how effects differ).
Calibrated: the same, with Student's t, where every wave shows its own spread; waves of fewer than
ten units are pooled, and with ten treated units or fewer the covariance of a unit's path is learnt
from all units together, as in `aivalue.effects.error_models.dependence`.

Source: Borusyak, Jaravel & Spiess (2024), REStud 91(6), section 4.3; Gardner (2022), "Two-stage
differences in differences", arXiv 2207.05943.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aivalue.effects.error_models.dependence import covariance_of, dependence_of, noise_by_side
from aivalue.effects.estimators.averages import Spread, clustered, satterthwaite
from aivalue.effects.estimators.cluster_components import clusters_by_cohort, spread_by_components
from aivalue.effects.estimators.imputation.fit import Imputed, noise_of, scatter_of
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.errors import NotEstimable

Inference = Literal["calibrated", "asymptotic", "asymptotic_pooled"]

OWN_SPREAD_UNITS_MIN = 10  # A wave of fewer says too little about its own spread.
FEW_TREATED_MAX = 10
CLUSTERS_MIN = 5
SIDES_MIN = 2  # One cluster's shock cannot be told from the effect by its scores.


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Weighted sums of treated cells.

    Attributes
    ----------
    weights : shape (n_figures, n_waves, n_periods)
        Of each treated cell of a wave and period.
    observed : bool
        Followed by the same sums of the observed levels.
    """

    weights: Floats
    observed: bool = False


def spread_of(found: Imputed, figures: Figures, inference: Inference) -> Spread:
    """Return how uncertain the figures are."""
    treated: Booleans = np.asarray(found.treated.any(axis=1))
    if inference == "calibrated":
        if found.cluster is None and treated.sum() <= FEW_TREATED_MAX:
            return _learnt_together(found, figures)
        few = None if found.cluster is None else _few_clusters(found, figures, treated)
        if few is not None:
            return few
    pooled = inference == "asymptotic_pooled"
    if inference == "calibrated":
        pooled = _smallest_wave(found, treated) < OWN_SPREAD_UNITS_MIN
    loading = _loading(found, figures)
    if found.cluster is not None:
        return _by_cluster(found, _noise(found, pooled=pooled), loading, treated, inference)
    scatter = scatter_of(_noise(found, pooled=True), found.wave_of) if pooled else found.scatter
    parts = np.stack(
        [loading[:, row] @ within @ loading[:, row].T for row, within in enumerate(scatter)]
    )
    if inference != "calibrated":
        covariance = parts.sum(axis=0)
        return Spread(covariance=covariance, degrees_of_freedom=np.full(len(covariance), np.inf))
    counted = np.bincount(found.wave_of).astype(np.float64)
    if pooled:
        # Small waves together, and the units that never had the AI.
        with_ai = found.count.any(axis=1)
        groups = [with_ai, ~with_ai] if (~with_ai).any() else [with_ai]
        parts = np.stack([parts[group].sum(axis=0) for group in groups])
        counted = np.array([counted[group].sum() for group in groups])
    factor = counted / np.maximum(counted - 1, 1)
    return satterthwaite(parts * factor[:, None, None], np.maximum(counted - 1, 1))


def _smallest_wave(found: Imputed, treated: Booleans) -> int:
    """Return the units, or the clusters if there are any, of the smallest wave with AI."""
    of = np.arange(len(treated)) if found.cluster is None else found.cluster
    size = clusters_by_cohort(of[treated], found.wave_of[treated], len(found.wave))
    return int(size[size > 0].min())


def _noise(found: Imputed, *, pooled: bool) -> Floats:
    """Return each cell's own noise: on treated cells, what its effect differs from those alike."""
    mean = found.effect / np.maximum(found.count, 1)
    if pooled:
        mean = np.full_like(mean, found.effect.sum() / found.count.sum())
    return noise_of(found.surprise, found.treated, mean[found.wave_of])


def _loading(found: Imputed, figures: Figures) -> Floats:
    """Return how a unit's noise enters each figure: figures x waves x periods.

    Residuals of a unit sum to zero, so the error of its own level adds nothing: untreated cells
    enter by the error of their period's level alone.
    """
    period = _period_weights(found, figures.weights)
    after = found.shown >= found.wave[:, None]
    loading = np.where(after, figures.weights, -period[:, None, :])
    if not figures.observed:
        return loading
    return np.concatenate([loading, np.where(after, figures.weights, 0.0)])


def _period_weights(found: Imputed, weights: Floats) -> Floats:
    """Return how each period's level enters each figure, through the units' levels too."""
    right = (weights * found.count).sum(axis=1)
    right -= np.einsum("fws,wst->ft", weights, found.through_units)
    solved: Floats = np.linalg.solve(found.normal, right.T).T
    return solved


def _by_cluster(
    found: Imputed, noise: Floats, loading: Floats, treated: Booleans, inference: Inference
) -> Spread:
    if found.cluster is None:
        raise AssertionError("called for clusters only")
    contribution = np.empty((len(noise), len(loading)))
    for row in range(len(found.wave)):
        inside = found.wave_of == row
        contribution[inside] = noise[inside] @ loading[:, row].T
    summed = clustered(contribution, found.cluster)
    _require_clusters(found.cluster)
    covariance = summed.T @ summed
    if inference != "calibrated":
        return Spread(covariance=covariance, degrees_of_freedom=np.full(len(covariance), np.inf))
    return Spread(
        covariance=covariance * len(summed) / (len(summed) - 1),
        degrees_of_freedom=np.full(len(covariance), _clusters_free(found.cluster, treated)),
    )


def _require_clusters(cluster: Integers) -> None:
    n_clusters = len(np.unique(cluster))
    if n_clusters < CLUSTERS_MIN:
        raise NotEstimable(
            f"units form {n_clusters} clusters, needs {CLUSTERS_MIN}",
            verdict="below_sample_floor",
        )


def _clusters_free(cluster: Integers, treated: Booleans) -> float:
    sides = [len(np.unique(cluster[side])) for side in (treated, ~treated) if side.any()]
    if min(sides) < SIDES_MIN:
        raise NotEstimable(
            f"units with gaps in {min(sides)} cluster with the AI or without, needs {SIDES_MIN}",
            verdict="below_sample_floor",
        )
    return min(sides) - 1.0


def _few_clusters(found: Imputed, figures: Figures, treated: Booleans) -> Spread | None:
    """Read few clusters by their components, if every unit was measured in every period."""
    is_complete = (found.untreated | found.treated).all()
    if found.cluster is None or not is_complete:
        return None
    _require_clusters(found.cluster)
    n_treated = len(np.unique(found.cluster[treated]))
    if min(n_treated, _smallest_wave(found, treated)) > FEW_TREATED_MAX:
        return None
    first = np.flatnonzero(np.diff(found.wave_of, prepend=-1))
    paths = _paths(found, figures, first.astype(np.int64))
    return spread_by_components(paths, found.surprise, found.wave_of, found.cluster)


def _learnt_together(found: Imputed, figures: Figures) -> Spread:
    """Learn how paths vary from all units."""
    fitted = found.untreated.astype(np.float64)
    paths = _paths(found, figures, np.arange(len(fitted)))
    treated: Booleans = np.asarray(found.treated.any(axis=1))
    dependence = dependence_of(found.surprise * fitted, fitted, apart=treated)
    noise = noise_by_side(dependence, paths, paths)
    covariance, free = covariance_of(dependence, noise, paths)
    return Spread(covariance=covariance, degrees_of_freedom=np.full(len(covariance), free))


def _paths(found: Imputed, figures: Figures, units: Integers) -> Floats:
    """Return how the outcomes of these units enter each figure: figures x units x periods."""
    fitted = found.untreated[units].astype(np.float64)
    period = _period_weights(found, figures.weights)
    on_treated = figures.weights[:, found.wave_of[units]] * found.treated[units]
    unit = (on_treated.sum(axis=2) - period @ fitted.T) / fitted.sum(axis=1)
    paths: Floats = on_treated - fitted * (unit[:, :, None] + period[:, None, :])
    return np.concatenate([paths, on_treated]) if figures.observed else paths
