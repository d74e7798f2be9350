"""Pretended trials see what the formula says where it holds, and more noise where there is more."""

from datetime import date

import numpy as np
import pytest

from aivalue.baselines.readiness.power import Plan, power_of
from aivalue.baselines.readiness.weekly import Floats, Weeks

# 2,000 draws put the Monte Carlo error of the critical value near 3 %.
ALIKE = 0.12


def weeks(level: Floats) -> Weeks:
    names = tuple(f"u{unit:03}" for unit in range(level.shape[0]))
    return Weeks(units=names, start=date(2023, 1, 2), top=level, bottom=np.ones_like(level))


def level(*, n_units: int = 10, n_weeks: int = 104, spread: float = 2.0) -> Floats:
    rng = np.random.default_rng(3)
    return np.asarray(20 + spread * rng.standard_normal((n_units, n_weeks)))


@pytest.mark.parametrize("scale", ["additive", "proportional"])
@pytest.mark.parametrize("better_when", ["lower", "higher"])
def test_where_the_formula_holds_both_agree(scale: str, better_when: str) -> None:
    plan = Plan(n_treated=3, n_weeks=26, target=0.05, better_when=better_when, scale=scale)  # type: ignore[arg-type]

    power = power_of(weeks(level()), plan)

    assert power.method == "simulation"
    assert power.detectable == pytest.approx(power.formula, rel=ALIKE)


def test_the_same_history_gives_the_same_figure() -> None:
    plan = Plan(n_treated=3, n_weeks=26, target=0.05, better_when="lower")

    assert power_of(weeks(level()), plan) == power_of(weeks(level()), plan)


def test_units_that_differ_in_noise_cost_power() -> None:
    # One unit in ten is fifteen times as noisy: chance may pick it, which a pooled s hides.
    noisy = level()
    noisy[0] = 20 + 30 * np.random.default_rng(5).standard_normal(noisy.shape[1])
    plan = Plan(n_treated=1, n_weeks=26, target=0.05, better_when="lower")

    power = power_of(weeks(noisy), plan)

    assert power.detectable != pytest.approx(power.formula, rel=ALIKE)


def test_units_that_often_show_nothing_fall_back_to_the_formula() -> None:
    rare = (np.random.default_rng(3).random((10, 52)) < 0.01).astype(float)
    plan = Plan(n_treated=1, n_weeks=8, target=0.5, better_when="lower", scale="proportional")

    power = power_of(weeks(rare), plan)

    assert power.method == "formula"
    assert power.detectable == power.formula


def test_more_weeks_are_needed_where_the_trial_sees_too_little() -> None:
    plan = Plan(n_treated=3, n_weeks=4, target=0.05, better_when="lower")

    power = power_of(weeks(level()), plan)

    assert power.detectable > 0.05
    assert power.weeks_needed is not None
    assert power.weeks_needed > 4
