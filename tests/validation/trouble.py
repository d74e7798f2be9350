"""D12: what goes wrong in real data. Nothing may crash, and what is not covered must be flagged.

Read through the front door, with its choice, its rivals and its checks. A cell is guarded: an
estimate misses only if it neither covers the truth nor lost its grade to a failed check.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from aivalue.effects.estimators.before_after import before_after
from aivalue.effects.front_door.estimate_panel import estimate_panel
from aivalue.effects.front_door.table import PanelTable
from aivalue.effects.panel import Floats, Integers
from aivalue.errors import NotEstimable
from tests.validation.cell import Cell, Reading, reading_of
from tests.validation.worlds import NEVER, panel_noise, weekly

EFFECT = 1.0
WAVES = (8, 8, 10, 10, 12, 12, 14, 14, 16, 16)
N_UNITS, N_PERIODS = 40, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A panel with its truth: outcome is NaN where nothing arrived, start NEVER without AI."""

    outcome: Floats
    start: Integers
    truth: float


def _rollout(rng: np.random.Generator) -> tuple[Floats, Integers, Floats]:
    """Return a sound panel, its starts and its treated cells."""
    start = np.array([*WAVES, *[NEVER] * (N_UNITS - len(WAVES))])
    treated = (np.arange(N_PERIODS) >= start[:, None]).astype(float)
    return panel_noise(rng, 0.4, (N_UNITS, N_PERIODS)), start, treated


def _missing(rng: np.random.Generator) -> World:
    y, start, treated = _rollout(rng)
    y = np.where(rng.random(y.shape) < 0.3, np.nan, y + EFFECT * treated)
    return World(outcome=y, start=start, truth=EFFECT)


def _late(rng: np.random.Generator) -> World:
    y, start, treated = _rollout(rng)
    y += EFFECT * treated
    y[:, -2:][rng.random((N_UNITS, 2)) < 0.5] = np.nan
    return World(outcome=y, start=start, truth=EFFECT)


def _entry_and_exit(rng: np.random.Generator) -> World:
    y, start, treated = _rollout(rng)
    y += EFFECT * treated
    for unit in rng.choice(N_UNITS, 8, replace=False):
        if rng.random() < 0.5:
            y[unit, : rng.integers(1, 6)] = np.nan
        else:
            y[unit, -rng.integers(1, 6) :] = np.nan
    return World(outcome=y, start=start, truth=EFFECT)


def _contaminated(rng: np.random.Generator) -> World:
    y, start, treated = _rollout(rng)
    y[-1, min(WAVES) :] += 6.0
    return World(outcome=y + EFFECT * treated, start=start, truth=EFFECT)


def _interference(rng: np.random.Generator) -> World:
    y, start, treated = _rollout(rng)
    y[-5:, min(WAVES) :] += EFFECT / 2
    return World(outcome=y + EFFECT * treated, start=start, truth=EFFECT)


def _donor_shift(rng: np.random.Generator) -> World:
    start = np.array([20, *[NEVER] * 20])
    y = panel_noise(rng, 0.4, (21, 30))
    y[0, 20:] += EFFECT
    y[1 + rng.integers(20), 20:] += 5.0
    return World(outcome=y, start=start, truth=EFFECT)


def _zero_inflated(rng: np.random.Generator) -> World:
    _, start, treated = _rollout(rng)
    # A tenth of the 500 invoices of a unit and month lead to a claim, whose amounts are lognormal.
    claims = rng.binomial(500, 0.1, treated.shape)
    amount = np.array([[rng.lognormal(0.0, 1.0, n).sum() / 500 for n in row] for row in claims])
    return World(outcome=amount + 0.1 * treated, start=start, truth=0.1)


def _currency(rng: np.random.Generator) -> World:
    y, start, treated = _rollout(rng)
    # Reported in another currency from month 6 on, at one rate; the effect is meant in it too.
    level = 50 + y + EFFECT * treated
    rate = np.where(np.arange(N_PERIODS) >= 6, 1.17, 1.0)
    return World(outcome=level * rate, start=start, truth=EFFECT * 1.17)


def _short_panel(rng: np.random.Generator) -> World:
    start = np.array([5, 5, *[NEVER] * 18])
    y = panel_noise(rng, 0.4, (20, 8))
    y[:2, 5:] += EFFECT
    return World(outcome=y, start=start, truth=EFFECT)


def _fading(rng: np.random.Generator) -> World:
    y, start, treated = _rollout(rng)
    since = np.maximum(np.arange(N_PERIODS) - start[:, None], 0)
    effect = treated * np.maximum(2 * EFFECT - 0.3 * since, 0.0)
    return World(outcome=y + effect, start=start, truth=float(effect.sum() / treated.sum()))


def _read(world: Callable[[np.random.Generator], World], rng: np.random.Generator) -> Reading:
    made = world(rng)
    seen = np.isfinite(made.outcome)
    unit, time = np.nonzero(seen)
    table = PanelTable(
        unit=[f"u{row:03d}" for row in unit],
        time=[str(column) for column in time],
        outcome=made.outcome[seen],
        treated=time >= made.start[unit],
        covariates=np.empty((len(unit), 0)),
    )
    try:
        found = estimate_panel(table)
    except NotEstimable:
        return Reading(low=np.nan, high=np.nan, truth=made.truth, is_flagged=True)
    is_flagged = any(check.status == "failed" for check in found.checks)
    low, high = found.figure.low, found.figure.high
    return Reading(low=low, high=high, truth=made.truth, is_flagged=is_flagged)


def _holidays(rng: np.random.Generator) -> Reading:
    """Read a weekly series in which the same three weeks of every year stand out."""
    series = weekly(rng, 0.4, shape="season")
    is_holiday = np.isin(series.week % 52, (0, 13, 51))
    moved = type(series)(
        periods=series.periods,
        week=series.week,
        y=series.y - 2.0 * is_holiday,
        x=series.x,
        share_treated=series.share_treated,
        volume=series.volume,
        observed=series.observed,
        n_units=1,
    )
    return reading_of(before_after(moved), 0.0)


_ROLLOUT = "a rollout in waves of 10 of 40 units"
_GUARDED = "covered, or demoted by a failed check, or refused"

TROUBLE: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D12 {label}",
            method="chosen by the data",
            draw=partial(_read, world),
            promise="guarded",
            reason=_GUARDED,
        )
        for label, world in (
            ("three cells in ten missing", _missing),
            ("half of the last two months late", _late),
            ("eight units enter or leave", _entry_and_exit),
            ("a control contaminated at go-live", _contaminated),
            ("interference: five controls get half the effect", _interference),
            ("a donor's level shifts", _donor_shift),
            ("money with many zeros", _zero_inflated),
            ("another currency from month 6 on", _currency),
            ("2 treated, 8 months", _short_panel),
            ("an effect that fades", _fading),
        )
    ),
    Cell(
        name="D12 holidays of one series",
        method="before_after",
        draw=_holidays,
        promise="conservative",
        reason="holidays that nobody declared count as noise",
    ),
)
