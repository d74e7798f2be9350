"""Which of a series' two readings is published, and that everybody then reads the same one."""

from dataclasses import replace

import numpy as np
import pytest

from aivalue.effects.checks.wandering_level import wandering_level
from aivalue.effects.error_models.wandering import VERY_STRONG, Levels
from aivalue.effects.estimators import before_after as weeks
from aivalue.effects.estimators.before_after import before_after
from aivalue.effects.estimators.interrupted_time_series import (
    Errors,
    Interrupted,
    interrupted_time_series,
    levels,
)
from aivalue.effects.functional import average, lower_bound, total
from tests.unit.effects.error_models.test_error_models import remembering, series
from tests.unit.effects.estimators.test_before_after import weekly_of

ERRORS: tuple[Errors, ...] = ("averaged", "bootstrap", "local_level")


def walking(seed: int, step: float = 0.3, effect: float = 0.0) -> Interrupted:
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=100) + step * rng.normal(size=100).cumsum()
    return series(outcome + effect * (np.arange(100) >= 75))


def test_a_level_that_walks_is_left_open_and_one_that_remembers_stands() -> None:
    rng = np.random.default_rng(1)
    walks = [levels(walking(seed)).is_open for seed in range(40)]
    remembers = [levels(series(remembering(rng, 0.5))).is_open for _ in range(40)]

    assert np.mean(walks) >= 0.8
    assert np.mean(remembers) <= 0.2


@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_published_contains_the_narrower_reading(errors: Errors, seed: int) -> None:
    found = levels(walking(seed, step=0.05 * seed), errors=errors)

    # Beyond that, only the walk is left: a reading that takes the level to stand says nothing.
    found = replace(found, odds=min(found.odds, VERY_STRONG))

    published, narrower = average(found.published), average(found.stands)
    assert published.low <= narrower.low + 1e-9
    assert narrower.high <= published.high + 1e-9
    if found.is_open:
        assert average(found.wanders).point == published.point


def test_an_effect_moves_the_interval_and_nothing_else() -> None:
    # A rule that looked at the claim would widen some effects and not others.
    without = average(interrupted_time_series(walking(3)))
    with_effect = average(interrupted_time_series(walking(3, effect=2.0)))

    assert with_effect.low == pytest.approx(without.low + 2.0)
    assert with_effect.high == pytest.approx(without.high + 2.0)


def test_money_is_read_from_the_published_interval() -> None:
    rng = np.random.default_rng(5)
    level = rng.normal(size=130) + 0.3 * rng.normal(size=130).cumsum()
    weekly = weekly_of(level)
    found = weeks.levels(weekly)
    effect = before_after(weekly)

    assert found.is_open
    assert effect == found.published
    assert effect.estimator == "before_after"
    assert total(effect).standard_error > total(found.stands).standard_error
    assert lower_bound(effect, effect.volume) < lower_bound(found.wanders, effect.volume) + 1e-9


def test_what_decides_is_how_likely_a_walk_is_beside_the_rest() -> None:
    found = levels(walking(2))
    stands = replace(found, odds=0.99)
    wanders = replace(found, odds=1.01)

    assert stands.published == found.stands
    assert wanders.published != found.stands


@pytest.mark.parametrize("odds", [151.0, 1e9])
def test_a_walk_beyond_doubt_is_not_stretched_to_a_level_that_stands(odds: float) -> None:
    found = replace(levels(walking(4, step=0.6)), odds=odds)

    published, walk = average(found.published), average(found.wanders)

    # 1.1 makes up for the walks that an average over speeds covers less.
    assert published.high - published.low == pytest.approx(1.1 * (walk.high - walk.low))


@pytest.mark.parametrize(
    ("odds", "is_open"), [(0.5, False), (1.01, False), (9.9, False), (10.1, True)]
)
def test_who_answers_for_a_steady_level_moves_the_burden_of_proof(
    odds: float, *, is_open: bool
) -> None:
    found = replace(levels(walking(2), steady_by="A. Turing"), odds=odds)

    check = wandering_level(found)

    assert found.is_open is is_open
    assert (found.published == found.stands) is not is_open
    assert "A. Turing answers for a level that stands" in check.detail
    if is_open:
        assert check.status == "failed"
        assert "speaks strongly" in check.detail


def test_the_picture_rests_on_the_reading_that_was_decided_for_the_estimate() -> None:
    # With each time for itself the same series may look otherwise; there is one decision.
    apart = levels(walking(3))
    decided = replace(apart, odds=2.0)

    assert apart.as_decided_for(replace(decided, odds=0.9)) == apart.stands
    assert replace(apart, odds=0.1).as_decided_for(decided) == decided.published


@pytest.mark.parametrize(
    ("odds", "said"),
    [
        (3.0, "may wander (3 times as likely as that it stands)"),
        (0.25, "stands is 4 times as likely"),
        (0.0, "stands is 1e+06 times as likely"),
    ],
)
def test_the_check_says_which_interval_is_published(odds: float, said: str) -> None:
    found: Levels = replace(levels(walking(2)), odds=odds)

    check = wandering_level(found)

    assert said in check.detail
    assert check.power
