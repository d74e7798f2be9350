"""The situations D1 to D10 in which intervals are put to the test, with what peers reach there.

Peers' figures are coverage in percent as measured once beside ours (bsts: bsts-causalimpact 1.7,
pyci: pycausalimpact, CS and BJS: diff-diff 3.13 with analytic standard errors).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from aivalue.effects.arm import Measure, arm_of
from aivalue.effects.comparison import difference
from aivalue.effects.effect import Effect
from aivalue.effects.estimators.before_after import before_after
from aivalue.effects.estimators.cuped import cuped_levels, plain_levels
from aivalue.effects.estimators.difference_in_differences import difference_in_differences
from aivalue.effects.estimators.interrupted_time_series import (
    Interrupted,
    interrupted_time_series,
)
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.functional import average
from aivalue.effects.group_sequential import obrien_fleming
from aivalue.effects.panel import Floats
from aivalue.effects.sequential import anytime_margin
from aivalue.effects.student_t import t_quantile
from tests.unit.effects.reference import table
from tests.validation.worlds import (
    NEVER,
    PERIODS,
    Reading,
    autoregressive,
    correlation_matrix,
    oracle_width,
    panel_noise,
    rollout_of,
    weekly,
)

Draw = Callable[[np.random.Generator], Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One situation.

    Attributes
    ----------
    declared : "exact" or "conservative"
        Conservative cells may cover more than 97 %, by design.
    floor : float
        Coverage below which the study fails.
    """

    name: str
    method: str
    peers: str
    draw: Draw
    declared: str = "exact"
    floor: float = 0.93


def _read(effect: Effect, truth: float, width: float | None = None) -> Reading:
    figure = average(effect)
    return Reading(low=figure.low, high=figure.high, truth=truth, oracle_width=width)


def _single_series(correlation: float, has_shape: bool, rng: np.random.Generator) -> Reading:  # noqa: FBT001 - bound by partial
    series, regressors = weekly(rng, correlation, has_shape=has_shape)
    weights = np.zeros(regressors.shape[1])
    weights[:6] = series.volume / series.volume.sum()
    width = oracle_width(regressors, correlation_matrix(correlation, 130), weights)
    return _read(before_after(series), 0.0, width)


def _with_control(kind: str, rng: np.random.Generator) -> Reading:
    n, n_before = 100, 70
    day = np.arange(n)
    control = 100 + rng.normal(size=n).cumsum()
    correlation = float(kind) if kind[0].isdigit() else 0.0
    noise = autoregressive(rng, correlation, (1, n))[0]
    covariance = correlation_matrix(correlation, n)
    if kind == "wandering":
        noise += 0.1 * rng.normal(size=n).cumsum()
        covariance = np.eye(n) + 0.01 * (1 + np.minimum.outer(day, day))
    if kind == "weekly":
        noise += 2 * np.sin(2 * np.pi * day / 7)
    is_after = (day >= n_before).astype(float)
    series = Interrupted(
        periods=PERIODS[:1],
        outcome=1.2 * control + noise,
        position=day.astype(float),
        with_ai=is_after[:, None],
        controls=control[:, None],
        volume=np.ones(1),
        cycles=(7.0,),
    )
    weekday = np.eye(7)[day % 7]
    regressors = np.column_stack([is_after, control - control.mean(), weekday])
    width = oracle_width(regressors, covariance, np.eye(regressors.shape[1])[0])
    return _read(interrupted_time_series(series), 0.0, width)


def _block(n_treated: int, correlation: float, rng: np.random.Generator) -> Reading:
    start = np.array([10] * n_treated + [NEVER] * (40 - n_treated))
    y = panel_noise(rng, correlation, (40, 20))
    return _read(difference_in_differences(rollout_of(y, start), scale="additive"), 0.0)


def _staggered(starts: tuple[int, ...], rng: np.random.Generator) -> Reading:
    start = np.array([*starts, *[NEVER] * (40 - len(starts))])
    y = panel_noise(rng, 0.4, (40, 20))
    return _read(difference_in_differences(rollout_of(y, start), scale="additive"), 0.0)


def _growing_effects(rng: np.random.Generator) -> Reading:
    start = rng.permutation(np.repeat([4, 6, 8, NEVER], 50))
    since = np.arange(12) - start[:, None]
    effect = np.where(since >= 0, (1 + since) * np.where(start == 4, 1.0, 0.5)[:, None], 0.0)
    y = panel_noise(rng, 0.0, (200, 12)) + effect
    truth = float(effect[since >= 0].mean())
    return _read(difference_in_differences(rollout_of(y, start), scale="additive"), truth)


def _states(n_treated: int, rng: np.random.Generator) -> Reading:
    values = _state_wages()
    order = rng.permutation(len(values))
    treated, donors = values[order[:n_treated]], values[order[n_treated:]]
    found = synthetic_difference_in_differences(treated, donors, 30)
    error = float(found.covariance().mean() ** 0.5)
    margin = t_quantile(0.975, len(donors) - 1) * error
    return Reading(low=found.average - margin, high=found.average + margin, truth=0.0)


def _state_wages() -> Floats:
    rows = table("cps_states.csv")
    states, years = sorted({row["state"] for row in rows}), sorted({row["year"] for row in rows})
    values = np.empty((len(states), len(years)))
    for row in rows:
        values[states.index(row["state"]), years.index(row["year"])] = float(row["log_wage"])
    return values


