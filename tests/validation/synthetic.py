"""D6: synthetic controls of states drawn at random, alone, several, in waves, and beside few.

Peers: R is synthdid's own simulation with the same wages, diff-diff is 3.13.
"""

from functools import cache, partial

import numpy as np

from aivalue.effects.estimators.augmented_synthetic_control import augmented_synthetic_control
from aivalue.effects.estimators.staggered_synthetic import (
    staggered_effect,
    staggered_synthetic_difference,
)
from aivalue.effects.estimators.synthetic_control import synthetic_control
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.estimators.synthetic_effect import (
    ControlName,
    synthetic_control_effect,
    synthetic_difference_effect,
)
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.conformal import allowing_for_drift, conformal
from tests.unit.effects.reference import table
from tests.validation.cell import Cell, Reading, reading_of
from tests.validation.worlds import PERIODS, autoregressive

N_YEARS_BEFORE = 30
WAVES = (26, 29, 32)


def _drawn(n_treated: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the wages of states that pass for treated, and of the others."""
    values = _state_wages()
    order = rng.permutation(len(values))
    return values[order[:n_treated]], values[order[n_treated:]]


def _difference(n_treated: int, rng: np.random.Generator) -> Reading:
    treated, donors = _drawn(n_treated, rng)
    found = synthetic_difference_in_differences(treated, donors, N_YEARS_BEFORE)
    after = treated[:, N_YEARS_BEFORE:].mean(axis=0)
    periods = PERIODS[: len(after)]
    effect = synthetic_difference_effect(found, after, np.ones(len(after)), periods=periods)
    return reading_of(effect, 0.0)


def _in_waves(rng: np.random.Generator) -> Reading:
    treated, donors = _drawn(len(WAVES), rng)
    found = staggered_synthetic_difference(treated, np.array(WAVES), donors)
    after = treated[:, WAVES[0] :].mean(axis=0)
    return reading_of(staggered_effect(found, after, periods=PERIODS[: len(after)]), 0.0)


def _control(method: ControlName, rng: np.random.Generator) -> Reading:
    (treated,), donors = _drawn(1, rng)
    found = (
        augmented_synthetic_control(treated, donors, N_YEARS_BEFORE).corrected
        if method == "augmented_synthetic_control"
        else synthetic_control(treated, donors, N_YEARS_BEFORE)
    )
    after = treated[N_YEARS_BEFORE:]
    periods = PERIODS[: len(after)]
    effect = synthetic_control_effect(
        found, after, np.ones(len(after)), periods=periods, name=method
    )
    return reading_of(effect, 0.0)


def _over_time(n_donors: int, rng: np.random.Generator) -> Reading:
    """Read one state beside so few that placebos in space could not reject anything."""
    (treated,), donors = _drawn(1, rng)
    with_ai = (np.arange(len(treated)) >= N_YEARS_BEFORE).astype(np.float64)
    return _by_shifts(treated, donors[:n_donors], with_ai, 0.0)


def _by_shifts(treated: Floats, donors: Floats, with_ai: Floats, truth: float) -> Reading:
    found = conformal(treated, donors, with_ai, free="level")
    found = allowing_for_drift(found, treated, donors, with_ai, confidence=0.95)
    low, high = found.interval(0.95)
    return Reading(low=low, high=high, truth=truth)


def _remembered(n_donors: int, rng: np.random.Generator) -> Reading:
    """Read one unit with an effect of its noise's deviation; noise remembers by .6."""
    n, n_before = 46, 40
    factor = rng.normal(size=n).cumsum() / 2
    loading = rng.uniform(0.5, 1.5, size=(n_donors + 1, 1))
    outcome = loading * factor + autoregressive(rng, 0.6, (n_donors + 1, n))
    with_ai = (np.arange(n) >= n_before).astype(np.float64)
    return _by_shifts(outcome[0] + with_ai, outcome[1:], with_ai, 1.0)


@cache
def _state_wages() -> Floats:
    rows = table("cps_states.csv")
    states, years = sorted({row["state"] for row in rows}), sorted({row["year"] for row in rows})
    values = np.empty((len(states), len(years)))
    for row in rows:
        values[states.index(row["state"]), years.index(row["year"])] = float(row["log_wage"])
    return values


SYNTHETIC: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D6 {n_treated} of 50 states, synthetic difference",
            method="synthetic_difference_in_differences",
            peers=peers,
            draw=partial(_difference, n_treated),
        )
        for n_treated, peers in (
            (1, "diff-diff 93.8; R placebo 93.7, jackknife 93.2"),
            (5, "diff-diff 95.0; R bootstrap 93.8"),
        )
    ),
    Cell(
        name=f"D6 {len(WAVES)} of 50 states in waves, synthetic difference",
        method="synthetic_difference_in_differences",
        draw=_in_waves,
    ),
    Cell(
        name="D6 1 of 50 states, synthetic control",
        method="synthetic_control",
        draw=partial(_control, "synthetic_control"),
    ),
    Cell(
        name="D6 1 of 50 states, augmented synthetic control",
        method="augmented_synthetic_control",
        draw=partial(_control, "augmented_synthetic_control"),
    ),
    *(
        Cell(
            name=f"D6 1 of {n_donors + 1} states, by shifts of time",
            method="conformal_synthetic_control",
            draw=partial(_over_time, n_donors),
        )
        for n_donors in (5, 8)
    ),
    Cell(
        name="D6 1 of 7 units, correlation 0.6, an effect, by shifts of time",
        method="conformal_synthetic_control",
        draw=partial(_remembered, 6),
    ),
)
