"""Uncertainty of weighted sums of cell effects: what each unit contributes to their error.

Asymptotic: the published influence functions, in which units are drawn from a population and the
shares of the cohorts are estimated too. Calibrated: given who was treated when, each cohort's
paths vary by their own covariance, or, where a cohort has too few units to show it, by that of all
units about their cohort's path; Student's t with Welch-Satterthwaite degrees of freedom.

Source: Callaway & Sant'Anna (2021), Journal of Econometrics 225(2), theorem 2 and corollary 2;
Satterthwaite (1946), Biometrics Bulletin 2(6) 110-114.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.estimators.averages import Spread, clustered, satterthwaite
from aivalue.effects.estimators.callaway_santanna.group_time import GroupTime
from aivalue.effects.estimators.cluster_components import clusters_by_cohort, spread_by_components
from aivalue.effects.estimators.whole_clusters import WholeClusters, whole_clusters
from aivalue.effects.panel import Floats, Integers
from aivalue.errors import NotEstimable

OWN_SPREAD_UNITS_MIN = 10  # A cohort of fewer borrows its spread from all units.
UNITS_FREE_MIN = 2
COHORT_CLUSTERS_MIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Weighted sums of cell effects, and of cohort means if `levels` is given.

    Attributes
    ----------
    weights : shape (n_figures, n_cells)
    shares : shape (n_figures, n_cohorts)
        What one more unit in a cohort moves the figure by, through the weights; used only where
        cohort shares are estimated.
    levels : shape (n_figures, n_cohorts, n_periods), or None
    """

    weights: Floats
    shares: Floats
    levels: Floats | None = None


def spread_of(found: GroupTime, figures: Figures) -> Spread:
    """Return how uncertain the figures are."""
    clusters = _clusters_that_vary(found)
    in_parts = _in_parts(found, figures) if clusters is None else None
    if in_parts is not None:
        return in_parts
    if clusters is None and (found.influence is not None or found.cluster is not None):
        return _by_unit(found, figures)
    paths = _paths(found, figures)
    if clusters is not None:
        return _by_whole_cluster(found, paths, clusters)
    if found.inference == "asymptotic":
        constants = figures.shares + _offsets(found, figures)
        parts = np.stack(
            [paths[:, row] @ within @ paths[:, row].T for row, within in enumerate(found.within)]
        )
        covariance = parts.sum(axis=0) + (constants * found.size) @ constants.T
        return Spread(covariance=covariance, degrees_of_freedom=np.full(len(covariance), np.inf))
    return _calibrated(found, paths)


def _calibrated(found: GroupTime, paths: Floats) -> Spread:
    free = len(found.outcome) - len(found.cohort)
    if free < UNITS_FREE_MIN:
        raise NotEstimable(
            f"{len(found.outcome)} units in {len(found.cohort)} cohorts leave {free} to learn the "
            f"spread from, needs {UNITS_FREE_MIN}",
            verdict="below_sample_floor",
        )
    pooled = found.within.sum(axis=0) / free
    own = found.size >= OWN_SPREAD_UNITS_MIN
    n_figures = len(paths)
    parts = [np.zeros((n_figures, n_figures))]
    freedom = [float(free)]
    for row, size in enumerate(found.size):
        if own[row]:
            parts.append(paths[:, row] @ found.within[row] @ paths[:, row].T * size / (size - 1))
            freedom.append(float(size - 1))
        else:
            parts[0] += paths[:, row] @ pooled @ paths[:, row].T * size
    return satterthwaite(np.stack(parts), np.array(freedom))


def _in_parts(found: GroupTime, figures: Figures) -> Spread | None:
    """Read clusters that go live in parts by their components, where few do or few share a start.

    A cohort's scores sum to zero: few clusters of one would not show what they share.
    """
    is_plain = found.influence is None and found.inference == "calibrated"
    if found.cluster is None or not is_plain:
        return None
    treated = found.cohort[found.cohort_of] < found.outcome.shape[1]
    n_treated = len(np.unique(found.cluster[treated]))
    if min(n_treated, _smallest_cohort(found, found.cluster)) > OWN_SPREAD_UNITS_MIN:
        return None
    paths = _paths(found, figures)
    return spread_by_components(paths, found.outcome, found.cohort_of, found.cluster)


def _smallest_cohort(found: GroupTime, cluster: Integers) -> int:
    """Return the clusters of the treated cohort that lies in the fewest."""
    inside = clusters_by_cohort(cluster, found.cohort_of, len(found.cohort))
    return int(inside[found.cohort < found.outcome.shape[1]].min())


def _clusters_that_vary(found: GroupTime) -> WholeClusters | None:
    is_plain = found.influence is None and found.inference == "calibrated"
    if found.cluster is None or not is_plain:
        return None
    return whole_clusters(found.cluster, found.cohort_of)


