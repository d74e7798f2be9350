"""How treated units drifted apart from the others, block by block, and the effect since.

Every treated unit's mean after go-live, and in blocks of time before it, is compared with its own
last block before, less the same difference among units that never had the AI: long differences, in
which a step before go-live and the effect mean the same thing. All are weighted sums of cells, so
that the covariance of units' paths gives theirs, jointly.

Source: Roth (2024), "Interpreting Event-Studies from Recent Difference-in-Differences Methods",
arXiv 2401.12309, for long differences; `error_models.dependence` for the covariance.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from aivalue.effects.effect import Scale
from aivalue.effects.error_models.dependence import Dependence, covariance_of, noise_by_side
from aivalue.effects.estimators.difference_in_differences import Rollout
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.parallel_trends.leads import LeadTest
from aivalue.effects.parallel_trends.relative_magnitudes import Drift, interval_under_drift
from aivalue.effects.parallel_trends.smoothness import smooth
from aivalue.effects.two_way import fit_two_way
from aivalue.errors import NotEstimable

CONTROLS_MIN = 2
TIMES = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Effects that remain possible if steps after go-live are up to `times` those before."""

    times: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bends:
    """The effect if the drift goes straight on, and by how much it may bend.

    Attributes
    ----------
    low, high : float
        With a drift whose steps go on as before, the treated's last one carried on.
    breakdown : float or None
        Change from one step to the next up to which the effect is told from zero; None where it is
        not even if the drift goes straight on.
    seen : float
        Largest change from one step to the next before go-live, noise included.
    """

    low: float
    high: float
    breakdown: float | None
    seen: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderDrift:
    """Ranges of the effect, or why there are none."""

    ranges: tuple[Range, ...] = ()
    bends: Bends | None = None
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """Levels by unit and period, logarithms if proportional; weight 0 where there is none."""

    value: Floats
    weight: Floats


def effects_under_drift(
    rollout: Rollout,
    first: Integers,
    leads: LeadTest,
    *,
    scale: Scale,
    blocks: tuple[tuple[int, int], ...],
    confidence: float,
) -> UnderDrift:
    """Return the effect's range at a half, once and twice the largest step, and if it is smooth.

    Shares if proportional.

    Parameters are those of `drift_of`; `leads` are the blocks' test on untreated cells.
    """
    if leads.dependence is None:
        return UnderDrift(why_not="too short a history before to see steps in")
    try:
        drift = drift_of(rollout, first, leads.dependence, scale=scale, blocks=blocks)
        ends = [
            (times, *interval_under_drift(drift, times=times, confidence=confidence))
            for times in TIMES
        ]
        bends = _bends_of(drift, confidence, scale)
    except NotEstimable as refusal:
        return UnderDrift(why_not=str(refusal))
    if scale == "proportional":
        ends = [(times, math.expm1(low), math.expm1(high)) for times, low, high in ends]
    return UnderDrift(
        ranges=tuple(Range(times=times, low=low, high=high) for times, low, high in ends),
        bends=bends,
    )


def _bends_of(drift: Drift, confidence: float, scale: Scale) -> Bends:
    found = smooth(drift, confidence=confidence)
    low, high = found.interval(0.0)
    breakdown = found.breakdown()
    seen = float(np.abs(np.diff(drift.steps)).max())
    if scale == "proportional":
        low, high, seen = math.expm1(low), math.expm1(high), math.expm1(seen)
        breakdown = None if breakdown is None else math.expm1(breakdown)
    return Bends(low=low, high=high, breakdown=breakdown, seen=seen)