def _peeking(rng: np.random.Generator, *, is_anytime: bool) -> Reading:
    n = 200 * np.arange(1.0, 31.0)
    arms = rng.standard_normal((2, 6_000))
    sums, squares = (np.cumsum(v, axis=1)[:, n.astype(int) - 1] for v in (arms, arms**2))
    error = np.sqrt(((squares - sums**2 / n) / (n - 1) / n).sum(axis=0))
    point = (sums[0] - sums[1]) / n
    if is_anytime:
        margin = anytime_margin(error, 2 * n, n_best=float(2 * n[-1]))
    else:
        margin = _BOUNDARIES * error
    # The look at which zero is farthest outside stands for all thirty.
    worst = int(np.argmax(np.abs(point) / margin))
    low, high = point[worst] - margin[worst], point[worst] + margin[worst]
    return Reading(low=float(low), high=float(high), truth=0.0)


_BOUNDARIES = obrien_fleming(30)


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


def _worst_quarter(rng: np.random.Generator) -> Reading:
    y = 0.5 * rng.normal(size=(60, 1)) + autoregressive(rng, 0.3, (60, 30))
    worst = np.argsort(y[:, 21:24].mean(axis=1))[:10]
    start = np.full(60, NEVER)
    start[worst] = 24
    rollout = rollout_of(y, start)
    # As the service does: the three months before go-live are left out.
    x = rollout.x_untreated.copy()
    x[worst, 21:24] = 0.0
    left_out = type(rollout)(
        periods=rollout.periods,
        units=rollout.units,
        y_untreated=np.where(x > 0, rollout.y_untreated, 0.0),
        x_untreated=x,
        y_treated=rollout.y_treated,
        x_treated=rollout.x_treated,
    )
    return _read(difference_in_differences(left_out, scale="additive"), 0.0)


CELLS: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D1 one weekly series, correlation {correlation}"
            + (", trend and season" if has_shape else ""),
            method="before_after",
            peers=peers,
            draw=partial(_single_series, correlation, has_shape),
        )
        for correlation, has_shape, peers in (
            (0.0, False, "before/after 93, OLS 95"),
            (0.4, False, "before/after 79, OLS 80"),
            (0.7, False, "before/after 55, OLS 57, Newey-West 74"),
            (0.9, False, "before/after 33, OLS 33, Newey-West 52"),
            (0.0, True, "before/after 34"),
            (0.7, True, "before/after 27"),
            (0.9, True, "before/after 25"),
        )
    ),
    *(
        Cell(
            name=f"D2 series with a control, {label}",
            method="interrupted_time_series",
            peers=peers,
            draw=partial(_with_control, kind),
            floor=floor,
        )
        for kind, label, peers, floor in (
            ("0.0", "correlation 0", "bsts 95.8, pyci 90", 0.93),
            ("0.5", "correlation 0.5", "bsts 79.8, pyci 70", 0.93),
            ("0.8", "correlation 0.8", "bsts 61.4, pyci 51", 0.93),
            ("weekly", "weekly season", "bsts 99.8, pyci 99", 0.93),
            # One short series cannot tell a slow walk from none: stated, not hidden.
            ("wandering", "slow random walk", "bsts 70.4, pyci 62", 0.75),
        )
    ),
    *(
        Cell(
            name=f"D3 {n_treated} of 40 units treated, correlation {correlation}",
            method="difference_in_differences",
            peers=peers,
            draw=partial(_block, n_treated, correlation),
        )
        for n_treated, correlation, peers in (
            (1, 0.0, "CR1 24"),
            (1, 0.6, "CR1 24, iid OLS 72"),
            (2, 0.6, "CR1 68, iid OLS 72"),
            (5, 0.6, "CR1 90, iid OLS 72"),
            (20, 0.6, "CR1 95, iid OLS 72"),
        )
    ),
    Cell(
        name="D4 200 units in waves, effects that grow",
        method="difference_in_differences",
        peers="two-way fixed effects 0, BJS 95.5",
        draw=_growing_effects,
    ),
    *(
        Cell(
            name=f"D5 {len(starts)} of 40 units treated in waves",
            method="difference_in_differences",
            peers=peers,
            draw=partial(_staggered, starts),
        )
        for starts, peers in (
            ((8, 12), "CS 67, BJS 50"),
            ((8, 11, 14), "CS 75, BJS 67"),
            ((8, 10, 12, 14, 16), "CS 86, BJS 82"),
            ((8, 8, 10, 10, 12, 12, 14, 14, 16, 16), "CS 90, BJS 88"),
        )
    ),
    *(
        Cell(
            name=f"D6 {n_treated} of 50 states, synthetic difference",
            method="synthetic_difference_in_differences",
            peers=peers,
            draw=partial(_states, n_treated),
            floor=0.91,
        )
        for n_treated, peers in ((1, "diff-diff 93.8"), (5, "diff-diff 95.0"))
    ),
    Cell(
        name="D7 thirty daily looks, confidence sequence",
        method="anytime_margin",
        peers="fixed z 72.1",
        draw=partial(_peeking, is_anytime=True),
        declared="conservative",
    ),
    Cell(
        name="D7 thirty daily looks, O'Brien-Fleming",
        method="obrien_fleming",
        peers="fixed z 72.1",
        draw=partial(_peeking, is_anytime=False),
    ),
    Cell(name="D8 ratio, users randomized", method="plain_levels", peers="iid z 86.9", draw=_ratio),
    Cell(name="D9 CUPED, correlation .7", method="cuped_levels", peers="95.7", draw=_cuped),
    Cell(
        name="D10 AI sent to the 10 worst of 60",
        method="difference_in_differences, donut",
        peers="bias: before/after +.64 SD, DiD on 3 months +1.25 SD",
        draw=_worst_quarter,
    ),
)
