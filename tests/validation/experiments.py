"""D7 to D9 and D13: experiments read daily, as ratios, with what was known before, by turns."""

from functools import cache, partial
from typing import Literal

import numpy as np

from aivalue.effects.arms.arm import Measure, arm_of
from aivalue.effects.arms.comparison import difference
from aivalue.effects.estimators.cuped import cuped_levels, plain_levels
from aivalue.effects.estimators.switchback import switchback
from aivalue.effects.panel import Floats
from aivalue.effects.sequential.always_valid import ratio_test_margin
from aivalue.effects.sequential.asymptotic_sequence import anytime_margin
from aivalue.effects.sequential.group_sequential import obrien_fleming
from aivalue.effects.sequential.monitoring import monitored
from aivalue.effects.vector import Vector, effect_of
from tests.validation.cell import Cell, Reading, reading_of
from tests.validation.worlds import PERIODS, panel_noise

Rule = Literal["sequence", "ratio_test", "obrien_fleming"]
N_LOOKS, N_PER_LOOK = 30, 200
N_SWITCHING, N_BLOCKS, PER_BLOCK, TURN_EFFECT = 6, 20, 6, 0.5
PRIOR_SCALE = 0.1  # Of the ratio test: effects one expects, in standard deviations.


def _peeking(rule: Rule, outcomes: str, rng: np.random.Generator) -> Reading:
    n = N_PER_LOOK * np.arange(1.0, N_LOOKS + 1)
    shape = (2, N_LOOKS * N_PER_LOOK)
    normal = outcomes == "normal"
    arms = rng.standard_normal(shape) if normal else rng.lognormal(0.0, 1.0, shape)
    at = n.astype(int) - 1
    sums, squares = (np.cumsum(values, axis=1)[:, at] for values in (arms, arms**2))
    variance = ((squares - sums**2 / n) / (n - 1)).sum(axis=0)
    error = np.sqrt(variance / n)
    point = (sums[0] - sums[1]) / n
    margin = _margin(rule, error, n, float(np.sqrt(variance[-1] / 2)))
    # The look at which zero is farthest outside stands for all thirty.
    worst = int(np.argmax(np.abs(point) / margin))
    low, high = point[worst] - margin[worst], point[worst] + margin[worst]
    return Reading(low=float(low), high=float(high), truth=0.0)


def _margin(rule: Rule, error: Floats, n: Floats, deviation: float) -> Floats:
    if rule == "sequence":
        return anytime_margin(error, 2 * n, n_best=float(2 * n[-1]))
    if rule == "ratio_test":
        return ratio_test_margin(error, prior_scale=PRIOR_SCALE * deviation)
    return _boundaries() * error


@cache
def _boundaries() -> Floats:
    return obrien_fleming(N_LOOKS)


def _as_read(n_planned: float | None, rng: np.random.Generator) -> Reading:
    """Read an experiment daily as the service does: whole intervals, however many subjects yet."""
    n = N_PER_LOOK * np.arange(1, N_LOOKS + 1)
    arms = rng.lognormal(0.0, 1.0, (2, N_LOOKS * N_PER_LOOK))
    sums, squares = (np.cumsum(values, axis=1)[:, n - 1] for values in (arms, arms**2))
    variance = ((squares - sums**2 / n) / (n - 1)).sum(axis=0) / n
    worst = Reading(low=-np.inf, high=np.inf, truth=0.0)
    for look, size in enumerate(n):
        effect = effect_of(
            Vector(
                periods=PERIODS[:1],
                point=(sums[:1, look] - sums[1:, look]) / size,
                covariance=variance[look].reshape(1, 1),
                volume=np.ones(1),
                observed=sums[:1, look] / size,
                degrees_of_freedom=float(2 * size - 2),
            ),
            confidence=0.95,
            n_treated=int(size),
            n_control=int(size),
            design="randomized",
            scale="additive",
            estimator=("difference_in_means", "2"),
        )
        shown = monitored(effect, n_planned=n_planned).anytime
        if not shown.low <= 0.0 <= shown.high:
            return Reading(low=shown.low, high=shown.high, truth=0.0)
        worst = Reading(low=shown.low, high=shown.high, truth=0.0)
    return worst


