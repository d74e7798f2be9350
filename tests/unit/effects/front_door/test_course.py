"""Whether the levels that a picture shows are those that the effect was read from."""

import numpy as np
import pytest

from aivalue.effects.front_door.course import Course
from aivalue.effects.front_door.estimate_panel import PanelEstimate, estimate_panel
from aivalue.effects.front_door.ran import Options
from aivalue.effects.front_door.table import PanelTable
from tests.unit.effects.front_door.test_front_door import counties, tobacco
from tests.unit.effects.reference import table


def course_of(found: PanelEstimate) -> Course:
    course = found.course()
    known = np.isfinite(course.low)
    assert (course.low[known] < course.without_ai[known]).all()
    assert (course.without_ai[known] < course.high[known]).all()
    return course


@pytest.mark.parametrize(
    "estimator",
    [
        *("sdid", "synthetic_control", "augmented_synthetic_control"),
        *("imputation", "callaway_santanna", "difference_in_differences"),
    ],
)
def test_the_lines_lie_the_effect_apart(estimator: str) -> None:
    found = estimate_panel(tobacco(), estimator=estimator)

    course = course_of(found)

    apart = course.observed - course.without_ai
    assert (course.n_before, course.times[course.n_before]) == (19, "1989")
    assert apart[19:].mean() == pytest.approx(found.figure.point)
    assert np.isnan(course.low[:19]).all()
    # What was fitted before is near: none of them is further off than California ever moved.
    assert np.abs(apart[:19]).max() < np.ptp(course.observed[:19])


def test_a_synthetic_difference_is_level_with_the_treated_where_its_weights_look() -> None:
    course = course_of(estimate_panel(tobacco(), estimator="sdid"))

    apart = course.observed - course.without_ai
    assert np.abs(apart[14:19]).max() < 2  # Periods weigh from 1986 on, units follow all.


def test_who_is_not_yet_live_counts_as_unchanged() -> None:
    found = estimate_panel(counties(), estimator="imputation")

    course = course_of(found)

    effect = found.effect
    total = sum(point * n for point, n in zip(effect.point, effect.volume, strict=True))
    apart = (course.observed - course.without_ai)[course.n_before :]
    assert course.n_before == 1
    assert effect.n_treated * apart.sum() == pytest.approx(total)


def series(n: int = 80, effect: float = 5.0, seed: int = 3) -> PanelTable:
    random = np.random.default_rng(seed)
    after = np.arange(n) >= n - 20
    return PanelTable(
        unit=["series"] * n,
        time=[str(step) for step in range(n)],
        outcome=50 + random.normal(size=n) + effect * after,
        treated=after,
        covariates=np.empty((n, 0)),
    )


@pytest.mark.parametrize("estimator", ["interrupted_time_series", "local_level"])
def test_a_series_is_forecast_time_by_time(estimator: str) -> None:
    found = estimate_panel(series(), estimator=estimator)

    course = course_of(found)

    apart = course.observed - course.without_ai
    assert apart[60:].mean() == pytest.approx(found.figure.point, abs=found.figure.standard_error)
    inside = (course.low[60:] <= 50) & (course.high[60:] >= 50)
    assert inside.mean() >= 0.9


def test_a_declared_level_is_drawn_as_it_was_estimated() -> None:
    # Seed 8 makes a walk 4 times as likely: strong enough alone, not against a named approver.
    open_, declared = (
        estimate_panel(series(seed=8), estimator="interrupted_time_series", options=options)
        for options in (Options(), Options(steady_by="A. Turing"))
    )
    assert open_.levels is not None
    assert declared.levels is not None
    assert (open_.levels.is_open, declared.levels.is_open) == (True, False)

    widths = [(course.high - course.low)[60:] for course in (open_.course(), declared.course())]

    assert (widths[0] > widths[1]).all()


def test_a_long_time_with_the_ai_is_forecast_in_stretches() -> None:
    n = 260
    one = series(n)
    with_ai = np.arange(n) >= 40
    long = PanelTable(
        unit=one.unit,
        time=one.time,
        outcome=np.asarray(one.outcome) + 5.0 * (with_ai & ~one.treated),
        treated=with_ai,
        covariates=one.covariates,
    )

    course = course_of(estimate_panel(long, estimator="interrupted_time_series"))

    assert np.isfinite(course.without_ai).all()
    assert np.isfinite(course.low[40:]).all()
    assert len(np.unique((course.high - course.low)[40:].round(9))) <= 100


def test_subjects_have_one_level_with_and_one_without() -> None:
    rows = table("ab_users.csv")
    subjects = PanelTable(
        unit=[row["user"] for row in rows],
        time=["0"] * len(rows),
        outcome=np.array([float(row["revenue"]) for row in rows]),
        treated=np.array([row["variant"] == "1" for row in rows]),
        covariates=np.empty((len(rows), 0)),
    )

    found = estimate_panel(subjects)
    course = course_of(found)

    assert course.times == ("all",)
    assert course.observed - course.high == pytest.approx(found.figure.low)
    assert course.observed - course.low == pytest.approx(found.figure.high)


@pytest.mark.parametrize("effect", [0.0, 1.2, 1.6, 2.0, 2.4])
def test_a_share_read_over_time_agrees_with_its_p_value(effect: float) -> None:
    found = estimate_panel(beside_few(effect, level=20.0), is_relative=True)

    assert found.own is not None
    assert (found.p_value <= 0.05) == (not found.figure.low <= 0 <= found.figure.high)
    assert found.figure.low < found.figure.point < found.figure.high


def beside_few(effect: float, level: float = 0.0) -> PanelTable:
    random = np.random.default_rng(5)
    units, times = 6, 44
    outcome = level + random.normal(size=(units, times)) + np.linspace(0, 3, times)
    outcome[0, 40:] += effect
    treated = np.zeros((units, times), bool)
    treated[0, 40:] = True
    return PanelTable(
        unit=[f"u{unit}" for unit in range(units) for _ in range(times)],
        time=[str(time) for _ in range(units) for time in range(times)],
        outcome=outcome.ravel(),
        treated=treated.ravel(),
        covariates=np.empty((units * times, 0)),
    )


def test_few_donors_show_intervals_of_their_own() -> None:
    found = estimate_panel(beside_few(6.0))
    course = course_of(found)

    assert found.own is not None
    shown = course.observed[40:] - course.high[40:]
    assert shown == pytest.approx([each.low for _, each, _ in found.own.by_time])
