"""D18: treated units that vary more, or less, than the others; D19: levels that walk at random.

Permutation and placebo intervals of equal scatter cover 67 to 70 % of the first at twice.
"""

from functools import partial

import numpy as np

from aivalue.effects.estimators.staggered_synthetic import (
    staggered_effect,
    staggered_synthetic_difference,
)
from aivalue.effects.estimators.synthetic_control import synthetic_control
from aivalue.effects.estimators.synthetic_effect import synthetic_control_effect
from aivalue.effects.panel import Floats
from tests.validation.cell import Cell, Reading, reading_of
from tests.validation.rollouts import ESTIMATORS
from tests.validation.worlds import NEVER, PERIODS, autoregressive, panel_noise

N_UNITS = 40
CORRELATION = 0.4
STEP = 0.3
_STARTS: dict[int, tuple[int, ...]] = {
    1: (10,),
    3: (8, 11, 14),
    10: (8, 8, 10, 10, 12, 12, 14, 14, 16, 16),
}
_LONGER = 10  # Periods more before, which a mix of donors needs.


def _noise(rng: np.random.Generator, n_treated: int, times: float, n_periods: int) -> Floats:
    """Draw units about levels of their own, moved together by every period."""
    own = autoregressive(rng, CORRELATION, (N_UNITS, n_periods))
    own[:n_treated] *= times
    return own + rng.normal(size=(N_UNITS, 1)) + rng.normal(size=n_periods)


def _rollout(estimator: str, n_treated: int, times: float, rng: np.random.Generator) -> Reading:
    starts = _STARTS[n_treated]
    start = np.array([*starts, *[NEVER] * (N_UNITS - n_treated)])
    return reading_of(ESTIMATORS[estimator](_noise(rng, n_treated, times, 20), start), 0.0)


def _mix(n_treated: int, times: float, rng: np.random.Generator) -> Reading:
    y = _noise(rng, n_treated, times, 20 + _LONGER)
    start = np.array(_STARTS[n_treated]) + _LONGER
    found = staggered_synthetic_difference(y[:n_treated], start, y[n_treated:])
    after = y[:n_treated, start.min() :].mean(axis=0)
    return reading_of(staggered_effect(found, after, periods=PERIODS[: len(after)]), 0.0)


def _control(times: float, rng: np.random.Generator) -> Reading:
    y = _noise(rng, 1, times, 20 + _LONGER)
    found = synthetic_control(y[0], y[1:], 10 + _LONGER)
    after = y[0, 10 + _LONGER :]
    effect = synthetic_control_effect(
        found, after, np.ones(len(after)), periods=PERIODS[: len(after)]
    )
    return reading_of(effect, 0.0)


def _walk(n_units: int, starts: tuple[int, ...], rng: np.random.Generator) -> Reading:
    start = np.array([*starts, *[NEVER] * (n_units - len(starts))])
    y = STEP * rng.normal(size=(n_units, 20)).cumsum(axis=1)
    return reading_of(ESTIMATORS["difference_in_differences"](y, start), 0.0)


def _remembered(
    n_units: int, starts: tuple[int, ...], correlation: float, rng: np.random.Generator
) -> Reading:
    start = np.array([*starts, *[NEVER] * (n_units - len(starts))])
    y = panel_noise(rng, correlation, (n_units, 20))
    return reading_of(ESTIMATORS["difference_in_differences"](y, start), 0.0)


def _vary(n_treated: int, times: float) -> str:
    waves = "" if n_treated == 1 else " in waves"
    return f"D18 {n_treated} of {N_UNITS} units{waves}, treated vary {times:g} times as much"


_MORE = "how much more is not known, and is allowed for up to four times"
_LESS = "what varies less is read with its donors' scatter"

SCATTER: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"{_vary(n_treated, times)}: difference_in_differences",
            method="difference_in_differences",
            draw=partial(_rollout, "difference_in_differences", n_treated, times),
        )
        for n_treated in _STARTS
        for times in (2.0, 0.5)
    ),
    Cell(
        name=f"{_vary(10, 2.0)}: imputation",
        method="imputation",
        draw=partial(_rollout, "imputation", 10, 2.0),
    ),
    *(
        Cell(
            name=f"{_vary(n_treated, times)}: synthetic difference",
            method="synthetic_difference_in_differences",
            draw=partial(_mix, n_treated, times),
            promise="conservative",
            reason=_MORE if times > 1 else _LESS,
        )
        for n_treated, times in ((1, 2.0), (1, 0.5), (3, 2.0), (3, 0.5), (10, 2.0))
    ),
    Cell(
        name=f"{_vary(1, 2.0)}: synthetic control",
        method="synthetic_control",
        draw=partial(_control, 2.0),
        promise="conservative",
        reason=_MORE,
    ),
    *(
        Cell(
            name=f"D19 {len(starts)} of {n_units} units{waves}, a level that walks at random",
            method="difference_in_differences",
            draw=partial(_walk, n_units, starts),
        )
        for n_units, starts, waves in (
            (40, (10,) * 10, ""),
            (40, _STARTS[10], " in waves"),
        )
    ),
    *(
        Cell(
            name=f"D19 {len(starts)} of {n_units} units{waves}, correlation 0.98",
            method="difference_in_differences",
            draw=partial(_remembered, n_units, starts, 0.98),
        )
        for n_units, starts, waves in ((10, (10,) * 3, ""), (40, _STARTS[10], " in waves"))
    ),
)