def _ratio(rng: np.random.Generator) -> Reading:
    def arm() -> Floats:
        sessions = 1.0 + rng.poisson(5, 400)
        orders = rng.poisson(0.2 * sessions * rng.gamma(4, 0.25, 400))
        return np.column_stack([orders.astype(float), sessions])

    measure = Measure(numerator=0, denominator=1)
    found = difference(*plain_levels(arm_of(arm()), arm_of(arm()), measure))
    return Reading(low=float(found.low), high=float(found.high), truth=0.0)


def _cuped(rng: np.random.Generator) -> Reading:
    def arm(shift: float) -> Floats:
        past = rng.normal(size=300)
        return np.column_stack([0.7 * past + 0.51**0.5 * rng.normal(size=300) + shift, past])

    levels = cuped_levels(
        arm_of(arm(0.1)), arm_of(arm(0.0)), Measure(numerator=0), Measure(numerator=1)
    )
    found = difference(*levels)
    width = 2 * 1.959964 * (2 * 0.51 / 300) ** 0.5
    return Reading(low=float(found.low), high=float(found.high), truth=0.1, oracle_width=width)


def _by_turns(correlation: float, rng: np.random.Generator) -> Reading:
    """Read six units that draw their arm anew every six periods, and feel the last one for one."""
    blocks = rng.random((N_SWITCHING, N_BLOCKS)) < 1 / 2
    treated = np.repeat(blocks, PER_BLOCK, axis=1)
    effect = TURN_EFFECT * treated
    carried = np.diff(treated, axis=1, prepend=treated[:, :1])
    effect[carried] = TURN_EFFECT - effect[carried]  # The first period still feels the other arm.
    y = panel_noise(rng, correlation, treated.shape) + effect
    return reading_of(switchback(y, treated, period=PERIODS[0]), TURN_EFFECT)


_ALWAYS = "holds at every look for ever, not at thirty"

_RULES: tuple[tuple[Rule, str, str], ...] = (
    ("sequence", "confidence sequence", "anytime_margin"),
    ("ratio_test", "ratio test", "ratio_test_margin"),
    ("obrien_fleming", "O'Brien-Fleming", "obrien_fleming"),
)

EXPERIMENTS: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D7 thirty daily looks, {label}, {outcomes}",
            method=method,
            peers="fixed z 72.1" if outcomes == "normal" else "fixed z 72.7",
            draw=partial(_peeking, rule, outcomes),
            promise="exact" if rule == "obrien_fleming" else "conservative",
            reason="" if rule == "obrien_fleming" else _ALWAYS,
        )
        for rule, label, method in _RULES
        for outcomes in ("normal", "lognormal")
    ),
    *(
        Cell(
            name=f"D7 thirty daily looks as the service reads them, {label}",
            method="monitored",
            peers="fixed z 72.7",
            draw=partial(_as_read, n_planned),
            promise="conservative",
            reason=_ALWAYS,
        )
        for label, n_planned in (
            ("size registered", 2.0 * N_LOOKS * N_PER_LOOK),
            ("a tenth of the size registered", 0.2 * N_LOOKS * N_PER_LOOK),
            ("no size registered", None),
        )
    ),
    Cell(name="D8 ratio, users randomized", method="plain_levels", peers="iid z 86.9", draw=_ratio),
    Cell(name="D9 CUPED, correlation .7", method="cuped_levels", peers="95.7", draw=_cuped),
    *(
        Cell(
            name=f"D13 switchback of 6 units, correlation {correlation}",
            method="switchback",
            draw=partial(_by_turns, correlation),
        )
        for correlation in (0.0, 0.6)
    ),
)
