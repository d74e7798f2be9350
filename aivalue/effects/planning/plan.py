"""Power, minimum detectable effect and size of a trial on paper, from its noise alone.

The test is the one that the estimator's interval inverts: two-sided, Student's t. Its power under
an effect is that of the noncentral t, so that what is detectable at a size, and the size at which
a target is, are each other's inverse.

Source: Cohen (1988), "Statistical Power Analysis for the Behavioral Sciences", chapter 2; Fleiss,
Levin & Paik (2003), "Statistical Methods for Rates and Proportions", 4.2, for shares.
"""

import math
from dataclasses import dataclass

from aivalue.effects.arms.power import share_beyond
from aivalue.effects.planning.memories import Range
from aivalue.effects.planning.trial import Kind, Lever, Noise, Trial
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable

HALVINGS = 200
CLOSE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the reader wants to be told.

    Attributes
    ----------
    target : float or None
        In the KPI's unit, not zero; its sign says which way.
    rising : bool
        Which way the detectable effect goes where there is no target.
    """

    target: float | None = None
    rising: bool = True
    confidence: float = 0.95
    power: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """The size of one lever, all else as planned, that detects the target; None: no size does."""

    lever: str
    planned: int | None
    size: int | None
    weeks: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the trial would tell.

    Attributes
    ----------
    detectable, detectable_share : float or None
        Smallest effect found with the power wanted, in the KPI's unit and of its level; None where
        no size is planned.
    power : float or None
        At the target.
    weeks : float or None
        How long the planned size takes.
    autocorrelation : Range or None
        As a history leaves it open; None where it is taken as known.
    """

    kind: Kind
    estimator: str
    level: float | None
    target: float | None
    confidence: float
    wanted_power: float
    standard_error: float | None
    degrees_of_freedom: float | None
    detectable: float | None
    detectable_share: float | None
    power: float | None
    weeks: float | None
    needed: tuple[Needed, ...]
    assumes: tuple[str, ...]
    autocorrelation: Range | None = None


def plan(trial: Trial, wish: Wish, *, per_week: float | None = None) -> Plan:
    """Say what a trial detects, how surely it detects the target, and what that would take.

    Parameters
    ----------
    per_week : float or None
        How many of the first lever arrive in a week.

    Raises
    ------
    NotEstimable
        Neither a target nor a size is given, or the target is nothing or beyond what can be.
    """
    _require_askable(trial, wish)
    first = trial.levers[0]
    noise = None if first.planned is None else first.noise_at(first.planned, wish.target or 0.0)
    detectable = None if first.planned is None else _detectable(trial, first.planned, wish)
    share = detectable / abs(trial.level) if detectable is not None and trial.level else None
    power = None
    if noise is not None and wish.target is not None:
        power = power_under(wish.target, noise, confidence=wish.confidence)
    return Plan(
        kind=trial.kind,
        estimator=trial.estimator,
        level=trial.level,
        target=wish.target,
        confidence=wish.confidence,
        wanted_power=wish.power,
        standard_error=None if noise is None else noise.standard_error,
        degrees_of_freedom=None if noise is None else noise.degrees_of_freedom,
        detectable=detectable,
        detectable_share=share,
        power=power,
        weeks=_weeks(first.planned, per_week),
        needed=() if wish.target is None else _needed(trial, wish.target, wish, per_week),
        assumes=trial.assumes,
        autocorrelation=trial.autocorrelation,
    )


def power_under(effect: float, noise: Noise, *, confidence: float = 0.95) -> float:
    """Return how often the interval excludes zero, on either side, under this effect."""
    if noise.power is not None:
        return noise.power(effect)
    free = noise.degrees_of_freedom
    margin = t_quantile((1 + confidence) / 2, free) * noise.null_error / noise.standard_error
    return share_beyond(margin, abs(effect) / noise.standard_error, free)


def _detectable(trial: Trial, planned: int, wish: Wish) -> float | None:
    """Return the smallest effect found often enough, with its sign; None where none can be."""
    lever = trial.levers[0]
    is_rise = wish.rising if wish.target is None else wish.target > 0
    sign = 1.0 if is_rise else -1.0

    def finds(size: float) -> bool:
        noise = lever.noise_at(planned, sign * size)
        return power_under(size, noise, confidence=wish.confidence) >= wish.power

    limit = trial.effect_max if is_rise else _fall_max(trial)
    high = min(lever.noise_at(planned, 0.0).standard_error, limit)
    while not finds(high):
        if high >= limit:
            return None
        high = min(2 * high, limit)
    low = 0.0
    for _ in range(HALVINGS):
        if high - low <= CLOSE * high:
            break
        middle = (low + high) / 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return sign * high


def _needed(trial: Trial, target: float, wish: Wish, per_week: float | None) -> tuple[Needed, ...]:
    found = []
    for row, lever in enumerate(trial.levers):
        size = _smallest(lever, target, wish)
        weeks = _weeks(size, per_week) if row == 0 else None
        found.append(Needed(lever=lever.name, planned=lever.planned, size=size, weeks=weeks))
    return tuple(found)


def _weeks(size: int | None, per_week: float | None) -> float | None:
    return size / per_week if size is not None and per_week else None


def _smallest(lever: Lever, target: float, wish: Wish) -> int | None:
    def finds(size: int) -> bool:
        noise = lever.noise(size, target)
        return power_under(target, noise, confidence=wish.confidence) >= wish.power

    if lever.least > lever.most:
        return None
    low, high = lever.least - 1, lever.least
    while not finds(high):
        if high >= lever.most:
            return None
        low, high = high, min(2 * high, lever.most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    return high


def _fall_max(trial: Trial) -> float:
    """Return how far the KPI can fall: a share to nothing, other KPIs without end."""
    return trial.level if trial.level and math.isfinite(trial.effect_max) else math.inf


def _require_askable(trial: Trial, wish: Wish) -> None:
    if wish.target is None and trial.levers[0].planned is None:
        raise NotEstimable("neither a target nor a size is given: nothing to compute")
    if wish.target == 0:
        raise NotEstimable("no trial detects an effect of zero")
    if wish.target is None:
        return
    limit = trial.effect_max if wish.target > 0 else _fall_max(trial)
    if abs(wish.target) >= limit:
        raise NotEstimable(f"a target of {wish.target:+g} leaves no share: at most {limit:g}")
