"""Whether the wild bootstrap that CR2 is measured against is the one it says it is."""

import numpy as np
import pytest

from aivalue.effects.panel import Floats, Integers
from tests.validation.clusters import subjects_of
from tests.validation.wild import regression_under, weights_of, wild

SEED = 1


def drawn() -> tuple[Floats, Floats, Integers]:
    subjects = subjects_of(4, 9, np.random.default_rng(SEED))
    assert subjects.cluster is not None
    return subjects.treated.astype(np.float64), subjects.outcome, subjects.cluster


def test_the_statistic_is_the_usual_clustered_one() -> None:
    arm, outcome, cluster = drawn()
    null = 0.3

    found = float(regression_under(null, arm, outcome, cluster).statistics(np.ones((1, 9)))[0])

    design = np.column_stack([arm, np.ones(len(arm))])
    inverse = np.linalg.inv(design.T @ design)
    point = inverse @ design.T @ outcome
    residual = outcome - design @ point
    scores = [design[cluster == g].T @ residual[cluster == g] for g in range(9)]
    covariance = inverse @ sum(np.outer(s, s) for s in scores) @ inverse * 9 / 8
    assert found == pytest.approx((point[0] - null) / covariance[0, 0] ** 0.5)


def test_all_signs_are_counted_and_the_interval_is_that_of_the_test() -> None:
    arm, outcome, cluster = drawn()
    weights = weights_of(9, "rademacher", np.random.default_rng(SEED))
    found = wild(arm, outcome, cluster, weights)

    def p_value(null: float) -> float:
        regression = regression_under(null, arm, outcome, cluster)
        observed = abs(regression.statistics(np.ones((1, 9)))[0])
        return float((np.abs(regression.statistics(weights)) >= observed * (1 - 1e-9)).mean())

    assert len(np.unique(weights, axis=0)) == 2**9
    width = found.high - found.low
    assert p_value(found.high - 0.01 * width) > 0.05 >= p_value(found.high + 0.01 * width)
    assert p_value(found.low + 0.01 * width) > 0.05 >= p_value(found.low - 0.01 * width)
