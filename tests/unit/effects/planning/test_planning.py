"""Whether a plan's power is what the estimator then shows, and sizes are those of the textbooks."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aivalue.effects.arms.arm import ArmStatistics, Measure
from aivalue.effects.arms.comparison import difference
from aivalue.effects.arms.power import power_of
from aivalue.effects.effect import Period
from aivalue.effects.error_models.cluster_robust import cluster_robust
from aivalue.effects.estimators.cuped import plain_levels
from aivalue.effects.estimators.difference_in_differences import Rollout, difference_in_differences
from aivalue.effects.estimators.interrupted_time_series import (
    Interrupted,
    interrupted_time_series,
    levels,
)
from aivalue.effects.estimators.switchback import switchback
from aivalue.effects.front_door.table import days_from
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats
from aivalue.effects.planning.beside import continued
from aivalue.effects.planning.clusters import by_cluster
from aivalue.effects.planning.history import of_clusters, of_panel, of_ratio, of_series
from aivalue.effects.planning.memories import (
    Memory,
    autocorrelation_of,
    left_open,
    memories_of,
    odds_of_a_walk,
)
from aivalue.effects.planning.memory import change_variance, mean_variance
from aivalue.effects.planning.plan import Plan, Wish, plan, power_under
from aivalue.effects.planning.published import published
from aivalue.effects.planning.rollout import by_unit
from aivalue.effects.planning.series import by_series
from aivalue.effects.planning.shape import shape_of
from aivalue.effects.planning.subjects import Parts, by_share, by_subject
from aivalue.effects.planning.switchback import by_turns
from aivalue.effects.planning.trial import Trial, same
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable

DRAWS = 400
SEED = 20261126
# Three standard errors of a share of 400 near 80 %, and two points for what is asymptotic.
CLOSE = 3 * math.sqrt(0.8 * 0.2 / DRAWS) + 0.02


def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


def remembering(shape: tuple[int, ...], memory: float, source: np.random.Generator) -> Floats:
    """Draw rows of variance one that remember."""
    noise = source.standard_normal(shape)
    for at in range(1, shape[-1]):
        noise[..., at] = memory * noise[..., at - 1] + math.sqrt(1 - memory**2) * noise[..., at]
    return noise


def detectable(trial: Trial) -> float:
    found = plan(trial, Wish()).detectable
    assert found is not None
    return found


def arms(values: Floats) -> ArmStatistics:
    """Summarize draws x subjects x columns."""
    mean = values.mean(axis=1)
    gap = values - mean[:, None]
    covariance = np.einsum("dni,dnj->dij", gap, gap) / (values.shape[1] - 1)
    return ArmStatistics(n=np.full(len(values), values.shape[1]), mean=mean, covariance=covariance)


def test_a_mean_needs_what_cohen_says() -> None:
    # Cohen (1988): d = .5 needs 64 in each group; statsmodels: the power is then 0.8014596.
    found = plan(by_subject(1.0, subjects=128), Wish(target=0.5))

    assert found.needed[0].size == 128
    assert found.power == pytest.approx(0.8014596, abs=1e-7)


def test_shares_need_what_r_says() -> None:
    # R: power.prop.test(n = 50, p1 = .5, p2 = .75)$power = 0.7401659 and
    # power.prop.test(p1 = .5, p2 = .75, power = .9)$n = 76.65294, in each group.
    seen = plan(by_share(0.5, subjects=100), Wish(target=0.25)).power
    needed = plan(by_share(0.5), Wish(target=0.25, power=0.9)).needed[0].size

    assert seen == pytest.approx(0.7401659, abs=1e-5)
    assert needed == 2 * 77


def test_clusters_cost_the_design_effect() -> None:
    # Clusters of 21 at a correlation of .05: a variance of 1 + 20 x .05 = 2 times.
    alone = plan(by_subject(1.0, subjects=420), Wish()).standard_error
    together = by_cluster(1.0, correlation_within=0.05, cluster_size=21, clusters=20)

    assert alone is not None
    assert plan(together, Wish()).standard_error == pytest.approx(alone * math.sqrt(2))


def test_a_panel_without_memory_is_frison_and_pocock() -> None:
    # Variance (1 / 12 + 1 / 6) (1 / 10 + 1 / 30).
    trial = by_unit(1.0, units=40, treated_units=10, before=12, periods=6)

    error = plan(trial, Wish()).standard_error
    assert error == pytest.approx(math.sqrt((1 / 12 + 1 / 6) * (1 / 10 + 1 / 30)))


@pytest.mark.parametrize("memory", [-0.4, 0.0, 0.7])
def test_a_change_varies_as_its_covariance_matrix_says(memory: float) -> None:
    at = np.arange(30)
    covariance = memory ** np.abs(np.subtract.outer(at, at)).astype(float)
    weight = np.where(at < 20, -1 / 20, 1 / 10)

    assert change_variance(20, 10, memory) == pytest.approx(weight @ covariance @ weight)
    assert mean_variance(30, memory) == pytest.approx(covariance.mean())


def test_means_are_detected_as_often_as_planned() -> None:
    effect = detectable(by_subject(2.0, subjects=60))
    draws = rng().normal(0.0, 2.0, (4_000, 60, 1))
    draws[:, :30] += effect

    levels = plain_levels(arms(draws[:, :30]), arms(draws[:, 30:]), Measure(numerator=0))
    assert (difference(*levels).p_value < 0.05).mean() == pytest.approx(0.8, abs=0.02)


def test_shares_are_detected_as_often_as_planned() -> None:
    effect = detectable(by_share(0.1, subjects=4_000))
    counts = rng().binomial(2_000, [0.1 + effect, 0.1], (20_000, 2)) / 2_000

    variance = (counts * (1 - counts) / 2_000).sum(axis=1)
    seen = np.abs(counts[:, 0] - counts[:, 1]) > t_quantile(0.975, math.inf) * np.sqrt(variance)
    assert seen.mean() == pytest.approx(0.8, abs=0.015)


def test_ratios_are_detected_as_often_as_planned() -> None:
    # Sessions of a user, and orders in them; half of the orders' variance is the sessions'.
    source = rng()
    sessions = 1.0 + source.poisson(3.0, (1_500, 400))
    orders = source.binomial(sessions.astype(int), 0.3).astype(float)
    parts = of_ratio(np.concatenate(orders), np.concatenate(sessions))
    effect = detectable(by_subject(parts.linear_deviation, subjects=400))

    values = np.stack([orders, sessions], axis=2)
    values[:, :200, 0] += effect * sessions[:, :200]
    ratio = Measure(numerator=0, denominator=1)
    levels = plain_levels(arms(values[:, :200]), arms(values[:, 200:]), ratio)
    assert (difference(*levels).p_value < 0.05).mean() == pytest.approx(0.8, abs=0.04)


def test_clusters_are_detected_as_often_as_planned() -> None:
    effect = detectable(by_cluster(1.0, correlation_within=0.2, cluster_size=8, clusters=24))
    cluster = np.repeat(np.arange(24), 8)
    arm = (cluster < 12).astype(float)
    design = np.column_stack([arm, np.ones(len(arm))])
    source = rng()

    def rejects() -> bool:
        shared = math.sqrt(0.2) * source.standard_normal(24)[cluster]
        outcome = shared + math.sqrt(0.8) * source.standard_normal(len(arm)) + effect * arm
        fit = cluster_robust(design, outcome, cluster)
        margin = t_quantile(0.975, fit.degrees_of_freedom) * math.sqrt(fit.covariance[0, 0])
        return bool(abs(fit.point[0]) > margin)

    assert np.mean([rejects() for _ in range(DRAWS)]) == pytest.approx(0.8, abs=CLOSE)


def test_turns_are_detected_as_often_as_planned() -> None:
    trial = by_turns(1.0, stretch=5, units=6, periods=60, autocorrelation=0.3)
    effect = detectable(trial)
    source = rng()

    def rejects() -> bool:
        treated = np.repeat(source.random((6, 12)) < 0.5, 5, axis=1)
        outcome = remembering((6, 60), 0.3, source) + effect * treated
        figure = average(switchback(outcome, treated, period=days_from(1)[0], washout=1))
        return not figure.low <= 0 <= figure.high

    # Neighbouring stretches of one arm are one stretch to the estimator, which costs some power;
    # what they share brings some back.
    assert np.mean([rejects() for _ in range(DRAWS)]) == pytest.approx(0.8, abs=CLOSE + 0.05)


def test_rollouts_are_detected_as_often_as_planned() -> None:
    trial = by_unit(1.0, units=24, treated_units=8, before=12, periods=6, autocorrelation=0.4)
    effect = detectable(trial)
    source = rng()
    periods: tuple[Period, ...] = days_from(18)
    with_ai = np.zeros((24, 18))
    with_ai[:8, 12:] = 1.0

    def rejects() -> bool:
        outcome = 10 + remembering((24, 18), 0.4, source) + effect * with_ai
        rollout = Rollout(
            periods=periods,
            units=tuple(str(unit) for unit in range(24)),
            y_untreated=outcome * (1 - with_ai),
            x_untreated=1 - with_ai,
            y_treated=outcome * with_ai,
            x_treated=with_ai,
        )
        figure = average(difference_in_differences(rollout, scale="additive"))
        return not figure.low <= 0 <= figure.high

    assert np.mean([rejects() for _ in range(DRAWS // 2)]) == pytest.approx(0.8, abs=0.12)


def before_and_after(outcome: Floats, n_before: int) -> Interrupted:
    position = np.arange(len(outcome), dtype=float)
    return Interrupted(
        periods=days_from(1),
        outcome=outcome,
        position=position,
        with_ai=(position >= n_before).astype(float)[:, None],
        controls=np.empty((len(outcome), 0)),
        volume=np.ones(1),
        has_trend=True,
    )


@pytest.mark.parametrize(
    ("memory", "steady_by"), [(0.0, None), (0.0, "A. Turing"), (0.6, None), (0.9, None)]
)
def test_a_series_is_detected_as_often_as_planned(memory: float, steady_by: str | None) -> None:
    # By the interval that is published, which is wider where the level may wander.
    trial = by_series(
        1.0,
        before=80,
        periods=20,
        autocorrelation=memory,
        has_trend=True,
        is_steady=steady_by is not None,
    )
    effect, n = detectable(trial), DRAWS * 3 // 4
    draws = remembering((n, 100), memory, rng()) + effect * (np.arange(100) >= 80)

    read = [levels(before_and_after(each, 80), steady_by=steady_by).published for each in draws]

    seen = [average(each).low > 0 or average(each).high < 0 for each in read]
    assert np.mean(seen) == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / n))


@pytest.mark.parametrize("is_steady", [False, True])
@pytest.mark.parametrize("walk", [0.0, 0.2, 0.6])
def test_many_series_are_read_at_once_as_each_by_itself(walk: float, *, is_steady: bool) -> None:
    source = rng()
    steps = source.standard_normal((30, 100)).cumsum(axis=1)
    draws = remembering((30, 100), 0.3, source) + walk * steps
    design = np.column_stack([np.arange(100) >= 80, shape_of(100, (), has_trend=True)])

    found = published(design, draws.T, confidence=0.9, is_steady=is_steady)

    steady_by = "A. Turing" if is_steady else None
    alone = [
        levels(before_and_after(each, 80), confidence=0.9, steady_by=steady_by) for each in draws
    ]
    figures = [average(each.published) for each in alone]
    assert found.odds == pytest.approx(np.array([each.odds for each in alone]), rel=1e-6)
    assert found.point == pytest.approx(np.array([each.point for each in figures]))
    margin = [(each.high - each.low) / 2 for each in figures]
    assert found.margin == pytest.approx(np.array(margin), rel=1e-6)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_a_short_history_shows_its_noise_and_memory_without_bias(memory: float) -> None:
    source = rng()
    panels = [
        of_panel(5 + 2 * remembering((30, 12), memory, source) + source.standard_normal((1, 12)))
        for _ in range(100)
    ]
    series = [
        of_series(remembering((104,), memory, source), (52.18,), has_trend=True) for _ in range(100)
    ]

    # At .8 twelve periods are hardly longer than the memory, which is then found to one in ten.
    assert np.mean([each.autocorrelation for each in panels]) == pytest.approx(memory, abs=0.04)
    assert np.mean([each.autocorrelation for each in series]) == pytest.approx(memory, abs=0.06)
    assert np.median([each.deviation for each in panels]) == pytest.approx(2, rel=0.1)


def test_clusters_of_a_history_share_what_was_put_in() -> None:
    source = rng()
    cluster = np.repeat(np.arange(400), 10)
    outcome = 0.5 * source.standard_normal(400)[cluster] + source.standard_normal(4_000)

    found = of_clusters(outcome, cluster)

    # .25 / 1.25.
    assert found.correlation_within == pytest.approx(0.2, abs=0.03)
    assert (found.cluster_size, found.size_variation) == (10, 0.0)


TRIALS: dict[str, Callable[[int | None], Trial]] = {
    "subjects": lambda size: by_subject(3.0, subjects=size, level=10.0),
    "shares": lambda size: by_share(0.3, subjects=size),
    "clusters": lambda size: by_cluster(
        3.0, correlation_within=0.1, cluster_size=15, clusters=size
    ),
    "switchback": lambda size: by_turns(3.0, stretch=4, units=5, periods=size),
    "rollout": lambda size: by_unit(3.0, units=30, treated_units=10, before=20, periods=size),
    "series": lambda size: by_series(3.0, before=40, periods=size, autocorrelation=0.3),
}
IN_CLOSED_FORM = [name for name in TRIALS if name != "series"]  # That one is drawn: a second each.


@pytest.mark.parametrize("name", IN_CLOSED_FORM)
@settings(max_examples=25, deadline=None)
@given(target=st.floats(0.15, 0.6))
def test_the_size_needed_is_the_smallest_that_detects(name: str, target: float) -> None:
    trial = TRIALS[name]
    size = plan(trial(None), Wish(target=target)).needed[0].size

    def power(at: int) -> float:
        found = plan(trial(at), Wish(target=target)).power
        assert found is not None
        return found

    if size is not None:
        assert power(size) >= 0.8
        assert size == trial(None).levers[0].least or power(size - 1) < 0.8


def test_the_periods_needed_of_a_series_are_the_fewest_that_detect() -> None:
    def planned(periods: int | None) -> Plan:
        trial = by_series(1.0, before=120, periods=periods, autocorrelation=0.5)
        return plan(trial, Wish(target=1.1))

    size = planned(None).needed[0].size

    assert size is not None
    assert (planned(size).power or 0) >= 0.8
    assert (planned(size - 1).power or 1) < 0.8


@pytest.mark.parametrize("name", TRIALS)
def test_what_is_detectable_is_detected_with_the_power_asked_for(name: str) -> None:
    trial = TRIALS[name](200)
    effect = detectable(trial)

    assert plan(trial, Wish(target=effect)).power == pytest.approx(0.8, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-6, 1e6))
def test_the_unit_of_the_kpi_changes_nothing(scale: float) -> None:
    found = plan(by_subject(3.0 * scale, subjects=100), Wish(target=scale))

    assert found.power == pytest.approx(plan(by_subject(3.0, subjects=100), Wish(target=1)).power)


def test_a_fall_is_planned_like_a_rise_except_of_a_share() -> None:
    def planned(trial: Trial, target: float) -> Plan:
        return plan(trial, Wish(target=target))

    mean, share = by_subject(3.0, subjects=100), by_share(0.1, subjects=1_000)

    assert planned(mean, -1).power == planned(mean, 1).power
    assert (planned(share, -0.05).power or 0) > (planned(share, 0.05).power or 1)


def test_without_an_effect_the_power_is_the_false_alarm_rate() -> None:
    found = plan(by_subject(1.0, subjects=100), Wish(target=1e-20))

    assert found.power == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("build", "wish", "reason"),
    [
        (lambda: by_subject(1.0), Wish(), "neither a target nor a size"),
        (lambda: by_subject(1.0), Wish(target=0.0), "effect of zero"),
        (lambda: by_subject(0.0), Wish(target=1.0), "deviation must be positive"),
        (lambda: by_subject(1.0, subjects=3), Wish(), "3 subjects planned, needs 4"),
        (lambda: by_subject(1.0, share_explained=1.0), Wish(target=1.0), "share_explained"),
        (lambda: by_share(0.9), Wish(target=0.2), "leaves no share"),
        (lambda: by_share(1.2), Wish(target=0.2), "level must lie between"),
        (
            lambda: by_cluster(1.0, correlation_within=1.0, cluster_size=5),
            Wish(target=1.0),
            "correlation_within",
        ),
        (lambda: by_turns(1.0, stretch=2, units=3, washout=2), Wish(target=1.0), "washout"),
        (
            lambda: by_unit(1.0, units=6, treated_units=1, before=9),
            Wish(target=1.0),
            "can be picked in 6 ways; 95% confidence takes 20",
        ),
        (
            lambda: by_unit(1.0, units=6, treated_units=5, before=9),
            Wish(target=1.0),
            "2 must stay without",
        ),
        (lambda: by_series(1.0, before=19), Wish(target=1.0), "19 periods before the AI, needs 20"),
        (
            lambda: by_series(1.0, before=20, periods=4, seasons=(52.0,)),
            Wish(),
            "cannot tell the AI from trend, seasons and controls",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused_by_name(
    build: Callable[[], Trial], wish: Wish, reason: str
) -> None:
    with pytest.raises(NotEstimable, match=reason):
        plan(build(), wish)


def test_a_limit_of_the_past_is_said_and_not_hidden() -> None:
    # However long the AI runs, twelve periods before it are all there is to compare with.
    found = plan(by_unit(1.0, units=12, treated_units=3, before=12, periods=6), Wish(target=0.05))

    assert found.needed[0].size is None


def test_the_parts_of_a_ratio_vary_as_the_delta_method_says() -> None:
    # Var(y - r x) = 4 + .25 x 9 - 2 x .5 x .5 x 2 x 3 = 3.25, over a mean of 10.
    parts = Parts(
        level=0.5,
        deviation=2.0,
        denominator_mean=10.0,
        denominator_deviation=3.0,
        correlation=0.5,
    )

    assert parts.linear_deviation == pytest.approx(math.sqrt(3.25) / 10)


@pytest.mark.parametrize("memory", [0.0, 0.4, 0.8])
def test_a_history_leaves_open_a_range_that_holds_the_memory(memory: float) -> None:
    # 200 draws put the Monte Carlo error of a share of 90 % near 2 points.
    source = rng()
    ranges = [
        autocorrelation_of(memories_of(remembering((80,), memory, source), (), has_trend=True))
        for _ in range(200)
    ]

    assert np.mean([each.low <= memory <= each.high for each in ranges]) >= 0.84
    assert np.mean([each.point for each in ranges]) == pytest.approx(memory, abs=0.07)


def test_a_long_history_plans_as_if_its_memory_were_known() -> None:
    source = rng()
    short, long = (
        by_series(
            1.0,
            before=60,
            periods=20,
            memories=memories_of(remembering((n,), 0.6, source), (), has_trend=False),
        )
        for n in (40, 1_200)
    )
    known = by_series(1.0, before=60, periods=20, autocorrelation=0.6)

    assert short.autocorrelation is not None
    assert long.autocorrelation is not None
    assert short.autocorrelation.high - short.autocorrelation.low > 0.4
    assert long.autocorrelation.high - long.autocorrelation.low < 0.1
    # 1,200 values that remember know their deviation to about 5 %.
    assert detectable(long) == pytest.approx(detectable(known), rel=0.12)


def test_learnt_memory_has_the_power_that_the_estimator_has() -> None:
    # Histories of 80 and trials of 26 more, planned from the history and read by the estimator.
    source = rng()
    found = []
    for _ in range(50):
        whole = remembering((106,), 0.5, source)
        trial = by_series(
            1.0,
            before=80,
            periods=26,
            memories=memories_of(whole[:80], (), has_trend=True),
            has_trend=True,
        )
        effect = detectable(trial)
        moved = whole + effect * (np.arange(106) >= 80)
        read = interrupted_time_series(before_and_after(moved, 80))
        found.append(average(read).low > 0)

    # 80 % wanted; 50 draws put the Monte Carlo error near 5.7 points.
    assert np.mean(found) == pytest.approx(0.8, abs=0.17)


@pytest.mark.parametrize(("step", "is_told"), [(0.0, False), (1.0, True)])
def test_a_history_that_walks_is_planned_with_walks(step: float, *, is_told: bool) -> None:
    source = rng()
    walk = source.standard_normal(120) + step * source.standard_normal(120).cumsum()

    found = left_open(walk, (), has_trend=True)
    trial = by_series(1.0, before=120, periods=20, memories=found)

    assert bool(odds_of_a_walk(found)) is is_told
    assert any("level that wanders" in words for words in trial.assumes) is is_told
    assert sum(each.probability for each in found) == pytest.approx(1)
    assert (found == memories_of(walk, (), has_trend=True)) is not is_told


def test_a_level_that_wanders_is_detected_as_often_as_planned() -> None:
    # Steps of half the noise: 300 draws put the Monte Carlo error near 2.3 points.
    source, n = rng(), DRAWS * 3 // 4
    walk = Memory(autocorrelation=0.0, deviation=1.0, probability=1.0, step_share=0.25)
    trial = by_series(1.0, before=80, periods=20, has_trend=True, memories=(walk,))
    effect = detectable(trial)
    steps = source.standard_normal((n, 100)).cumsum(axis=1)
    draws = source.standard_normal((n, 100)) + 0.5 * steps + effect * (np.arange(100) >= 80)

    read = [average(levels(before_and_after(each, 80)).published) for each in draws]

    seen = [each.low > 0 or each.high < 0 for each in read]
    assert np.mean(seen) == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / n))
    standing = by_series(1.0, before=80, periods=20, has_trend=True)
    assert effect > 1.3 * detectable(standing)


def test_a_series_beside_a_control_is_detected_as_often_as_planned() -> None:
    # The control goes on as it will, 300 times; draws put the Monte Carlo error near 2.3 points.
    source, n = rng(), DRAWS * 3 // 4
    past = remembering((80,), 0.8, source)
    noise = Memory(autocorrelation=0.3, deviation=0.5, probability=1.0)
    trial = by_series(1.0, before=80, periods=20, memories=(noise,), controls=past[:, None])
    effect, found = detectable(trial), []
    for _ in range(n):
        control = np.concatenate([past, remembering((21,), 0.8, source)[1:]])
        first = past[-1] - control[80] / 0.8
        control[80:] += 0.8 ** np.arange(1, 21) * first
        outcome = control + 0.5 * remembering((100,), 0.3, source)
        moved = before_and_after(outcome + effect * (np.arange(100) >= 80), 80)
        read = levels(replace(moved, controls=control[:, None], has_trend=False))
        figure = average(read.published)
        found.append(figure.low > 0 or figure.high < 0)

    assert np.mean(found) == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / n))
    series = past + 0.5 * remembering((80,), 0.3, source)
    alone = by_series(1.0, before=80, periods=20, memories=left_open(series, (), has_trend=True))
    assert effect < 0.7 * detectable(alone)


def test_a_control_goes_on_from_where_it_was_along_its_trend() -> None:
    control = 5 + 0.5 * np.arange(60) + 0.01 * rng().standard_normal(60)

    paths = continued(control[:, None], 40, 10)

    assert {path.shape for path in paths} == {(50, 1)}
    for path in paths:
        assert path[:40, 0] == pytest.approx(control[20:])
        assert path[40:, 0] == pytest.approx(5 + 0.5 * np.arange(60, 70), abs=0.1)
    assert repr(paths) == repr(continued(control[:, None], 40, 10))


def test_a_control_and_a_trend_are_not_planned_together() -> None:
    with pytest.raises(NotEstimable, match="takes trends from the controls"):
        by_series(1.0, before=40, has_trend=True, controls=rng().standard_normal((40, 1)))


def test_a_history_that_stands_still_is_refused() -> None:
    with pytest.raises(NotEstimable, match="nothing varies"):
        memories_of(np.ones(40), (), has_trend=False)


def test_half_of_two_thousand_stores_can_be_planned() -> None:
    # comb(2000, 1000) has 601 digits, more than any float.
    trial = by_unit(1.0, units=2000, treated_units=1000, before=12, periods=6)

    assert trial.levers[0].noise_at(6, 0.0).degrees_of_freedom == 1998


@pytest.mark.parametrize(
    ("free", "confidence", "ratio"),
    [(2.0, 0.999, 17.5), (1.0, 0.999, 100.0), (6.0, 0.999, 10.0), (3.0, 0.8, 50.0)],
)
def test_power_is_a_number_where_scipy_sums_one_side_up_to_nan(
    free: float, confidence: float, ratio: float
) -> None:
    # By hand: the mean over the estimated deviation of what the normal has beyond it.
    share = (np.arange(200_000) + 0.5) / 200_000
    scale = np.sqrt(stats.chi2.ppf(share, free) / free)
    margin = stats.t.ppf((1 + confidence) / 2, free)
    wanted = float((stats.norm.cdf(ratio - margin * scale)).mean())

    assert power_under(ratio, same(1.0, free), confidence=confidence) == pytest.approx(
        wanted, abs=1e-5
    )
    assert power_of(ratio, 1.0, degrees_of_freedom=free, confidence=confidence) == pytest.approx(
        wanted, abs=1e-5
    )
