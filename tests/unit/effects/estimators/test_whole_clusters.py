"""Whether clusters are read as what had the AI, whole or in parts, also when few do."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from aivalue.effects.effect import Effect
from aivalue.effects.estimators.callaway_santanna import callaway_santanna
from aivalue.effects.estimators.imputation import imputation
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.front_door.table import days_from
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats, Integers
from aivalue.errors import NotEstimable

N_PERIODS, LIVE = 10, 5
SEED = 3
Estimator = Callable[[StaggeredPanel], Effect]
ESTIMATORS: tuple[Estimator, ...] = (imputation, callaway_santanna)


def panel(source: np.random.Generator, *, treated: int, control: int, size: int) -> StaggeredPanel:
    """Draw units whose clusters share shocks that remember."""
    n_clusters = treated + control
    cluster = np.repeat(np.arange(n_clusters), size)
    shock = source.standard_normal((n_clusters, N_PERIODS))
    for at in range(1, N_PERIODS):
        shock[:, at] += 0.6 * shock[:, at - 1]
    own = source.standard_normal((len(cluster), N_PERIODS))
    return of(shock[cluster] + own, np.where(cluster < treated, LIVE, N_PERIODS), cluster)


def of(outcome: Floats, first_treated: Integers, cluster: Integers | None) -> StaggeredPanel:
    return StaggeredPanel(
        outcome=outcome,
        first_treated=first_treated,
        units=tuple(str(unit) for unit in range(len(outcome))),
        periods=days_from(outcome.shape[1]),
        cluster=cluster,
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equal_clusters_say_what_their_means_say(estimator: Estimator) -> None:
    found = panel(np.random.default_rng(SEED), treated=4, control=9, size=3)
    means = found.outcome.reshape(13, 3, N_PERIODS).mean(axis=1)
    alone = of(means, found.first_treated[::3], np.arange(13))

    by_cluster, by_mean = (average(estimator(each)) for each in (found, alone))

    assert by_cluster.point == pytest.approx(by_mean.point)
    assert by_cluster.low == pytest.approx(by_mean.low, rel=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_three_treated_clusters_of_thirteen_are_covered(estimator: Estimator) -> None:
    # As if units were alone it covers 65 %; five standard errors of 200 draws about 95 %.
    source = np.random.default_rng(SEED)
    figures = [average(estimator(panel(source, treated=3, control=10, size=4))) for _ in range(200)]

    covered = np.mean([figure.low <= 0 <= figure.high for figure in figures])
    assert 0.90 <= covered <= 0.99


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_order_of_units_changes_nothing(estimator: Estimator) -> None:
    found = panel(np.random.default_rng(SEED), treated=3, control=8, size=4)
    order = np.random.default_rng(SEED).permutation(len(found.outcome))
    assert found.cluster is not None
    turned = of(found.outcome[order], found.first_treated[order], found.cluster[order])

    first, second = (average(estimator(each)) for each in (found, turned))

    assert first.low == pytest.approx(second.low)


def in_parts(found: StaggeredPanel, starts: tuple[int, ...]) -> StaggeredPanel:
    """Let every second unit of the treated clusters go live, each cluster at its own time."""
    assert found.cluster is not None
    start = np.take(starts, found.cluster % len(starts))
    lives = (found.first_treated < N_PERIODS) & (np.arange(len(start)) % 2 == 0)
    return replace(found, first_treated=np.where(lives, start, N_PERIODS))


@pytest.mark.parametrize("starts", [(5,), (4, 6, 7)], ids=["at once", "in waves"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_three_clusters_that_go_live_in_parts_are_covered(
    estimator: Estimator, starts: tuple[int, ...]
) -> None:
    # Scores about a cohort that lies in one cluster show none of its shock: they covered 82 %.
    source = np.random.default_rng(SEED)
    figures = [
        average(estimator(in_parts(panel(source, treated=3, control=8, size=4), starts)))
        for _ in range(150)
    ]

    covered = np.mean([figure.low <= 0 <= figure.high for figure in figures])
    assert 0.90 <= covered <= 1


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_what_both_halves_of_a_cluster_share_cancels(estimator: Estimator) -> None:
    # Every cluster goes live in part: its shocks move both sides, however large they are.
    found = in_parts(panel(np.random.default_rng(SEED), treated=8, control=0, size=4), (5,))
    assert found.cluster is not None
    shock = np.random.default_rng(1).normal(0, 100, (8, N_PERIODS))
    shaken = replace(found, outcome=found.outcome + shock[found.cluster])

    calm, shaken_too = (average(estimator(each)) for each in (found, shaken))

    assert shaken_too.point == pytest.approx(calm.point)
    assert shaken_too.high - shaken_too.low == pytest.approx(calm.high - calm.low, rel=0.5)


def test_gaps_in_one_treated_cluster_are_refused() -> None:
    found = panel(np.random.default_rng(SEED), treated=1, control=8, size=4)
    outcome = found.outcome.copy()
    outcome[0, 0] = np.nan

    with pytest.raises(NotEstimable, match="gaps in 1 cluster"):
        imputation(replace(found, outcome=outcome))


def test_a_cohort_in_one_cluster_takes_no_covariates() -> None:
    found = panel(np.random.default_rng(SEED), treated=1, control=8, size=12)
    covariates = np.random.default_rng(1).normal(size=(len(found.outcome), 1))

    with pytest.raises(NotEstimable, match="lies in 1 cluster"):
        callaway_santanna(replace(found, covariates=covariates))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_too_few_clusters_are_refused_by_name(estimator: Estimator) -> None:
    found = panel(np.random.default_rng(SEED), treated=2, control=2, size=6)

    with pytest.raises(NotEstimable, match="4 clusters, needs 5"):
        estimator(found)
