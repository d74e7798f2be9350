"""Least squares whose errors go together within clusters, also when clusters are few.

The usual sandwich over few clusters is too small, because residuals are smaller than errors and
few squares say little. Residuals are blown up by what fitting took off them (CR2), and Student's t
has the degrees of freedom that the contrast leaves, which clusters of unequal size make far fewer
than their number.

Source: Bell & McCaffrey (2002), "Bias Reduction in Standard Errors for Linear Regression with
Multi-Stage Samples", Survey Methodology 28(2); Pustejovsky & Tipton (2018), JBES 36(4) 672-683.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Floats, Integers
from aivalue.errors import NotEstimable

CONDITION_MAX = 1e12
CLUSTERS_MIN = 4
LEVERAGE_MAX = 1 - 1e-9  # A cluster that decides a coefficient alone has no residual to judge by.


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFit:
    """Coefficients with a covariance that holds within clusters.

    Attributes
    ----------
    point : shape (n_coefficients,)
    covariance : shape (n_coefficients, n_coefficients)
    degrees_of_freedom : float
        Of the first coefficient.
    """

    point: Floats
    covariance: Floats
    degrees_of_freedom: float
    n_clusters: int


def cluster_robust(design: Floats, outcome: Floats, cluster: Integers) -> ClusterFit:
    """Regress; the first column of the design is the one whose interval is wanted.

    Parameters
    ----------
    design : shape (n, n_coefficients), outcome, cluster : shape (n,)

    Raises
    ------
    NotEstimable
        Fewer than four clusters, columns that repeat each other, or nothing varies.
    """
    _, first, code = np.unique(cluster, return_index=True, return_inverse=True)
    n_clusters = len(first)
    if n_clusters < CLUSTERS_MIN:
        raise NotEstimable(
            f"{n_clusters} clusters, needs {CLUSTERS_MIN}", verdict="below_sample_floor"
        )
    scale = np.sqrt((design**2).mean(axis=0))
    if not scale.min() > 0 or np.linalg.cond(design / scale) ** 2 > CONDITION_MAX:
        raise NotEstimable("columns of the regression repeat each other or do not vary")
    columns = design / scale
    inverse = np.linalg.inv(columns.T @ columns)
    point = inverse @ (columns.T @ outcome)
    residual = outcome - columns @ point

    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(n_clusters))
    rows = np.split(order, starts[1:])
    inside = np.stack([columns[row].T @ columns[row] for row in rows])
    score = np.stack([columns[row].T @ residual[row] for row in rows])
    adjusted, freedom = _blown_up(inside, score, inverse)
    contribution = adjusted @ inverse
    covariance = contribution.T @ contribution
    if not covariance[0, 0] > 0:
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    return ClusterFit(
        point=point / scale,
        covariance=covariance / np.outer(scale, scale),
        degrees_of_freedom=freedom,
        n_clusters=n_clusters,
    )


def _blown_up(inside: Floats, score: Floats, inverse: Floats) -> tuple[Floats, float]:
    """Return the clusters' adjusted scores, and Bell and McCaffrey's degrees of freedom.

    A cluster's leverage matrix has rank at most the number of coefficients, so that all of it
    follows from the cluster's moments, whatever its size.
    """
    values, vectors = np.linalg.eigh(inverse)
    root = vectors * np.sqrt(values) @ vectors.T
    leverage, basis = np.linalg.eigh(root @ inside @ root)
    leverage = np.clip(leverage, 0.0, LEVERAGE_MAX)
    known = leverage > np.finfo(float).eps
    safe = np.where(known, leverage, 1.0)
    # Q of a cluster's leverage Q L Q' is X root V / sqrt(L); only X'Q and Q'e are ever needed.
    loading = inside @ root @ basis * np.where(known, 1 / np.sqrt(safe), 0.0)[:, None, :]
    grown = np.where(known, 1 / np.sqrt(1 - leverage) - 1, 0.0)
    onto = np.einsum("gkq,kl,gl->gq", basis, root, score) * np.where(known, 1 / np.sqrt(safe), 0.0)
    adjusted = score + np.einsum("gkq,gq->gk", loading, grown * onto)

    wanted = inverse[0]
    along = np.einsum("gkq,k->gq", loading, wanted)
    length = np.einsum("k,gkl,l->g", wanted, inside, wanted)
    length = length + (along**2 * np.where(known, 1 / (1 - leverage) - 1, 0.0)).sum(axis=1)
    moments = inside @ wanted + np.einsum("gkq,gq->gk", loading, grown * along)
    spread = np.diag(length) - moments @ inverse @ moments.T
    trace, squares = float(np.trace(spread)), float((spread**2).sum())
    return adjusted, max(trace**2 / squares, 1.0) if squares > 0 else 1.0
