"""Few clusters: how clusters and their units vary, learnt from all of them about their cohorts.

A figure weighs all units of a cohort alike, so a cluster enters it by its units of each cohort.
What clusters share is learnt from the means of their units in a cohort about that cohort's mean,
what units have by themselves from units about those means. No cohort needs clusters of its own for
that, nor a model of memory: paths vary with the covariance they show. Degrees of freedom are
Satterthwaite's for clusters that vary alike. Clusters may go live as a whole or in parts.

Source: Searle, Casella & McCulloch (1992), "Variance Components", chapter 5, for the moments;
Donald & Lang (2007), REStat 89(2) 221-233, for t over few clusters; Bell & McCaffrey (2002),
Survey Methodology 28(2), for its degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.estimators.averages import Spread, satterthwaite
from aivalue.effects.estimators.staggered import products_of
from aivalue.effects.panel import Floats, Integers
from aivalue.errors import NotEstimable

FREE_MIN = 2.0
CLUSTERS_COUNTED_MAX = 1_000  # Beyond it, unequal sizes cost no degrees of freedom to speak of.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """Units of one cluster in one cohort.

    Attributes
    ----------
    of_unit : shape (n_units,)
        Counts into the parts.
    cluster, cohort, size : shape (n_parts,)
    """

    of_unit: Integers
    cluster: Integers
    cohort: Integers
    size: Floats

    def means(self, by_unit: Floats) -> Floats:
        total = np.zeros((len(self.size), by_unit.shape[1]))
        np.add.at(total, self.of_unit, by_unit)
        return total / self.size[:, None]


def clusters_by_cohort(cluster: Integers, cohort_of: Integers, n_cohorts: int) -> Integers:
    """Return how many clusters each cohort's units lie in."""
    pairs = np.unique(np.column_stack([cluster, cohort_of]), axis=0)
    return np.bincount(pairs[:, 1], minlength=n_cohorts).astype(np.int64)


def spread_by_components(
    paths: Floats, outcome: Floats, cohort_of: Integers, cluster: Integers
) -> Spread:
    """Return how uncertain figures are that weigh every unit of a cohort by the same path.

    Parameters
    ----------
    paths : shape (n_figures, n_cohorts, n_periods)
        Weight of one unit's outcome.
    outcome : shape (n_units, n_periods)
        Without gaps; levels that the paths do not see may be taken off.

    Raises
    ------
    NotEstimable
        Cohorts share too few clusters to learn from.
    """
    n_cohorts = paths.shape[1]
    parts = _parts_of(cluster, cohort_of)
    mean = parts.means(outcome)
    of_cohort = np.bincount(parts.cohort, parts.size, n_cohorts)
    share = parts.size / of_cohort[parts.cohort]
    cohort_mean = np.zeros((n_cohorts, outcome.shape[1]))
    np.add.at(cohort_mean, parts.cohort, share[:, None] * mean)
    gap = mean - cohort_mean[parts.cohort]

    # A part's gap has this much of the clusters' covariance, and this much of the units'.
    squares = np.bincount(parts.cohort, share**2, n_cohorts)
    of_clusters = float((1 - 2 * share + squares[parts.cohort]).sum())
    of_units = float((1 / parts.size - 1 / of_cohort[parts.cohort]).sum())
    free = _free(parts, share, of_clusters)
    if free < FREE_MIN:
        n_clusters = len(np.unique(cluster))
        raise NotEstimable(
            f"{n_clusters} clusters leave {free:.1f} to learn the spread from, "
            f"needs {FREE_MIN:.0f}",
            verdict="below_sample_floor",
        )
    between = products_of(gap, gap) / of_clusters
    own = outcome - mean[parts.of_unit]
    free_own = max(len(outcome) - len(parts.size), 1)
    within = products_of(own, own) / free_own

    counts = np.zeros((int(parts.cluster.max()) + 1, n_cohorts))
    counts[parts.cluster, parts.cohort] = parts.size
    together = counts.T @ counts
    # What the units add beyond the share of it that the clusters' means show already.
    beyond = _without_negatives(np.diag(of_cohort) - of_units / of_clusters * together)
    summed = np.stack([_summed(paths, between, together), _summed(paths, within, beyond)])
    return satterthwaite(summed, np.array([free, float(free_own)]))


def _parts_of(cluster: Integers, cohort_of: Integers) -> _Parts:
    _, code = np.unique(cluster, return_inverse=True)
    label = code * (int(cohort_of.max()) + 1) + cohort_of
    _, first, of_unit = np.unique(label, return_index=True, return_inverse=True)
    return _Parts(
        of_unit=of_unit.astype(np.int64),
        cluster=code[first].astype(np.int64),
        cohort=cohort_of[first].astype(np.int64),
        size=np.bincount(of_unit).astype(np.float64),
    )


def _free(parts: _Parts, share: Floats, trace: float) -> float:
    """Return the degrees of freedom of the sum of squared gaps, if clusters vary alike."""
    if not trace > 0:
        return 0.0
    if len(parts.size) > CLUSTERS_COUNTED_MAX:
        return trace
    seen = (parts.cluster[:, None] == np.arange(parts.cluster.max() + 1)).astype(np.float64)
    same = parts.cohort[:, None] == parts.cohort
    gaps = seen - (same * share) @ seen
    return trace**2 / float(((gaps @ gaps.T) ** 2).sum())


def _without_negatives(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    floored: Floats = vectors * np.maximum(values, 0.0) @ vectors.T
    return floored


def _summed(paths: Floats, covariance: Floats, weights: Floats) -> Floats:
    """Return sum over cohorts k, l of weights_kl path_k' covariance path_l, per pair of figures."""
    turned = np.einsum("kl,flt->fkt", weights, paths @ covariance)
    flat: Floats = turned.reshape(len(paths), -1) @ paths.reshape(len(paths), -1).T
    return (flat + flat.T) / 2