def drift_of(
    rollout: Rollout,
    first: Integers,
    dependence: Dependence,
    *,
    scale: Scale,
    blocks: tuple[tuple[int, int], ...],
) -> Drift:
    """Return the effect since the last block before go-live, and the steps between blocks.

    Parameters
    ----------
    first : shape (n_units,)
        Position of the unit's first period with AI; `n_periods` where never.
    dependence : Dependence
        Of surprises as `fit_two_way` scales them.
    blocks : at least two
        Adjoining ranges of periods before go-live, of equal length, both ends included, the nearest
        first: that one is the reference.

    Raises
    ------
    NotEstimable
        No treated unit was measured in all blocks and after, beside two that never had the AI.
    """
    cells = _cells_of(rollout, scale)
    paths, distance, curvature = _differences(cells, rollout.x_treated, first, blocks)
    point = (paths * cells.value).sum(axis=(1, 2))
    spread = _spread(rollout, cells, scale)
    if dependence.apart is not None:
        dependence = replace(dependence, apart=first < cells.value.shape[1])
    noise = noise_by_side(dependence, paths, paths * spread)
    covariance, free = covariance_of(dependence, noise, paths)
    return Drift(
        figure=float(point[0]),
        steps=point[1:],
        covariance=covariance,
        distance=distance,
        curvature=curvature,
        free=free,
    )


def _differences(
    cells: _Cells, volume: Floats, first: Integers, blocks: tuple[tuple[int, int], ...]
) -> tuple[Floats, float, float]:
    """Return each figure's weight of every cell, the mean distance from go-live, and curvature.

    The first figure is after less the last block before, then each block less the one before it.
    """
    gap, width = blocks[0][0] - 1, blocks[0][1] - blocks[0][0] + 1
    n_units, n_periods = cells.value.shape
    volume = np.where(cells.weight > 0, volume, 0.0)
    never = first >= n_periods
    paths = np.zeros((1 + len(blocks), n_units, n_periods))
    total, distance, curvature = 0.0, 0.0, 0.0
    for start in np.unique(first[~never]):
        weight = cells.weight * _masks(int(start), n_periods, blocks)[:, None, :]
        seen = (weight.sum(axis=2) > 0).all(axis=0)
        units, controls = (first == start) & seen, never & seen
        if not units.any() or controls.sum() < CONTROLS_MIN:
            continue
        means = weight / np.maximum(weight.sum(axis=2, keepdims=True), np.finfo(float).tiny)
        treated = volume[units]
        paths[:, units] += treated.sum(axis=1)[:, None] * means[:, units]
        paths[:, controls] -= treated.sum() * means[:, controls] / controls.sum()
        since = np.maximum(np.arange(n_periods) - start, 0) // width + 1 + gap / width
        total += float(treated.sum())
        distance += float((treated * since).sum())
        curvature += float((treated * since * (since + 1) / 2).sum())
    if not total > 0:
        raise NotEstimable(
            f"no treated unit was measured in {len(blocks)} blocks of {width} before go-live and "
            f"after, beside {CONTROLS_MIN} units that never had the AI"
        )
    return (paths[:-1] - paths[1:]) / total, distance / total, curvature / total


def _cells_of(rollout: Rollout, scale: Scale) -> _Cells:
    """Merge cells with and without AI; a period in which a unit went live is on neither side."""
    is_both: Booleans = (rollout.x_treated > 0) & (rollout.x_untreated > 0)
    weight = np.where(is_both, 0.0, rollout.x_treated + rollout.x_untreated)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (rollout.y_treated + rollout.y_untreated) / weight
        value = value if scale == "additive" else np.log(value)
    seen = np.isfinite(value)
    return _Cells(value=np.where(seen, value, 0.0), weight=np.where(seen, weight, 0.0))


def _masks(start: int, n_periods: int, blocks: tuple[tuple[int, int], ...]) -> Floats:
    """Return which periods are after, and in each block before."""
    to_start = start - np.arange(n_periods)
    before = [(to_start >= nearest) & (to_start <= farthest) for nearest, farthest in blocks]
    return np.array([to_start <= 0, *before], dtype=np.float64)


def _spread(rollout: Rollout, cells: _Cells, scale: Scale) -> Floats:
    """Return the variance that noise of scale one gives each cell's level."""
    fitted, months = rollout.x_untreated.sum(axis=1) > 0, rollout.x_untreated.sum(axis=0) > 0
    inside = np.ix_(fitted, months)
    levels = fit_two_way(rollout.y_untreated[inside], rollout.x_untreated[inside], scale=scale)
    precision = np.zeros_like(cells.weight)
    precision[inside] = cells.weight[inside] * levels.spread
    spread: Floats = np.where(precision > 0, 1 / np.where(precision > 0, precision, 1.0), 0.0)
    return spread