def _by_whole_cluster(found: GroupTime, paths: Floats, clusters: WholeClusters) -> Spread:
    """Let clusters' means vary as units do; a cohort of few clusters borrows from all."""
    mean = clusters.summed(found.outcome) / clusters.size[:, None]
    gap = mean - found.mean[clusters.cohort]
    n_clusters = np.bincount(clusters.cohort, minlength=len(found.cohort))
    free = len(gap) - int((n_clusters > 0).sum())
    if free < UNITS_FREE_MIN:
        raise NotEstimable(
            f"{len(gap)} clusters leave {free} to learn the spread from, needs {UNITS_FREE_MIN}",
            verdict="below_sample_floor",
        )
    squares = np.bincount(clusters.cohort, clusters.size**2, len(found.cohort))
    # What is left of equal variances about a mean by size, of which the cohort's is one.
    left = n_clusters - 2 + n_clusters * squares / found.size**2
    pooled = gap.T @ gap / float(left[n_clusters > 0].sum())
    parts = [np.zeros((len(paths), len(paths)))]
    freedom = [float(free)]
    for row, count in enumerate(n_clusters):
        if count >= OWN_SPREAD_UNITS_MIN:
            inside = clusters.cohort == row
            moved = (gap[inside] * clusters.size[inside, None]) @ paths[:, row].T
            parts.append(moved.T @ moved * count / (count - 1))
            freedom.append(float(count - 1))
        else:
            parts[0] += paths[:, row] @ pooled @ paths[:, row].T * squares[row]
    return satterthwaite(np.stack(parts), np.array(freedom))


def _by_unit(found: GroupTime, figures: Figures) -> Spread:
    contribution = unit_contributions(found, figures)
    asymptotic = found.inference == "asymptotic"
    if asymptotic:
        contribution = contribution + figures.shares[:, found.cohort_of].T
    if found.cluster is not None:
        summed = clustered(contribution, found.cluster)
        covariance = summed.T @ summed
        if asymptotic:
            return Spread(
                covariance=covariance, degrees_of_freedom=np.full(len(covariance), np.inf)
            )
        smallest, free = _clusters_free(found, found.cluster)
        return Spread(
            covariance=covariance * smallest / (smallest - 1),
            degrees_of_freedom=np.full(len(covariance), free),
        )
    if asymptotic:
        covariance = contribution.T @ contribution
        return Spread(covariance=covariance, degrees_of_freedom=np.full(len(covariance), np.inf))
    parts = np.stack(
        [
            contribution[found.cohort_of == row].T
            @ contribution[found.cohort_of == row]
            * (size / max(size - 1, 1))
            for row, size in enumerate(found.size)
        ]
    )
    return satterthwaite(parts, np.maximum(found.size - 1, 1).astype(np.float64))


def unit_contributions(found: GroupTime, figures: Figures) -> Floats:
    """Return what each unit adds to each figure's error, cohort shares apart; units x figures."""
    centred = found.outcome - found.mean[found.cohort_of]
    if found.influence is None:
        paths = _paths(found, figures)
        given = (
            np.zeros((len(paths), len(found.cohort)))
            if found.inference == "calibrated"
            else _offsets(found, figures)
        )
        moved = given[:, found.cohort_of].T
    else:
        paths = _levels(found, figures)
        moved = found.influence @ figures.weights.T
    contribution = np.empty((len(centred), len(paths)))
    for row in range(len(found.cohort)):
        inside = found.cohort_of == row
        contribution[inside] = centred[inside] @ paths[:, row].T + moved[inside]
    return contribution


def _paths(found: GroupTime, figures: Figures) -> Floats:
    """Return the weight of one unit's outcome: figures x cohorts x periods."""
    counted = found.compared @ found.size
    cells = np.arange(len(found.group))
    loading = -1.0 * found.compared / counted[:, None]
    loading[cells, found.group] = 1 / found.size[found.group]
    contrast = np.zeros((len(cells), found.outcome.shape[1]))
    contrast[cells, found.time] = 1
    contrast[cells, found.base] -= 1
    paths = _levels(found, figures)
    for figure, weights in enumerate(figures.weights):
        used = np.flatnonzero(weights)
        paths[figure] += loading[used].T @ (weights[used, None] * contrast[used])
    return paths


def _levels(found: GroupTime, figures: Figures) -> Floats:
    shape = (len(figures.weights), len(found.cohort), found.outcome.shape[1])
    if figures.levels is None:
        return np.zeros(shape)
    return figures.levels / found.size[:, None]


def _offsets(found: GroupTime, figures: Figures) -> Floats:
    """Return how a comparison cohort differs from the others it is pooled with."""
    change = found.change
    counted = found.compared * found.size
    pooled = (counted * change).sum(axis=1) / counted.sum(axis=1)
    gap = found.compared * (change - pooled[:, None]) / counted.sum(axis=1)[:, None]
    offsets: Floats = -figures.weights @ gap
    return offsets


def _clusters_free(found: GroupTime, cluster: Integers) -> tuple[int, float]:
    """Return the clusters of the smallest cohort, and degrees of freedom of sums of scores.

    A cohort's scores sum to zero, so that one in a single cluster would show no spread at all.
    """
    treated = found.cohort[found.cohort_of] < found.outcome.shape[1]
    smallest = _smallest_cohort(found, cluster)
    if smallest < COHORT_CLUSTERS_MIN:
        raise NotEstimable(
            f"a cohort lies in {smallest} cluster, whose shock its units' scores cannot show, "
            f"needs {COHORT_CLUSTERS_MIN}: leave covariates out",
            verdict="below_sample_floor",
        )
    n_cohorts = int((found.cohort < found.outcome.shape[1]).sum())
    left = [len(np.unique(cluster[treated])) - n_cohorts]
    if not treated.all():
        left.append(len(np.unique(cluster[~treated])) - 1)
    return smallest, max(float(min(left)), 1.0)
