"""Whether an experiment is read by what was drawn: subjects, strata, clusters, stretches."""

from dataclasses import replace

import numpy as np
import pytest

from aivalue.effects.estimators.experiment import experiment
from aivalue.effects.estimators.subjects import Subjects
from aivalue.effects.estimators.switchback import switchback
from aivalue.effects.front_door.table import days_from
from aivalue.effects.functional import average, relative
from aivalue.effects.sequential.monitoring import monitored
from aivalue.errors import NotEstimable
from tests.unit.effects.reference import columns, expected

DAY = days_from(1)[0]


def users(outcome: str, *before: str, denominator: str | None = None) -> Subjects:
    values = columns("ab_users_cuped.csv", "variant", outcome, *before)
    below = None if denominator is None else columns("ab_users_cuped.csv", denominator)[:, 0]
    return Subjects(
        outcome=values[:, 1], treated=values[:, 0] == 1, before=values[:, 2:], denominator=below
    )


@pytest.mark.parametrize(
    ("name", "subjects"),
    [
        ("r", users("revenue", "revenue_covariate")),
        ("o", users("orders", "orders_covariate")),
        ("os", users("orders", "orders_covariate", "sessions_covariate", denominator="sessions")),
    ],
)
def test_what_was_known_before_narrows_the_interval_as_published(
    name: str, subjects: Subjects
) -> None:
    effect = experiment(subjects, period=DAY)

    wanted = expected("tt.cuped")[name]
    figure = average(effect)
    assert effect.estimator == "cuped"
    assert figure.point == pytest.approx(wanted["effect_size"], rel=1e-6)
    assert figure.low == pytest.approx(wanted["effect_size_ci_lower"], rel=1e-6)
    assert figure.high == pytest.approx(wanted["effect_size_ci_upper"], rel=1e-6)
    assert relative(effect).point == pytest.approx(wanted["rel_effect_size"], rel=1e-6)


def test_several_covariates_enter_a_regression_with_slopes_of_each_arms_own() -> None:
    found = experiment(users("revenue", "revenue_covariate", "orders_covariate"), period=DAY)

    plain = average(experiment(users("revenue"), period=DAY))
    assert found.estimator == "regression_adjustment"
    assert average(found).standard_error < 0.9 * plain.standard_error


def test_strata_are_compared_inside() -> None:
    rng = np.random.default_rng(1)
    stratum = np.repeat([0, 1], [300, 100])
    treated = rng.random(400) < np.where(stratum == 0, 0.2, 0.8)
    # Without strata the difference of levels between them would pass for an effect.
    outcome = 10.0 * stratum + 1.0 * treated + rng.normal(size=400)
    subjects = Subjects(outcome=outcome, treated=treated, before=np.empty((400, 0)))

    naive = average(experiment(subjects, period=DAY))
    found = average(experiment(replace(subjects, stratum=stratum), period=DAY))

    assert naive.low > 3
    assert found.low <= 1.0 <= found.high
    assert found.standard_error < 0.2


def clustered(rng: np.random.Generator, *, effect: float = 0.0) -> Subjects:
    cluster = np.repeat(np.arange(20), 15)
    treated = (rng.permutation(20) < 10)[cluster]
    outcome = rng.normal(size=20)[cluster] + rng.normal(size=300) + effect * treated
    return Subjects(outcome=outcome, treated=treated, before=np.empty((300, 0)), cluster=cluster)


def test_randomized_clusters_cover_where_subjects_do_not() -> None:
    # 300 draws put the Monte Carlo error near 1.3 points.
    rng = np.random.default_rng(1)
    hits = np.zeros(2)
    for _ in range(300):
        subjects = clustered(rng)
        for at, one in enumerate((subjects, replace(subjects, cluster=None))):
            figure = average(experiment(one, period=DAY))
            hits[at] += figure.low <= 0 <= figure.high

    assert 0.92 <= hits[0] / 300 <= 0.98
    assert hits[1] / 300 < 0.6


