"""Whether few clusters get the interval they deserve."""

import numpy as np
import pytest

from aivalue.effects.error_models.cluster_robust import cluster_robust
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable


def test_is_the_textbook_formula_written_out_in_full() -> None:
    rng = np.random.default_rng(1)
    cluster = np.sort(rng.integers(0, 8, 60))
    design = np.column_stack([cluster < 3, np.ones(60), rng.normal(size=60)]).astype(float)
    outcome = rng.normal(size=60) + rng.normal(size=8)[cluster]

    found = cluster_robust(design, outcome, cluster)

    # Bell & McCaffrey (2002), with n x n matrices as printed.
    inverse = np.linalg.inv(design.T @ design)
    hat = design @ inverse @ design.T
    residual = outcome - hat @ outcome
    covariance, paths = np.zeros((3, 3)), []
    for one in range(8):
        rows = cluster == one
        values, vectors = np.linalg.eigh(np.eye(rows.sum()) - hat[np.ix_(rows, rows)])
        adjust = vectors @ np.diag(values**-0.5) @ vectors.T
        score = inverse @ design[rows].T @ adjust @ residual[rows]
        covariance += np.outer(score, score)
        paths.append((np.eye(60) - hat)[rows].T @ adjust @ design[rows] @ inverse[:, 0])
    gram = np.array(paths) @ np.array(paths).T
    assert found.covariance == pytest.approx(covariance, rel=1e-9)
    assert found.degrees_of_freedom == pytest.approx(np.trace(gram) ** 2 / (gram**2).sum())


def test_covers_the_truth_with_ten_clusters_of_which_two_are_treated() -> None:
    # 600 draws put the Monte Carlo error near 0.9 points; the usual sandwich covers 74 % here.
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(10), 8)
    hits = 0
    for _ in range(600):
        treated = (rng.permutation(10) < 2)[cluster].astype(float)
        outcome = rng.normal(size=10)[cluster] + rng.normal(size=80)
        found = cluster_robust(np.column_stack([treated, np.ones(80)]), outcome, cluster)
        margin = t_quantile(0.975, found.degrees_of_freedom) * found.covariance[0, 0] ** 0.5
        hits += abs(float(found.point[0])) <= margin

    assert 0.93 <= hits / 600 <= 1.0


def test_the_order_of_rows_and_the_names_of_clusters_change_nothing_of_note() -> None:
    rng = np.random.default_rng(2)
    cluster = rng.integers(0, 9, 50)
    design = np.column_stack([rng.normal(size=50), np.ones(50)])
    outcome = rng.normal(size=50)
    order = rng.permutation(50)

    found = cluster_robust(design, outcome, cluster)
    again = cluster_robust(design[order], outcome[order], 100 - cluster[order])

    assert again.covariance == pytest.approx(found.covariance, rel=1e-10)
    assert again.degrees_of_freedom == pytest.approx(found.degrees_of_freedom)


def test_refuses_three_clusters_and_columns_that_repeat_each_other() -> None:
    ones = np.ones((12, 1))
    with pytest.raises(NotEstimable, match="3 clusters, needs 4"):
        cluster_robust(ones, np.arange(12.0), np.arange(12) % 3)
    with pytest.raises(NotEstimable, match="repeat each other"):
        cluster_robust(np.hstack([ones, ones]), np.arange(12.0), np.arange(12) % 4)