def test_a_ratio_by_cluster_weighs_by_its_denominator() -> None:
    subjects = clustered(np.random.default_rng(3), effect=0.0)
    sessions = (np.arange(300) % 5 + 1).astype(np.float64)
    ratio = replace(subjects, outcome=subjects.outcome * sessions, denominator=sessions)

    effect = experiment(ratio, period=DAY)

    side = subjects.treated
    wanted = (ratio.outcome[side].sum() / sessions[side].sum()) - (
        ratio.outcome[~side].sum() / sessions[~side].sum()
    )
    assert average(effect).point == pytest.approx(wanted)
    assert (effect.n_treated, effect.n_control) == (10, 10)


def test_anytime_is_wider_than_a_planned_look_which_is_wider_than_fixed() -> None:
    effect = experiment(users("revenue", "revenue_covariate"), period=DAY)

    found = monitored(effect, look=(10, 10))

    assert found.planned_look is not None
    widths = [each.high - each.low for each in (found.fixed, found.planned_look, found.anytime)]
    assert widths == sorted(widths)
    assert found.detectable == pytest.approx(2.8 * found.fixed.standard_error, rel=0.01)


def alternating(rng: np.random.Generator, *, effect: float, carry: float) -> tuple[object, object]:
    treated = np.repeat(rng.random((6, 20)) < 0.5, 4, axis=1)
    felt = treated.astype(float)
    # The first period of a stretch still feels the last of the one before it.
    felt[:, 1:] += carry * (felt[:, :-1] - felt[:, 1:])
    stretches = np.repeat(rng.normal(size=(6, 20)), 4, axis=1)
    return 5 + stretches + effect * felt + 0.3 * rng.normal(size=(6, 80)), treated


def test_a_switchback_finds_the_effect_once_the_other_arm_has_worn_off() -> None:
    rng = np.random.default_rng(1)
    outcome, treated = alternating(rng, effect=2.0, carry=0.5)

    found = average(switchback(outcome, treated, period=DAY, washout=1))  # type: ignore[arg-type]

    assert found.low <= 2.0 <= found.high
    assert found.low > 0.5


def test_a_switchback_covers_the_truth() -> None:
    # 300 draws put the Monte Carlo error near 1.3 points.
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(300):
        figure = average(switchback(*alternating(rng, effect=0.0, carry=0.0), period=DAY))  # type: ignore[arg-type]
        hits += figure.low <= 0 <= figure.high

    assert 0.92 <= hits / 300 <= 0.985


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": np.zeros(300, bool)}, "treatment arm has 0 subjects"),
        ({"outcome": np.full(300, np.nan)}, "missing"),
        ({"denominator": np.full(300, -1.0)}, "denominator is missing or negative"),
        (
            {"cluster": None, "stratum": np.arange(300) % 2, "before": np.ones((300, 1))},
            "strata and covariates",
        ),
    ],
)
def test_refuses_by_name(change: dict[str, object], reason: str) -> None:
    subjects = clustered(np.random.default_rng(1))
    with pytest.raises(NotEstimable, match=reason):
        experiment(replace(subjects, **change), period=DAY)  # type: ignore[arg-type]


def test_refuses_a_switchback_that_hardly_switches() -> None:
    treated = np.zeros((2, 30), bool)
    treated[:, 15:] = True
    with pytest.raises(NotEstimable, match="2 stretches with the AI"):
        switchback(np.random.default_rng(1).normal(size=(2, 30)), treated, period=DAY)


@pytest.mark.parametrize("scale", [1.0, 1e7])
def test_covariates_of_any_unit_are_no_repetition_of_each_other(scale: float) -> None:
    rng = np.random.default_rng(21)
    before = rng.normal(size=(300, 2))
    outcome = before @ [1.0, 2.0] + rng.normal(size=300)
    treated = np.arange(300) % 2 == 0

    found, wanted = (
        experiment(
            Subjects(outcome=outcome, treated=treated, before=before * each),
            period=DAY,
            adjustment="regression_adjustment",
        )
        for each in ([scale, 1 / scale], [1.0, 1.0])
    )

    assert found.point == pytest.approx(wanted.point, rel=1e-9)
    assert found.covariance[0] == pytest.approx(wanted.covariance[0], rel=1e-9)
